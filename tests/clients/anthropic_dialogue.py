"""What Anthropic's API says: messages, plain and streamed. Numbers and words are made up."""

import json
from typing import Any

from tests.clients.upstream import Answer, events, said

ASKED, SERVED = "claude-haiku-4-5", "claude-haiku-4-5-20251001"
TOOLS: list[Any] = [{"name": "get_weather", "input_schema": {"type": "object", "properties": {}}}]
USAGE = {
    "input_tokens": 40,
    "cache_creation_input_tokens": 3000,
    "cache_read_input_tokens": 10000,
    "cache_creation": {"ephemeral_5m_input_tokens": 1000, "ephemeral_1h_input_tokens": 2000},
    "output_tokens": 500,
}
TOOL_USE = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Kyōto"}}
TEXT = {"type": "text", "text": "Good morning"}


def message(*content: dict[str, Any], reason: str = "end_turn", **more: Any) -> Answer:
    """A whole message."""
    return said(_message(list(content), reason, USAGE), **more)


def _message(content: list[Any], reason: str | None, usage: dict[str, Any]) -> dict[str, Any]:
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": SERVED}
    return head | {"content": content, "stop_reason": reason, "stop_sequence": None, "usage": usage}


def named(*values: dict[str, Any]) -> list[bytes]:
    """Events that carry their type as name and in their data."""
    return [f"event: {value['type']}\ndata: {json.dumps(value)}\n\n".encode() for value in values]


def _block(index: int, block: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "content_block_start", "index": index, "content_block": block},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def stream() -> Answer:
    """Thinking, then a text, then a tool; the last counts come in `message_delta` and replace the first ones."""
    thinking = {"type": "thinking", "thinking": "", "signature": ""}
    return events(
        named(
            {"type": "message_start", "message": _message([], None, USAGE | {"output_tokens": 3})},
            {"type": "ping"},
            *_block(
                0,
                thinking,
                {"type": "thinking_delta", "thinking": "Which "},
                {"type": "thinking_delta", "thinking": "city?"},
                {"type": "signature_delta", "signature": "c2lnbmVk"},
            ),
            *_block(1, {"type": "text", "text": ""}, {"type": "text_delta", "text": "Good morning"}),
            *_block(
                2,
                TOOL_USE | {"input": {}},
                {"type": "input_json_delta", "partial_json": '{"ci'},
                {"type": "input_json_delta", "partial_json": 'ty": "Kyōto"}'},
            ),
            {
                "type": "message_delta",
                "delta": {"stop_reason": "tool_use", "stop_sequence": None},
                "usage": {"output_tokens": 500},
            },
            {"type": "message_stop"},
        )
    )


def overloaded_stream() -> Answer:
    """A stream that begins well and ends with an error."""
    return events(
        named(
            {"type": "message_start", "message": _message([], None, USAGE | {"output_tokens": 1})},
            *_block(0, {"type": "text", "text": ""}, {"type": "text_delta", "text": "Good"})[:2],
            _error("overloaded_error", "Overloaded"),
        )
    )


def _error(kind: str, text: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": text}, "request_id": "req_0123"}


def error(status: int, kind: str, text: str, **headers: str) -> Answer:
    """An error in Anthropic's shape."""
    return said(_error(kind, text), status, headers=tuple((n.replace("_", "-"), v) for n, v in headers.items()))
