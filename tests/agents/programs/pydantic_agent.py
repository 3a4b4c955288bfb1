"""pydantic-ai on chat completions; a tool delegates to another agent."""

import sys

from pydantic_ai import Agent
from world import get_time, get_weather, look_up

translator = Agent("openai-chat:gpt-4o-mini", instructions="You translate.", tools=[look_up])
planner = Agent("openai-chat:gpt-4o-mini", instructions="You plan trips.", tools=[get_weather, get_time])


@planner.tool_plain
async def ask_translator(text: str) -> str:
    """Have words translated."""
    return (await translator.run(text)).output


print(planner.run_sync(f"Plan {sys.argv[1]}.").output)
