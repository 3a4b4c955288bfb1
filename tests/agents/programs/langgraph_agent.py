"""langchain's agent on langgraph, chat completions streamed; another such agent is one of its tools."""

import sys

from langchain.agents import create_agent
from langchain_openai import ChatOpenAI
from world import get_time, get_weather, look_up

model = ChatOpenAI(model="gpt-4o-mini")
translator = create_agent(model, [look_up], system_prompt="You translate.")


def ask_translator(text: str) -> str:
    """Have words translated."""
    said = translator.invoke({"messages": [{"role": "user", "content": text}]})
    return str(said["messages"][-1].content)


planner = create_agent(model, [get_weather, get_time, ask_translator], system_prompt="You plan trips.")
for part, _ in planner.stream(
    {"messages": [{"role": "user", "content": f"Plan {sys.argv[1]}."}]}, stream_mode="messages"
):
    print(part.text, end="")
