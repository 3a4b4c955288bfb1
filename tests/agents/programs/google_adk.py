"""google-adk on Gemini; another agent is one of its tools."""

import asyncio
import sys

from google.adk.agents import LlmAgent
from google.adk.runners import InMemoryRunner
from google.adk.tools.agent_tool import AgentTool
from world import get_time, get_weather, look_up

translator = LlmAgent(
    name="ask_translator",
    model="gemini-2.5-flash",
    description="Translates.",
    instruction="You translate.",
    tools=[look_up],
)
planner = LlmAgent(
    name="planner",
    model="gemini-2.5-flash",
    instruction="You plan trips.",
    tools=[get_weather, get_time, AgentTool(translator)],
)


async def main() -> None:
    runner = InMemoryRunner(agent=planner)
    for event in await runner.run_debug(f"Plan {sys.argv[1]}.", quiet=True):
        if event.is_final_response() and event.content:
            print(event.content.parts[0].text)


asyncio.run(main())
