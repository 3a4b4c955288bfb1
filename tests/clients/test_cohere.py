"""Cohere's own client, second version of its API."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import cohere
import httpx
import pytest

from tests.clients.anthropic_dialogue import named
from tests.clients.comparison import Both, bill, cost
from tests.clients.upstream import events, said

ASK: dict[str, Any] = {"model": "command-a-03-2025", "messages": [{"role": "user", "content": "Good morning?"}]}
USAGE = {
    "billed_units": {"input_tokens": 300, "output_tokens": 60},
    "tokens": {"input_tokens": 900, "output_tokens": 62},
}
BILL = bill((300, "2.50"), (60, "10.00"))
"""Command A, by billed units (https://cohere.com/pricing, November 2026)."""
CALL = {"id": "t1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Kyōto"}'}}


@contextmanager
def client(root: str) -> Iterator[cohere.ClientV2]:
    with httpx.Client() as connections:
        yield cohere.ClientV2("co-test", base_url=root, max_retries=0, httpx_client=connections)


def asking(root: str) -> Any:
    with client(root) as ai:
        return ai.chat(**ASK)


def streaming(root: str) -> Any:
    with client(root) as ai:
        return list(ai.chat_stream(**ASK))


def assert_chat(call: dict[str, Any]) -> None:
    assert (call["status"], call["error"], call["provider"]) == ("completed", None, "cohere")
    assert (call["endpoint"], call["request_model"]) == ("chat", ASK["model"])
    assert (call["input_tokens"], call["output_tokens"]) == (900, 62)
    assert cost(call) == BILL


def test_a_plain_answer_with_a_tool(both: Both) -> None:
    message = {"role": "assistant", "tool_plan": "I will look.", "tool_calls": [CALL]}
    answer = said({"id": "c-1", "finish_reason": "TOOL_CALL", "message": message, "usage": USAGE})
    seen = both([answer], asking, below="/cohere")
    assert seen.result.message.tool_calls[0].function.name == "get_weather"
    assert seen.requests[0].path == "/v2/chat"
    assert_chat(seen.call)
    assert (seen.call["finish_reason"], seen.call["tool_calls"]) == ("TOOL_CALL", ["get_weather"])


def delta(kind: str, value: object) -> dict[str, Any]:
    return {"type": kind, "index": 0, "delta": value}


def test_a_stream(both: Both) -> None:
    end = {"type": "message-end", "id": "c-1", "delta": {"finish_reason": "COMPLETE", "usage": USAGE}}
    values = [
        {"type": "message-start", "id": "c-1", "delta": {"message": {"role": "assistant", "content": []}}},
        delta("content-start", {"message": {"content": {"type": "text", "text": ""}}}),
        delta("content-delta", {"message": {"content": {"text": "Good "}}}),
        delta("content-delta", {"message": {"content": {"text": "morning"}}}),
        {"type": "content-end", "index": 0},
        end,
    ]
    seen = both([events(named(*values))], streaming, below="/cohere")
    texts = [event.delta.message.content.text for event in seen.result if event.type == "content-delta"]
    assert texts == ["Good ", "morning"]
    assert_chat(seen.call)
    assert seen.call["stream"] is True


def test_a_refusal(both: Both) -> None:
    def use(root: str) -> Any:
        with pytest.raises(cohere.UnauthorizedError) as caught:
            asking(root)
        return caught.value.status_code, caught.value.body

    call = both([said({"id": "e-1", "message": "invalid api token"}, 401)], use, below="/cohere").call
    assert (call["status"], call["error"], call["http_status"]) == ("failed", "invalid api token", 401)
