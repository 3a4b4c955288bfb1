"""A model that asks for the weather once and then answers, and a proxy before it."""

import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from tests.clients.installed import Proxy, running_proxy
from tests.clients.upstream import Answer, Received, running_upstream, said

_EVENT_STREAM = (("content-type", "text/event-stream"),)


@pytest.fixture(scope="session")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """A real proxy before that model."""
    numbers = count(1)

    def answer(request: Received) -> Answer:
        number = next(numbers)
        base = {"id": f"chatcmpl-{number:08d}xyz", "created": 1, "model": "gpt-4o-2024-08-06"}
        if request.json.get("stream"):
            return _streamed(base)
        function = {"name": "get_weather", "arguments": '{"city": "Kyoto"}'}
        call = {"id": f"call_weather{number:08d}", "type": "function", "function": function}
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
        usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
        choice = {"index": 0, "finish_reason": "tool_calls", "message": message}
        return said(base | {"object": "chat.completion", "choices": [choice], "usage": usage})

    with running_upstream() as upstream:
        upstream.script = answer
        with running_proxy(tmp_path_factory.mktemp("otel") / "home", upstream.url) as running:
            yield running


def _streamed(base: dict[str, Any]) -> Answer:
    chunks: list[dict[str, Any]] = [
        {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "Clear."}}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {"choices": [], "usage": {"prompt_tokens": 130, "completion_tokens": 5, "total_tokens": 135}},
    ]
    lines = [json.dumps(base | {"object": "chat.completion.chunk"} | chunk).encode() for chunk in chunks]
    pieces = [b"data: " + line + b"\n\n" for line in (*lines, b"[DONE]")]
    return Answer(tuple(pieces), headers=_EVENT_STREAM, chunked=True)
