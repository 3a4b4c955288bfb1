"""Ollama's own client: lines of JSON, and tokens that nobody bills."""

import json
from typing import Any

import ollama
import pytest

from tests.clients.comparison import Both
from tests.clients.upstream import Answer, said

ASK: dict[str, Any] = {"model": "llama3.1", "messages": [{"role": "user", "content": "Good morning?"}]}
END = {
    "model": "llama3.1",
    "created_at": "2026-11-22T10:00:00Z",
    "done": True,
    "done_reason": "stop",
    "total_duration": 5000000,
    "prompt_eval_count": 900,
    "eval_count": 60,
}
TOOL = {"function": {"name": "get_weather", "arguments": {"city": "Kyōto"}}}


def part(**message: Any) -> dict[str, Any]:
    return {"model": "llama3.1", "done": False, "message": {"role": "assistant", "content": ""} | message}


def asking(root: str) -> Any:
    with ollama.Client(root) as ai:
        return ai.chat(**ASK)


def streaming(root: str) -> Any:
    with ollama.Client(root) as ai:
        return list(ai.chat(**ASK, stream=True))


def assert_chat(call: dict[str, Any]) -> None:
    assert (call["status"], call["error"], call["provider"]) == ("completed", None, "ollama")
    assert (call["endpoint"], call["request_model"], call["response_model"]) == ("chat", "llama3.1", "llama3.1")
    assert (call["input_tokens"], call["output_tokens"], call["finish_reason"]) == (900, 60, "stop")
    assert call["cost_usd"] is None
    assert call["tool_calls"] == ["get_weather"]


def test_a_plain_answer_with_a_tool(both: Both) -> None:
    answer = said(part(tool_calls=[TOOL]) | END)
    seen = both([answer], asking, below="/ollama")
    assert seen.result.message.tool_calls[0].function.arguments == {"city": "Kyōto"}
    assert_chat(seen.call)


def test_a_stream(both: Both) -> None:
    values = [part(content="Good "), part(content="morning"), part(tool_calls=[TOOL]), part() | END]
    pieces = tuple(json.dumps(value).encode() + b"\n" for value in values)
    answer = Answer(pieces, headers=(("content-type", "application/x-ndjson"),), chunked=True)
    seen = both([answer], streaming, below="/ollama")
    assert "".join(chunk.message.content or "" for chunk in seen.result) == "Good morning"
    assert_chat(seen.call)
    assert seen.call["stream"] is True


def test_a_model_that_is_not_there(both: Both) -> None:
    def use(root: str) -> Any:
        with pytest.raises(ollama.ResponseError) as caught:
            asking(root)
        return caught.value.status_code, caught.value.error

    call = both([said({"error": "model 'llama3.1' not found"}, 404)], use, below="/ollama").call
    assert (call["status"], call["error"], call["http_status"]) == ("failed", "model 'llama3.1' not found", 404)
