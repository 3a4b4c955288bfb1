"""OpenAI's own Python client, asynchronous, many calls at a time."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from tests.clients import openai_dialogue as say
from tests.clients.comparison import Both, bill, cost
from tests.clients.upstream import Answer, Received

QUESTION: list[Any] = [{"role": "user", "content": "Good morning?"}]
BILL = bill((1200 - 1024, "0.15"), (1024, "0.075"), (340, "0.60"))
"""gpt-4o-mini (https://developers.openai.com/api/docs/pricing, November 2026)."""


def client(root: str) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=f"{root}/v1", api_key="sk-test", max_retries=0)


async def text_of(stream: AsyncIterator[Any]) -> str:
    """The text of a streamed answer."""
    return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])


def echo(request: Received) -> Answer:
    """Answer with the question, streamed where that is asked for."""
    said = request.json["messages"][-1]["content"]
    if request.json.get("stream"):
        return say.chat_stream(*say.words(said), pause=0.005)(request)
    return say.chat({"content": said})


async def test_plain_and_streamed(both: Both) -> None:
    async def use(root: str) -> Any:
        async with client(root) as ai:
            plain = await ai.chat.completions.create(model=say.ASKED, messages=QUESTION)
            stream = await ai.responses.create(model=say.ASKED, input="Weather?", stream=True)
            return plain, [event async for event in stream]

    seen = await both.awaited([say.chat({"content": "Good morning"}), say.response_stream()], use)
    plain, streamed = seen.calls
    assert (plain["stream"], plain["endpoint"], cost(plain)) == (False, "chat/completions", BILL)
    assert (streamed["stream"], streamed["endpoint"], streamed["input_tokens"]) == (True, "responses", 2000)


async def test_tools_in_a_stream(both: Both) -> None:
    async def use(root: str) -> Any:
        async with client(root) as ai:
            asked = ai.chat.completions.stream(model=say.ASKED, messages=QUESTION, tools=say.TOOLS)
            async with asked as stream:
                return (await stream.get_final_completion()).choices[0].message

    seen = await both.awaited([say.chat_stream(*say.tools_in_pieces(), reason="tool_calls")], use, asks_usage=True)
    assert seen.call["tool_calls"] == ["get_weather", "get_time"]
    assert cost(seen.call) == BILL


async def test_forty_streams_at_a_time_do_not_mix(both: Both) -> None:
    names = [f"question number {number}" for number in range(40)]

    async def ask(ai: AsyncOpenAI, name: str) -> str:
        messages: list[Any] = [{"role": "user", "content": name}]
        stream = await ai.chat.completions.create(model=say.ASKED, messages=messages, stream=True)
        return await text_of(stream)

    async def use(root: str) -> Any:
        async with client(root) as ai:
            return await asyncio.gather(*(ask(ai, name) for name in names))

    seen = await both.awaited([echo] * 40, use, asks_usage=True, in_order=False)
    assert seen.result == [f"{name} " for name in names]
    assert [cost(call) for call in seen.calls] == [BILL] * 40
    assert len({call["execution_id"] for call in seen.calls}) == 40


async def test_a_timeout_of_the_client_interrupts_the_call(both: Both) -> None:
    async def use(root: str) -> Any:
        async with client(root) as ai:
            with pytest.raises(openai.APITimeoutError):
                await ai.chat.completions.create(model=say.ASKED, messages=QUESTION, timeout=0.2)

    call = (await both.awaited([say.chat({"content": "late"}, pause=5)], use)).call
    assert (call["status"], call["outcome"]) == ("interrupted", "client_closed")
    assert (call["usage_source"], call["cost_estimated"]) == ("estimated", True)
    assert call["duration_ms"] < 4500
