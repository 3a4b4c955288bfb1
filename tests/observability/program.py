"""A program that uses the LiteLLM library, as its users write them. Arguments: a provider's address, a proxy's.

It runs apart from the tests, which see its records only, and ends as soon as its last call has.
"""

import asyncio
import sys
from typing import Any

import litellm

from kagura.observability import litellm_callback

ASK: dict[str, Any] = {
    "model": "anthropic/claude-haiku-4-5",
    "messages": [{"role": "user", "content": "Good morning?"}],
    "api_key": "sk-ant-test",
    "max_retries": 0,
}
TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}]


def failing(**more: Any) -> None:
    try:
        litellm.completion(**ASK | more)
    except litellm.exceptions.RateLimitError:
        return
    raise AssertionError("the call was to fail")


async def asynchronous(address: str) -> None:
    await litellm.acompletion(**ASK, api_base=address, metadata={"session_id": "session-0002"})
    async for _ in await litellm.acompletion(**ASK, api_base=address, stream=True):
        pass
    await litellm.aembedding(
        model="openai/text-embedding-3-small", input=["Good morning"], api_base=f"{address}/v1", api_key="sk-test"
    )


def main(address: str, proxy: str) -> None:
    litellm.callbacks = [litellm_callback]
    named = {"session_id": "session-0001", "agent": "planner", "tags": ["nightly"]}
    litellm.completion(**ASK, api_base=address, metadata=named)
    for _ in litellm.completion(**ASK, api_base=address, stream=True):
        pass
    failing(api_base=address)
    litellm.completion(**ASK, api_base=proxy)
    asyncio.run(asynchronous(address))


if __name__ == "__main__":
    main(*sys.argv[1:])
