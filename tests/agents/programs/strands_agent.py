"""strands-agents on chat completions, streamed; another agent is one of its tools."""

import sys

from strands import Agent, tool
from strands.models.openai import OpenAIModel
from world import get_time, get_weather, look_up

model = OpenAIModel(model_id="gpt-4o-mini")


@tool
def ask_translator(text: str) -> str:
    """Have words translated.

    Args:
        text: The words.
    """
    return str(Agent(model=model, system_prompt="You translate.", tools=[tool(look_up)], callback_handler=None)(text))


planner = Agent(
    model=model,
    system_prompt="You plan trips.",
    tools=[tool(get_weather), tool(get_time), ask_translator],
    callback_handler=None,
)
print(planner(f"Plan {sys.argv[1]}."))
