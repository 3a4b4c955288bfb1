"""openai-agents on the Responses API: tools, an agent as a tool, and a handoff."""

import asyncio
import sys

from agents import Agent, Runner, function_tool
from world import get_time, get_weather, look_up

translator = Agent(
    name="translator", model="gpt-4o-mini", instructions="You translate.", tools=[function_tool(look_up)]
)
writer = Agent(name="writer", model="gpt-4o-mini", instructions="You write letters.")
planner = Agent(
    name="planner",
    model="gpt-4o-mini",
    instructions="You plan trips.",
    tools=[
        function_tool(get_weather),
        function_tool(get_time),
        translator.as_tool(tool_name="ask_translator", tool_description="Have words translated."),
    ],
    handoffs=[writer],
)


async def main() -> None:
    result = await Runner.run(planner, f"Plan {sys.argv[1]}.")
    print(result.final_output)


asyncio.run(main())
