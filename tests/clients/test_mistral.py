"""Mistral's own client."""

from typing import Any

import pytest
from mistralai.client import Mistral
from mistralai.client.errors import SDKError

from tests.clients.comparison import Both, bill, cost
from tests.clients.openai_dialogue import sse, tool_call
from tests.clients.upstream import events, said

MODEL = "mistral-medium-2508"
ASK: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "Good morning?"}]}
USAGE = {"prompt_tokens": 900, "completion_tokens": 60, "total_tokens": 960}
BILL = bill((900, "0.40"), (60, "2.00"))
"""Mistral Medium 3.1 (https://mistral.ai/pricing, November 2026)."""
HEAD = {"id": "cmpl-1", "created": 1700000000, "model": MODEL}


def asking(root: str) -> Any:
    with Mistral(api_key="test", server_url=root) as ai:
        return ai.chat.complete(**ASK)


def assert_chat(call: dict[str, Any]) -> None:
    assert (call["status"], call["error"], call["provider"]) == ("completed", None, "mistral")
    assert (call["endpoint"], call["request_model"], call["response_model"]) == ("chat/completions", MODEL, MODEL)
    assert (call["input_tokens"], call["output_tokens"]) == (900, 60)
    assert cost(call) == BILL


def test_a_plain_answer_with_a_tool(both: Both) -> None:
    message = {"role": "assistant", "content": "", "tool_calls": [tool_call("t1", "get_weather", "{}")]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    answer = said(HEAD | {"object": "chat.completion", "choices": [choice], "usage": USAGE})
    seen = both([answer], asking, below="/mistral")
    assert seen.result.choices[0].message.tool_calls[0].function.name == "get_weather"
    assert_chat(seen.call)
    assert seen.call["tool_calls"] == ["get_weather"]


def test_a_stream_whose_usage_comes_unasked_beside_the_last_choice(both: Both) -> None:
    head = HEAD | {"object": "chat.completion.chunk"}
    deltas = [{"role": "assistant", "content": ""}, {"content": "Good "}, {"content": "morning"}]
    chunks = [head | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    last = {"choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "stop"}], "usage": USAGE}

    def use(root: str) -> Any:
        with Mistral(api_key="test", server_url=root) as ai, ai.chat.stream(**ASK) as stream:
            return list(stream)

    seen = both([events(sse(*chunks, head | last))], use, below="/mistral")
    assert "".join(event.data.choices[0].delta.content for event in seen.result) == "Good morning"
    assert seen.result[-1].data.usage.prompt_tokens == 900
    assert_chat(seen.call)
    assert (seen.call["stream"], seen.call["finish_reason"]) == (True, "stop")


def test_a_refusal(both: Both) -> None:
    def use(root: str) -> Any:
        with pytest.raises(SDKError) as caught:
            asking(root)
        return caught.value.status_code, caught.value.body

    call = both([said({"message": "Unauthorized", "request_id": "r1"}, 401)], use, below="/mistral").call
    assert (call["status"], call["error"], call["http_status"]) == ("failed", "Unauthorized", 401)
