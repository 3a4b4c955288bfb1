"""Anthropic's own Python client, blocking and asynchronous."""

from collections.abc import Callable
from typing import Any

import anthropic
import pytest
from anthropic import Anthropic, AsyncAnthropic

from tests.clients import anthropic_dialogue as say
from tests.clients.comparison import Both, bill, cost
from tests.clients.upstream import said

ASK: dict[str, Any] = {
    "model": say.ASKED,
    "max_tokens": 4000,
    "messages": [{"role": "user", "content": "Good morning? 🌅"}],
}
BILL = bill((40, "1.00"), (1000, "1.25"), (2000, "2.00"), (10000, "0.10"), (500, "5.00"))
"""Claude Haiku 4.5: input, cache write for five minutes and for an hour, cache read, output
(https://platform.claude.com/docs/en/about-claude/pricing, November 2026)."""


def client(root: str, **more: Any) -> Anthropic:
    return Anthropic(base_url=root, api_key="sk-ant-test", **more)


def asking(**more: Any) -> Callable[[str], Any]:
    def use(root: str) -> Any:
        with client(root) as ai:
            return ai.messages.create(**ASK, **more)

    return use


def assert_message(call: dict[str, Any]) -> None:
    """The numbers that every scripted message has: input counts what was cached."""
    assert (call["status"], call["error"], call["http_status"]) == ("completed", None, 200)
    assert (call["provider"], call["endpoint"], call["kind"]) == ("anthropic", "messages", "llm")
    assert (call["request_model"], call["response_model"]) == (say.ASKED, say.SERVED)
    assert (call["input_tokens"], call["cache_read_tokens"], call["cache_write_tokens"]) == (13040, 10000, 3000)
    assert call["output_tokens"] == 500
    assert cost(call) == BILL
    assert 0 < call["ttft_ms"] <= call["duration_ms"]


def test_a_plain_message(both: Both) -> None:
    seen = both([say.message(say.TEXT)], asking())
    assert seen.result.content[0].text == "Good morning"
    assert_message(seen.call)
    assert (seen.call["stream"], seen.call["finish_reason"], seen.call["tool_calls"]) == (False, "end_turn", [])


def test_the_stream_helper_with_thinking_and_a_tool(both: Both) -> None:
    def use(root: str) -> Any:
        with (
            client(root) as ai,
            ai.messages.stream(**ASK, tools=say.TOOLS, thinking={"type": "enabled", "budget_tokens": 1024}) as stream,
        ):
            heard = [event.type for event in stream]
            return heard, stream.get_final_message()

    seen = both([say.stream()], use)
    thought, text, tool = seen.result[1].content
    assert (thought.thinking, text.text, tool.input) == ("Which city?", "Good morning", {"city": "Kyōto"})
    assert_message(seen.call)
    assert (seen.call["stream"], seen.call["finish_reason"]) == (True, "tool_use")
    assert seen.call["tool_calls"] == ["get_weather"]


def test_an_agent_loop_with_a_tool(both: Both) -> None:
    def use(root: str) -> Any:
        with client(root) as ai:
            first = ai.messages.create(**ASK, tools=say.TOOLS)
            result = {"type": "tool_result", "tool_use_id": first.content[0].id, "content": "18 °C"}
            turns = [
                *ASK["messages"],
                {"role": "assistant", "content": first.content},
                {"role": "user", "content": [result]},
            ]
            return first, ai.messages.create(**ASK | {"messages": turns}, tools=say.TOOLS)

    seen = both([say.message(say.TOOL_USE, reason="tool_use"), say.message(say.TEXT)], use)
    for call in seen.calls:
        assert_message(call)
    assert [call["tool_calls"] for call in seen.calls] == [["get_weather"], []]


@pytest.mark.parametrize("coding", ["gzip", "br"])
def test_compressed_answers(both: Both, coding: str) -> None:
    seen = both([say.message(say.TEXT, coding=coding), say.stream()._replace(coding=coding)], _plain_then_stream)
    assert coding in seen.requests[0].header("accept-encoding")
    for call in seen.calls:
        assert_message(call)


def _plain_then_stream(root: str) -> Any:
    with client(root) as ai:
        return ai.messages.create(**ASK), list(ai.messages.create(**ASK, stream=True))


def test_counting_tokens_costs_nothing(both: Both) -> None:
    def use(root: str) -> Any:
        with client(root) as ai:
            return ai.messages.count_tokens(model=say.ASKED, messages=ASK["messages"]).input_tokens

    seen = both([said({"input_tokens": 2095})], use)
    assert seen.result == 2095
    assert (seen.call["endpoint"], seen.call["kind"]) == ("count_tokens", "span")
    assert (seen.call["input_tokens"], seen.call["cost_usd"]) == (None, None)


def test_an_overloaded_provider_within_a_stream(both: Both) -> None:
    def use(root: str) -> Any:
        heard: list[str] = []
        with client(root) as ai, pytest.raises(anthropic.APIStatusError) as caught:
            heard.extend(event.type for event in ai.messages.create(**ASK, stream=True))
        return type(caught.value), caught.value.message, heard

    call = both([say.overloaded_stream()], use).call
    assert (call["status"], call["http_status"]) == ("failed", 200)
    assert (call["error"], call["error_type"]) == ("Overloaded", "overloaded_error")
    assert call["input_tokens"] == 13040


def test_an_overloaded_provider_and_the_retry_are_two_calls(both: Both) -> None:
    busy = say.error(529, "overloaded_error", "Overloaded", retry_after="0", retry_after_ms="10")
    seen = both([busy, say.message(say.TEXT)], asking())
    refused, answered = seen.calls
    assert (refused["status"], refused["http_status"], refused["error_type"]) == ("failed", 529, "overloaded_error")
    assert refused["cost_usd"] is None
    assert_message(answered)


def test_a_refusal(both: Both) -> None:
    def use(root: str) -> Any:
        with client(root) as ai, pytest.raises(anthropic.BadRequestError) as caught:
            ai.messages.create(**ASK)
        return caught.value.message, caught.value.body, caught.value.request_id

    call = both([say.error(400, "invalid_request_error", "max_tokens: too many")], use).call
    assert (call["status"], call["error"]) == ("failed", "max_tokens: too many")
    assert (call["http_status"], call["cost_usd"]) == (400, None)


async def test_the_asynchronous_client(both: Both) -> None:
    async def use(root: str) -> Any:
        async with AsyncAnthropic(base_url=root, api_key="sk-ant-test") as ai:
            plain = await ai.messages.create(**ASK)
            async with ai.messages.stream(**ASK) as stream:
                return plain, [event.type async for event in stream], await stream.get_final_message()

    seen = await both.awaited([say.message(say.TEXT), say.stream()], use)
    for call in seen.calls:
        assert_message(call)
    assert [call["stream"] for call in seen.calls] == [False, True]


def test_names_by_the_environments_headers(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "X-Kagura-Execution-Id: env-run\nX-Kagura-Agent: env-agent")
    call = both([say.message(say.TEXT)], asking()).call
    assert (call["execution_id"], call["execution_source"], call["agent"]) == ("env-run", "header", "env-agent")
