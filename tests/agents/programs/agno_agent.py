"""agno on the Responses API: an agent with tools, one of which runs another agent."""

import sys

from agno.agent import Agent
from agno.models.openai import OpenAIResponses
from world import get_time, get_weather, look_up

translator = Agent(model=OpenAIResponses(id="gpt-4o-mini"), instructions="You translate.", tools=[look_up])


def ask_translator(text: str) -> str:
    """Have words translated."""
    return str(translator.run(text).content)


planner = Agent(
    model=OpenAIResponses(id="gpt-4o-mini"),
    instructions="You plan trips.",
    tools=[get_weather, get_time, ask_translator],
)
print(planner.run(f"Plan {sys.argv[1]}.").content)
