import json
import math
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kagura.model import Body, Call, Exchange, SpanKind
from kagura.providers import read
from kagura.providers.endpoints import ROWS
from kagura.providers.reader import DIALECTS
from kagura.providers.sniff import FIELDS
from tests.providers.amazon import invoke_stream
from tests.providers.dialogue import call, exchange, sse

PATHS = [
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/responses",
    "/v1/embeddings",
    "/v1/audio/transcriptions",
    "/v1/images/generations",
    "/v1/messages",
    "/v1/complete",
    "/v1beta/models/m:generateContent",
    "/v1beta/models/m:streamGenerateContent",
    "/v1beta/interactions",
    "/model/m/converse",
    "/model/m/invoke",
    "/model/m/invoke-with-response-stream",
    "/v2/chat",
    "/api/chat",
    "/v1/files",
    "/somewhere/else",
]
NAMES = [
    "id",
    "type",
    "model",
    "role",
    "content",
    "text",
    "object",
    "choices",
    "delta",
    "message",
    "index",
    "finish_reason",
    "tool_calls",
    "function",
    "name",
    "arguments",
    "usage",
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "prompt_tokens_details",
    "cached_tokens",
    "input_tokens",
    "output_tokens",
    "cache_creation",
    "iterations",
    "response",
    "output",
    "item",
    "status",
    "error",
    "candidates",
    "parts",
    "functionCall",
    "usageMetadata",
    "promptTokenCount",
    "modality",
    "promptTokensDetails",
    "event_type",
    "is_finished",
    "meta",
    "billed_units",
    "tokens",
    "messages",
    "input",
    "system",
    "metadata",
    "user_id",
    "contents",
    "stopReason",
    "toolUse",
    "contentBlockIndex",
    "stream_options",
    "data",
    "reasoning_details",
    "completion",
    "message_start",
    "message_delta",
    "content_block_delta",
    "response.completed",
    "message",
    "cost",
    "incomplete_details",
    "done",
    "x_groq",
]
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 10**20),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(NAMES),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
    max_leaves=25,
)


def checked(captured: Exchange) -> Call:
    """Read, and insist that no reader failed and that the reading can be stored as JSON."""
    found = read(captured)
    assert not [note for note in found.notes if note.startswith("kagura could not read")]
    msgspec.json.encode(found)
    usage = found.usage
    for name in ("input", "output", "cache_read", "cache_write", "reasoning"):
        count = getattr(usage, name, None)
        assert count is None or (type(count) is int and count >= 0)
    return found


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(PATHS), VALUES, st.lists(VALUES, max_size=4), st.sampled_from(["json", "sse", "ndjson", "aws"]))
def test_no_json_whatever_makes_reading_fail(path: str, request: Any, answers: list[Any], framing: str) -> None:
    packed = {
        "json": lambda: json.dumps(answers[0] if answers else None).encode(),
        "sse": lambda: sse(*answers),
        "ndjson": lambda: b"\n".join(json.dumps(answer).encode() for answer in answers),
        "aws": lambda: invoke_stream(*answers),
    }
    checked(exchange(path, packed[framing](), request, content_type="application/json"))


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(PATHS),
    st.binary(max_size=200),
    st.binary(max_size=200),
    st.sampled_from(["", "gzip", "br", "zstd", "x"]),
)
def test_no_bytes_whatever_make_reading_fail(path: str, request: bytes, answer: bytes, encoding: str) -> None:
    checked(exchange(path, answer, request, headers={"content-encoding": encoding}))


HOSTILE: list[Any] = [None, True, -1, 1.5, math.nan, math.inf, 10**30, "-2", "1e3", "", [], {}, [None], {"a": None}]


@pytest.mark.parametrize("value", HOSTILE, ids=repr)
def test_odd_token_counts_are_unknown(value: Any) -> None:
    answers = {
        "/v1/chat/completions": {"choices": [], "usage": {"prompt_tokens": value, "completion_tokens": 3}},
        "/v1/responses": {"object": "response", "usage": {"input_tokens": value, "output_tokens": 3}},
        "/v1/messages": {"type": "message", "usage": {"input_tokens": value, "output_tokens": 3}},
        "/v1beta/models/m:generateContent": {"usageMetadata": {"promptTokenCount": value, "candidatesTokenCount": 3}},
    }
    for path, answer in answers.items():
        usage = checked(exchange(path, answer, {"model": "m"})).usage
        assert usage and (usage.input, usage.output) == (None, 3), path


@pytest.mark.parametrize("value", [12, 12.0, "12"], ids=repr)
def test_a_count_may_be_written_as_a_float_or_as_text(value: Any) -> None:
    answer = {"choices": [], "usage": {"prompt_tokens": value, "completion_tokens": 3}}
    usage = checked(exchange("/v1/chat/completions", answer, {"model": "m"})).usage
    assert usage and (usage.input, usage.output) == (12, 3)


SAMPLES: dict[str, Any] = {
    "/v1/chat/completions": [
        {
            "id": "c",
            "model": "m",
            "choices": [
                {
                    "index": 0,
                    "delta": {
                        "role": "assistant",
                        "content": [{"type": "text", "text": "a"}],
                        "reasoning_details": [{"text": "b"}],
                        "tool_calls": [{"index": 0, "id": "t", "function": {"name": "f", "arguments": "{}"}}],
                        "function_call": {"name": "f", "arguments": "{}"},
                    },
                    "finish_reason": "stop",
                    "error": {"code": 1, "message": "no"},
                }
            ],
            "usage": {
                "prompt_tokens": 1,
                "total_tokens": 2,
                "prompt_tokens_details": {"cached_tokens": 1},
                "cost": {"usd": 1},
                "server_tool_use": {"web_search_requests": 1},
            },
        }
    ],
    "/v1/responses": [
        {"type": "response.output_item.done", "output_index": 0, "item": {"type": "function_call", "name": "f"}},
        {
            "type": "response.completed",
            "response": {
                "id": "r",
                "status": "incomplete",
                "incomplete_details": {"reason": "max_output_tokens"},
                "output": [
                    {"type": "message", "role": "assistant", "content": [{"text": "a"}]},
                    {"type": "reasoning", "summary": [{"text": "b"}]},
                    {"type": "local_shell_call", "call_id": "c", "action": {"command": ["ls"]}},
                ],
                "usage": {"input_tokens": 1, "output_tokens": 2},
            },
        },
    ],
    "/v1/messages": [
        {"type": "message_start", "message": {"id": "m", "role": "assistant", "usage": {"input_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "id": "t", "name": "f"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": "{}"}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "citations_delta", "citation": {"a": 1}}},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "tool_use"},
            "usage": {
                "output_tokens": 2,
                "cache_creation": {"ephemeral_5m_input_tokens": 1},
                "iterations": [{"type": "compaction", "model": "o", "input_tokens": 1}],
            },
        },
    ],
    "/v1beta/models/m:streamGenerateContent": [
        {
            "candidates": [
                {
                    "index": 0,
                    "content": {"role": "model", "parts": [{"text": "a"}, {"functionCall": {"name": "f", "args": {}}}]},
                    "finishReason": "STOP",
                    "groundingMetadata": {"webSearchQueries": ["q"]},
                }
            ],
            "promptFeedback": {"blockReason": "x"},
            "usageMetadata": {"promptTokenCount": 1, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 1}]},
        }
    ],
    "/model/m/converse": [
        {"contentBlockStart": {"contentBlockIndex": 0, "start": {"toolUse": {"toolUseId": "t", "name": "f"}}}},
        {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"toolUse": {"input": "{}"}}}},
        {"contentBlockDelta": {"contentBlockIndex": 1, "delta": {"reasoningContent": {"text": "b"}}}},
        {"messageStop": {"stopReason": "end_turn"}},
        {"metadata": {"usage": {"inputTokens": 1, "cacheDetails": [{"ttl": "1h", "inputTokens": 1}]}}},
    ],
    "/v2/chat": [
        {"type": "content-delta", "delta": {"message": {"content": {"text": "a"}}}},
        {"type": "tool-call-start", "delta": {"message": {"tool_calls": {"id": "t", "function": {"name": "f"}}}}},
        {"type": "tool-call-delta", "delta": {"message": {"tool_calls": {"function": {"arguments": "{}"}}}}},
        {"type": "stream-end", "response": {"text": "a", "tool_calls": [{"name": "f", "parameters": {}}]}},
        {"type": "message-end", "delta": {"finish_reason": "x", "usage": {"billed_units": {"input_tokens": 1}}}},
    ],
    "/api/chat": [
        {"message": {"content": "a", "tool_calls": [{"function": {"name": "f"}}]}, "done": True, "eval_count": 1}
    ],
}
"""Streams that touch every field that a reader looks at."""


def spoiled(value: Any, nonsense: Any) -> Iterator[Any]:
    """Copies of `value`, each with one of its inner values replaced."""
    yield nonsense
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from ({**value, name: changed} for changed in spoiled(inner, nonsense))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from ([*value[:at], changed, *value[at + 1 :]] for changed in spoiled(inner, nonsense))


@pytest.mark.parametrize("nonsense", [None, True, -1, 1.5, "x", [], [[]], {}, {"a": None}], ids=repr)
@pytest.mark.parametrize("path", SAMPLES)
def test_any_one_field_may_be_nonsense(path: str, nonsense: Any) -> None:
    for events in spoiled(SAMPLES[path], nonsense):
        checked(exchange(path, sse(*(events if isinstance(events, list) else [events]))))


@pytest.mark.parametrize("path", PATHS)
def test_every_field_may_be_null(path: str) -> None:
    nothing = dict.fromkeys(NAMES)
    checked(exchange(path, nothing, nothing))
    checked(exchange(path, sse(nothing, {"choices": [nothing]}, {"candidates": [nothing]}), nothing))


def test_hostile_nesting_and_long_strings() -> None:
    deep = b'{"choices":' * 50_000
    found = checked(exchange("/v1/chat/completions", deep, deep, content_type="application/json"))
    assert not found.complete
    assert found.notes == ["the body is not whole JSON", "the request is not whole JSON"]
    long = {"model": "m", "messages": [{"role": "user", "content": "x" * 10_000_000}]}
    assert len(checked(exchange("/v1/chat/completions", {"choices": []}, long)).input_messages[0].text) == 10_000_000


def test_deep_content_does_not_exhaust_the_stack() -> None:
    nested = b'{"content":[' * 200 + b'"x"' + b"]}" * 200
    request = b'{"messages":[' + nested + b"]}"
    answer = b'{"type":"message","content":[' + nested + b"]}"
    found = checked(exchange("/v1/messages", answer, request, content_type="application/json"))
    assert found.input_messages and found.output_messages


def test_a_request_cut_at_the_capture_limit_still_names_its_model() -> None:
    captured = exchange("/v1/chat/completions", {"choices": []}, b'{"model": "gpt-4o", "messages": [{"role": "us')
    captured.request_body = Body(captured.request_body.data, 10_000_000)
    found = read(captured)
    assert found.request_model == "gpt-4o"
    assert found.notes == ["the request is not whole JSON"]


def test_an_answer_cut_at_the_capture_limit_is_not_complete() -> None:
    found = call("/v1/chat/completions", b'{"id": "chatcmpl-1", "cho', {"model": "m"}, content_type="application/json")
    assert (found.complete, found.usage) == (False, None)


def test_a_call_without_an_answer() -> None:
    found = call("/v1/chat/completions", b"", {"model": "m", "messages": []}, status=None)
    assert (found.request_model, found.complete, found.error, found.stream) == ("m", False, None, False)


def test_unknown_paths_are_read_by_the_shape_of_their_bodies() -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}
    answer = {"choices": [choice], "usage": {"prompt_tokens": 3, "completion_tokens": 1}}
    found = call("/my/gateway/llm", answer, {"model": "m", "messages": []})
    assert (found.endpoint, found.kind, found.billable) == ("other", SpanKind.LLM, True)
    assert found.usage and found.usage.input == 3
    found = call("/my/gateway/tools", {"result": 1}, {"model": "m"})
    assert (found.kind, found.billable, found.usage) == (SpanKind.SPAN, False, None)


def test_errors_of_every_shape() -> None:
    shapes: list[tuple[object, str]] = [
        ({"error": {"message": "no", "type": "t"}}, "no"),
        ({"error": "no"}, "no"),
        ({"type": "error", "error": {"type": "t", "message": "no"}}, "no"),
        ({"message": "no"}, "no"),
        ({"detail": "no"}, "no"),
        ({"detail": [{"loc": ["body"], "msg": "no"}]}, "no"),
        ({"object": "error", "message": "no", "type": "t"}, "no"),
        ([{"error": {"code": 400, "message": "no", "status": "INVALID"}}], "no"),
        ({"errors": [{"message": "no", "code": 7}]}, "no"),
        (b"<html>no</html>", "<html>no</html>"),
        (b"", "no message"),
    ]
    for answer, message in shapes:
        found = call("/v1/chat/completions", answer, {"model": "m"}, status=429, content_type="text/html")
        assert found.error and found.error.message == message, answer
        assert found.error.type


def test_an_object_of_nulls_is_no_error() -> None:
    answer = {"object": "response", "error": {"code": None, "message": None}, "status": "completed"}
    assert call("/v1/responses", answer, {"model": "m"}).error is None


def test_rows_name_readers_that_exist() -> None:
    named = {endpoint.dialect for _, endpoint in ROWS} | {dialect for dialect, _ in FIELDS}
    assert named - {None} <= DIALECTS.keys()
