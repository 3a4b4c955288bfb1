"""autogen's AssistantAgent; another one is one of its tools."""

import asyncio
import sys

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.tools import AgentTool
from autogen_ext.models.openai import OpenAIChatCompletionClient
from world import get_time, get_weather, look_up


async def main() -> None:
    client = OpenAIChatCompletionClient(model="gpt-4o-mini")
    translator = AssistantAgent(
        "ask_translator",
        client,
        description="Translates.",
        tools=[look_up],
        system_message="You translate.",
        max_tool_iterations=8,
    )
    planner = AssistantAgent(
        "planner",
        client,
        tools=[get_weather, get_time, AgentTool(translator)],
        system_message="You plan trips.",
        max_tool_iterations=8,
    )
    print((await planner.run(task=f"Plan {sys.argv[1]}.")).messages[-1].to_text())


asyncio.run(main())
