"""OpenAI's client asks for models of providers that speak another dialect."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import openai
import pytest
from openai import OpenAI

from tests.clients import anthropic_dialogue as say
from tests.clients import gemini_dialogue
from tests.clients.comparison import bill, cost
from tests.clients.installed import Proxy
from tests.clients.upstream import Upstream, said

MODEL = f"anthropic/{say.ASKED}"
ASK: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "Good morning? 🌅"}], "max_tokens": 900}
TOOLS: list[Any] = [
    {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}
]
BILL = bill((40, "1.00"), (1000, "1.25"), (2000, "2.00"), (10000, "0.10"), (500, "5.00"))
"""Claude Haiku 4.5: input, cache write for five minutes and for an hour, cache read, output
(https://platform.claude.com/docs/en/about-claude/pricing, November 2026)."""


@pytest.fixture
def ai(proxy: Proxy) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{proxy.root}/v1", api_key="sk-ant-test", max_retries=0) as ai:
        yield ai


def assert_recorded(call: dict[str, Any]) -> None:
    assert (call["status"], call["error"], call["http_status"]) == ("completed", None, 200)
    assert (call["provider"], call["endpoint"], call["kind"]) == ("anthropic", "chat/completions", "llm")
    assert (call["input_tokens"], call["cache_read_tokens"], call["cache_write_tokens"]) == (13040, 10000, 3000)
    assert (call["request_model"], call["output_tokens"]) == (MODEL, 500)
    assert cost(call) == BILL


def test_a_plain_answer(ai: OpenAI, upstream: Upstream, proxy: Proxy) -> None:
    upstream.plays(say.message(say.TEXT))
    answer = ai.chat.completions.create(**ASK)
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("Good morning", "stop")
    (asked,) = upstream.requests
    assert (asked.path, asked.header("x-api-key"), asked.json["model"]) == ("/v1/messages", "sk-ant-test", say.ASKED)
    assert asked.header("anthropic-version") == "2023-06-01"
    assert not asked.header("x-kagura-translation")
    (call,) = proxy.calls(1)
    assert_recorded(call)
    assert (call["response_model"], call["finish_reason"], call["stream"]) == (say.SERVED, "stop", False)
    assert call["attributes"]["headers"]["x-request-id"] == "req_0123"


def test_an_agent_loop_with_a_tool(ai: OpenAI, upstream: Upstream, proxy: Proxy) -> None:
    upstream.plays(say.message(say.TOOL_USE, reason="tool_use"), say.message(say.TEXT))
    first = ai.chat.completions.create(**ASK, tools=TOOLS).choices[0]
    assert first.finish_reason == "tool_calls"
    assert first.message.content is None
    (wanted,) = first.message.tool_calls or []
    result: Any = {"role": "tool", "tool_call_id": wanted.id, "content": "18 °C"}
    turns = [*ASK["messages"], first.message, result]
    assert ai.chat.completions.create(**ASK | {"messages": turns}, tools=TOOLS).choices[0].message.content
    told = upstream.requests[1].json["messages"]
    assert told[1]["content"][-1] == say.TOOL_USE
    assert (told[2]["content"][0]["tool_use_id"], told[2]["role"]) == ("toolu_1", "user")
    calls = proxy.calls(2)
    for call in calls:
        assert_recorded(call)
    assert [call["tool_calls"] for call in calls] == [["get_weather"], []]


@pytest.mark.parametrize("asked", [True, False])
def test_a_stream_with_thinking_and_a_tool(ai: OpenAI, upstream: Upstream, proxy: Proxy, asked: bool) -> None:
    upstream.plays(say.stream())
    options: Any = {"stream_options": {"include_usage": True}} if asked else {}
    chunks = list(ai.chat.completions.create(**ASK, tools=TOOLS, stream=True, **options))
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    assert "".join(delta.content or "" for delta in deltas) == "Good morning"
    calls = [call.function for delta in deltas for call in delta.tool_calls or [] if call.function]
    assert calls[0].name == "get_weather"
    assert "".join(call.arguments or "" for call in calls) == '{"city": "Kyōto"}'
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "tool_calls"
    usages = [chunk.usage for chunk in chunks if chunk.usage]
    assert [usage.prompt_tokens for usage in usages] == ([13040] if asked else [])
    assert all(not chunk.choices for chunk in chunks if chunk.usage)
    (call,) = proxy.calls(1)
    assert_recorded(call)
    assert (call["stream"], call["finish_reason"], call["tool_calls"]) == (True, "tool_calls", ["get_weather"])
    assert 0 < call["ttft_ms"] <= call["duration_ms"]


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, "authentication_error"), (404, "not_found_error"), (429, "rate_limit_error"), (529, "overloaded_error")],
)
@pytest.mark.parametrize("stream", [False, True])
def test_the_providers_errors_keep_their_status(
    ai: OpenAI, upstream: Upstream, proxy: Proxy, status: int, kind: str, stream: bool
) -> None:
    upstream.plays(say.error(status, kind, "not today", retry_after="7"))
    with pytest.raises(openai.APIStatusError) as caught:
        ai.chat.completions.create(**ASK, stream=stream)
    error = caught.value
    assert (error.status_code, error.response.headers["retry-after"]) == (status, "7")
    assert error.body == {"message": "not today", "type": kind, "param": None, "code": None}
    (call,) = proxy.calls(1)
    assert (call["status"], call["error"], call["error_type"]) == ("failed", "not today", kind)
    assert (call["http_status"], call["cost_usd"]) == (status, None)


def test_an_error_within_a_stream(ai: OpenAI, upstream: Upstream, proxy: Proxy) -> None:
    upstream.plays(say.overloaded_stream())
    with pytest.raises(openai.APIError, match="Overloaded"):
        list(ai.chat.completions.create(**ASK, stream=True))
    (call,) = proxy.calls(1)
    assert (call["status"], call["error"], call["http_status"]) == ("failed", "Overloaded", 200)


def test_a_request_decides_neither_the_address_nor_the_key(ai: OpenAI, upstream: Upstream, proxy: Proxy) -> None:
    upstream.plays(say.message(say.TEXT))
    elsewhere = {"api_base": "http://127.0.0.1:9", "api_key": "other", "mock_response": "no", "seed": 1}
    order = {"X-Kagura-Translation": '{"provider":"openai","base_url":"http://127.0.0.1:9"}'}
    raw = ai.chat.completions.with_raw_response.create(**ASK, extra_body=elsewhere, extra_headers=order)
    assert raw.headers["x-litellm-ignored-params"] == "api_base,api_key,mock_response"
    assert raw.parse().choices[0].message.content == "Good morning"
    assert upstream.requests[0].header("x-api-key") == "sk-ant-test"
    assert set(upstream.requests[0].json) == {"model", "messages", "max_tokens"}
    assert_recorded(*proxy.calls(1))


def test_a_call_without_a_key_uses_none_of_the_proxys(ai: OpenAI, upstream: Upstream, proxy: Proxy) -> None:
    upstream.plays()
    with pytest.raises(openai.AuthenticationError, match="no key for anthropic"):
        ai.chat.completions.create(**ASK, extra_headers={"Authorization": openai.Omit()})
    assert upstream.requests == []
    assert [call["http_status"] for call in proxy.calls(1)] == [401]


def test_responses_plain_and_streamed(ai: OpenAI, upstream: Upstream, proxy: Proxy) -> None:
    upstream.plays(say.message(say.TEXT), say.stream())
    assert ai.responses.create(model=MODEL, input="Good morning?").output_text == "Good morning"
    heard = [event.type for event in ai.responses.create(model=MODEL, input="Good morning?", stream=True)]
    assert (heard[0], heard[-1]) == ("response.created", "response.completed")
    assert "response.function_call_arguments.delta" in heard
    for call in proxy.calls(2):
        assert (call["endpoint"], call["provider"], call["status"]) == ("responses", "anthropic", "completed")
        assert (call["input_tokens"], call["cache_read_tokens"], call["output_tokens"]) == (13040, 10000, 500)


def test_gemini_has_no_responses_of_its_own(ai: OpenAI, upstream: Upstream, proxy: Proxy) -> None:
    upstream.plays(gemini_dialogue.answer({"text": "Good morning"}))
    assert ai.responses.create(model="gemini/gemini-2.5-flash", input="Good morning?").output_text == "Good morning"
    assert upstream.requests[0].path.startswith("/v1beta/models/gemini-2.5-flash:generateContent")
    (call,) = proxy.calls(1)
    assert (call["provider"], call["endpoint"], call["input_tokens"]) == ("gemini", "responses", 5000)
    assert cost(call) == bill((1000, "0.30"), (4000, "0.03"), (300, "2.50"))


def test_bedrock_with_a_key_of_the_clients(ai: OpenAI, upstream: Upstream, proxy: Proxy) -> None:
    message = {"role": "assistant", "content": [{"text": "Good morning"}]}
    usage = {"inputTokens": 30, "outputTokens": 12, "totalTokens": 42}
    upstream.plays(said({"output": {"message": message}, "stopReason": "end_turn", "usage": usage}))
    answer = ai.chat.completions.create(**ASK | {"model": "bedrock/anthropic.claude-haiku-4-5-20251001-v1:0"})
    assert answer.choices[0].message.content == "Good morning"
    assert upstream.requests[0].path == "/model/anthropic.claude-haiku-4-5-20251001-v1%3A0/converse"
    assert upstream.requests[0].header("authorization") == "Bearer sk-ant-test"
    (call,) = proxy.calls(1)
    assert (call["provider"], call["input_tokens"], call["output_tokens"]) == ("bedrock", 30, 12)
    assert Decimal(call["cost_usd"]) == bill((30, "1.00"), (12, "5.00"))


def test_embeddings(ai: OpenAI, upstream: Upstream, proxy: Proxy) -> None:
    upstream.plays(said({"embedding": [0.5, -0.25], "inputTextTokenCount": 8000}))
    answer = ai.embeddings.create(
        model="bedrock/amazon.titan-embed-text-v2:0", input="Good morning", encoding_format="float"
    )
    assert answer.data[0].embedding == [0.5, -0.25]
    (call,) = proxy.calls(1)
    assert (call["endpoint"], call["kind"], call["input_tokens"]) == ("embeddings", "embedding", 8000)
    assert Decimal(call["cost_usd"]) == bill((8000, "0.02"))
