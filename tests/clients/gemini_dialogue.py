"""What Google's API says: generateContent, plain and streamed. Numbers and words are made up."""

import json
from typing import Any

from tests.clients.upstream import Answer, events, said

MODEL = "gemini-2.5-flash"
USAGE = {
    "promptTokenCount": 5000,
    "cachedContentTokenCount": 4000,
    "candidatesTokenCount": 60,
    "thoughtsTokenCount": 240,
    "totalTokenCount": 5300,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 5000}],
}
FUNCTION_CALL = {"functionCall": {"name": "get_weather", "args": {"city": "Kyōto"}}}


def chunk(*parts: dict[str, Any], reason: str | None = "STOP", usage: dict[str, Any] | None = None) -> dict[str, Any]:
    """One answer, or one chunk of a stream."""
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}, "index": 0}
    if reason:
        candidate["finishReason"] = reason
    beside = {} if usage is None else {"usageMetadata": usage}
    return {"candidates": [candidate], "modelVersion": MODEL, "responseId": "r1"} | beside


def answer(*parts: dict[str, Any], **more: Any) -> Answer:
    """A whole answer."""
    return said(chunk(*parts, usage=USAGE), **more)


def _chunks(*parts: dict[str, Any]) -> list[dict[str, Any]]:
    """A stream's chunks: counts grow from one to the next, and the last ones are the call's."""
    early = {"promptTokenCount": 5000, "candidatesTokenCount": 1, "totalTokenCount": 5001}
    *first, last = parts
    return [*(chunk(part, reason=None, usage=early) for part in first), chunk(last, usage=USAGE)]


def stream(*parts: dict[str, Any], **more: Any) -> Answer:
    """The answer of streamGenerateContent with `alt=sse`; Google ends its lines with CRLF."""
    return events([f"data: {json.dumps(value)}\r\n\r\n".encode() for value in _chunks(*parts)], **more)


def array(*parts: dict[str, Any]) -> Answer:
    """The answer of streamGenerateContent without `alt=sse`: one JSON array that grows."""
    pieces = [json.dumps(value, indent=2).encode() for value in _chunks(*parts)]
    joined = [b"[", *(piece for value in pieces for piece in (value, b"\n,\r\n"))]
    return Answer((*joined[:-1], b"]"), chunked=True)


def error(status: int, name: str, message: str) -> Answer:
    """An error in Google's shape."""
    return said({"error": {"code": status, "message": message, "status": name}}, status)
