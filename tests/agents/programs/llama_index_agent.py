"""llama-index's FunctionAgent; a tool runs another one."""

import asyncio
import sys

from llama_index.core.agent.workflow import FunctionAgent
from llama_index.llms.openai import OpenAI
from world import get_time, get_weather, look_up

model = OpenAI(model="gpt-4o-mini")
translator = FunctionAgent(tools=[look_up], llm=model, system_prompt="You translate.")


async def ask_translator(text: str) -> str:
    """Have words translated."""
    return str(await translator.run(text))


planner = FunctionAgent(tools=[get_weather, get_time, ask_translator], llm=model, system_prompt="You plan trips.")


async def main() -> None:
    print(await planner.run(f"Plan {sys.argv[1]}."))


asyncio.run(main())
