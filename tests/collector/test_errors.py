"""Errors inside a success, cut streams, and answers that are not what they say: each is recorded with its message."""

from typing import Any

import pytest

from kagura.model import Body, Outcome, Status
from tests.collector.recorded import Recorder, sse

ASKED = {"model": "llama-3.3-70b", "messages": [{"role": "user", "content": "Hi"}]}
CHUNK = {"id": "c", "model": "llama-3.3-70b", "choices": [{"index": 0, "delta": {"content": "Hel"}}]}
ERROR = {"error": {"message": "Over capacity", "type": "service_unavailable"}}


@pytest.mark.parametrize(
    ("answer", "status", "kind", "message", "type"),
    [
        (sse(CHUNK, ERROR), 200, "text/event-stream", "Over capacity", "service_unavailable"),
        (ERROR, 200, "application/json", "Over capacity", "service_unavailable"),
        (ERROR, 503, "application/octet-stream", "Over capacity", "service_unavailable"),
        (ERROR, 429, "text/event-stream", "Over capacity", "service_unavailable"),
        (b"<html>Bad gateway</html>", 502, "text/html", "<html>Bad gateway</html>", None),
        (b"", 500, "application/json", "no message", None),
        (
            b"<html>Log in</html>",
            200,
            "application/json",
            "the answer is not what the API promises: <html>Log in</html>",
            "unreadable_answer",
        ),
        (
            b'{"id": "c", "choi',
            200,
            "application/json",
            'the answer is not what the API promises: {"id": "c", "choi',
            "unreadable_answer",
        ),
        (sse(CHUNK), 200, "text/event-stream", "the stream ended before the answer did", "truncated_stream"),
    ],
    ids=[
        "Groq, Cohere, OpenRouter: in a stream",
        "Azure: as the body of a 200",
        "DeepSeek: JSON as bytes",
        "Gemini: JSON as a stream",
        "a gateway's page",
        "nothing said",
        "a portal's page as a success",
        "half of a JSON value",
        "a stream without an end",
    ],
)
def test_an_error_is_recorded_with_its_message(
    recorder: Recorder, answer: Any, status: int, kind: str, message: str, type: str | None
) -> None:
    span = recorder.call(ASKED, answer, status=status, kind=kind, provider="groq")
    assert (span.status, span.error, span.http_status) == (Status.FAILED, message, status)
    if type:
        assert span.error_type == type


def test_a_refused_websocket_is_no_error(recorder: Recorder) -> None:
    span = recorder.call(None, ERROR, method="GET", target="/v1/responses", status=426)
    assert (span.status, span.error, span.http_status) == (Status.COMPLETED, None, 426)


def test_what_broke_off_on_the_way_says_so(recorder: Recorder) -> None:
    span = recorder.call(ASKED, sse(CHUNK), outcome=Outcome.UPSTREAM_ERROR, error="connection reset by peer")
    assert (span.status, span.error, span.error_type) == (Status.FAILED, "connection reset by peer", "upstream_error")


def test_anthropic_s_error_event_fails_the_call(recorder: Recorder) -> None:
    start = {
        "type": "message_start",
        "message": {"id": "m", "model": "claude-sonnet-4-5", "usage": {"input_tokens": 9}},
    }
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    span = recorder.call(
        ASKED, sse(start, error), provider="anthropic", target="/v1/messages", kind="text/event-stream"
    )
    assert (span.status, span.error, span.error_type) == (Status.FAILED, "Overloaded", "overloaded_error")


def test_gemini_s_array_without_an_end_is_a_cut_stream(recorder: Recorder) -> None:
    """Fact: `streamGenerateContent` without `alt=sse` answers with one JSON array."""
    part = (
        b'[{"candidates": [{"content": {"role": "model", "parts": [{"text": "Hel"}]}}], "modelVersion": "gemini-2.5"},'
    )
    span = recorder.call(
        {"contents": [{"parts": [{"text": "Hi"}]}]},
        part,
        provider="gemini",
        target="/v1beta/models/gemini-2.5-flash:streamGenerateContent",
    )
    assert (span.status, span.error_type, span.output_preview) == (Status.FAILED, "truncated_stream", "Hel")


def test_a_stream_that_was_copied_in_part_is_no_error(recorder: Recorder) -> None:
    answer = sse(CHUNK)
    span = recorder.call(ASKED, Body(answer, 10 * len(answer)), kind="text/event-stream")
    assert (span.status, span.error) == (Status.COMPLETED, None)
