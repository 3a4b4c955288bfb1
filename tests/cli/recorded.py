"""A store with calls that real answers were read from: cached input, surcharges, a provider's own bill, no price."""

import json
from pathlib import Path
from typing import Any

from kagura.collector import drain
from kagura.config import Settings
from kagura.journal import Ended, JournalWriter, Started
from kagura.model import Body, Labels, Outcome

AT = 1_790_000_000_000_000
"""2026-09-21 14:13:20 UTC."""

CACHED, CLAUDE, OPENROUTER, UNKNOWN = "abc0" + "0" * 12, "bbb0" + "0" * 12, "ccc0" + "0" * 12, "abd0" + "0" * 12

GPT_ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "gpt-4o-2024-08-06",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Four."}, "finish_reason": "stop"}],
    "usage": {
        "prompt_tokens": 2006,
        "completion_tokens": 300,
        "total_tokens": 2306,
        "prompt_tokens_details": {"cached_tokens": 1920},
    },
}
CLAUDE_ANSWER = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-opus-5-5",
    "content": [{"type": "text", "text": "Four."}],
    "stop_reason": "end_turn",
    "usage": {
        "input_tokens": 1000,
        "output_tokens": 100,
        "cache_creation_input_tokens": 500,
        "cache_creation": {"ephemeral_5m_input_tokens": 500, "ephemeral_1h_input_tokens": 0},
        "cache_read_input_tokens": 0,
        "service_tier": "standard",
        "inference_geo": "us",
        "speed": "fast",
        "server_tool_use": {"web_search_requests": 2},
    },
}


def chat(model: str, **usage: Any) -> dict[str, Any]:
    """An answer of 1,000 tokens in and 100 out."""
    counts = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
    return GPT_ANSWER | {"model": model, "usage": counts | usage}


def record(home: Path) -> Settings:
    """Journal the calls and collect them."""
    settings = Settings(home=home)
    writer = JournalWriter(settings.journal_dir)
    _call(writer, CACHED, "openai", "/v1/chat/completions", "gpt-4o", GPT_ANSWER)
    _call(writer, CLAUDE, "anthropic", "/v1/messages", "claude-opus-5-5", CLAUDE_ANSWER)
    _call(writer, OPENROUTER, "openrouter", "/v1/chat/completions", "openai/gpt-4o", chat("openai/gpt-4o", cost=0.0037))
    _call(writer, UNKNOWN, "openai", "/v1/chat/completions", "gpt-9000", chat("gpt-9000-2031-01-01"))
    writer.close()
    drain(settings)
    return settings


def _call(writer: JournalWriter, id: str, provider: str, target: str, model: str, answer: dict[str, Any]) -> None:
    writer.append(
        Started(
            id=id,
            provider=provider,
            dialect="anthropic" if provider == "anthropic" else "openai",
            method="POST",
            target=target,
            received_at=AT,
            labels=Labels(execution_id="run-1", execution_source="header", agent="adder"),
            request_body=_body({"model": model, "messages": [{"role": "user", "content": "2 + 2?"}]}),
        )
    )
    writer.append(
        Ended(
            id=id,
            outcome=Outcome.COMPLETED,
            done_at=AT + 900_000,
            first_byte_at=AT + 200_000,
            last_byte_at=AT + 800_000,
            status=200,
            response_headers=[("content-type", "application/json")],
            response_body=_body(answer),
        )
    )


def _body(document: Any) -> Body:
    data = json.dumps(document).encode()
    return Body(data, len(data))
