"""Exchanges for tests, as the relay captures them."""

import json
from typing import Any

from kagura.model import Body, Call, Exchange
from kagura.providers import load
from kagura.providers.reader import read

JSON = "application/json"
SSE = "text/event-stream"
TABLE = load({})


def body(content: object) -> bytes:
    """Bytes as they are, anything else as JSON."""
    return content if isinstance(content, bytes) else json.dumps(content).encode()


def sse(*events: object, end: str = "\n", done: bool = False) -> bytes:
    """A stream of data events; a tuple gives an event its name."""
    blocks = []
    for event in events:
        name, data = event if isinstance(event, tuple) else (None, event)
        head = f"event: {name}{end}" if name else ""
        blocks.append(f"{head}data: {json.dumps(data)}{end}{end}")
    if done:
        blocks.append(f"data: [DONE]{end}{end}")
    return "".join(blocks).encode()


def exchange(
    path: str,
    answer: object,
    request: object = b"",
    *,
    provider: str = "openai",
    status: int | None = 200,
    content_type: str | None = None,
    method: str = "POST",
    headers: dict[str, str] | None = None,
    request_type: str = JSON,
) -> Exchange:
    """An exchange; an answer of bytes that is no JSON counts as a stream unless `content_type` says otherwise."""
    sent, got = body(request), body(answer)
    kind = content_type or (SSE if isinstance(answer, bytes) else JSON)
    return Exchange(
        id="00f067aa0ba902b7",
        provider=provider,
        dialect=TABLE[provider].dialect if provider in TABLE else "openai",
        method=method,
        target=path,
        received_at=1,
        request_headers=[("content-type", request_type)],
        request_body=Body(sent, len(sent)),
        status=status,
        response_headers=[("content-type", kind), *(headers or {}).items()],
        response_body=Body(got, len(got)),
    )


def call(path: str, answer: object, request: object = b"", **options: Any) -> Call:
    """What the exchange meant, read with its provider's row of the table."""
    captured = exchange(path, answer, request, **options)
    return read(captured, TABLE.get(captured.provider))
