"""semantic-kernel's ChatCompletionAgent; a function of its plugin runs another one."""

import asyncio
import sys

import world
from semantic_kernel.agents import ChatCompletionAgent
from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion
from semantic_kernel.functions import kernel_function

service = OpenAIChatCompletion(ai_model_id="gpt-4o-mini")


class Words:
    """What the translator can do."""

    @kernel_function(description="Look a word up.")
    def look_up(self, word: str) -> str:
        return world.look_up(word)


class Trips:
    """What the planner can do."""

    @kernel_function(description="Tell the weather.")
    async def get_weather(self, city: str) -> str:
        return await asyncio.to_thread(world.get_weather, city)

    @kernel_function(description="Tell the time.")
    async def get_time(self, zone: str) -> str:
        return await asyncio.to_thread(world.get_time, zone)

    @kernel_function(description="Have words translated.")
    async def ask_translator(self, text: str) -> str:
        return str(await translator.get_response(text))


translator = ChatCompletionAgent(service=service, name="translator", instructions="You translate.", plugins=[Words()])
planner = ChatCompletionAgent(service=service, name="planner", instructions="You plan trips.", plugins=[Trips()])


async def main() -> None:
    print(await planner.get_response(f"Plan {sys.argv[1]}."))


asyncio.run(main())
