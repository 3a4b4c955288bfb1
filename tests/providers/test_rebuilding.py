from typing import Any

import pytest

from kagura.model import Call, SpanKind
from kagura.providers import anthropic, bedrock, gemini, openai_chat, openai_responses
from kagura.providers.rebuilding import SHAPES, rebuilt, with_model

TEXT = {"role": "user", "content": "Good morning?"}


@pytest.mark.parametrize(
    ("endpoint", "reader", "body"),
    [
        (
            "chat/completions",
            openai_chat,
            {"model": "m", "messages": [{"role": "system", "content": "Be brief."}, TEXT]},
        ),
        ("messages", anthropic, {"model": "m", "system": "Be brief.", "messages": [TEXT], "max_tokens": 5}),
        ("messages", anthropic, {"model": "m", "system": [{"type": "text", "text": "Be brief."}], "messages": [TEXT]}),
        ("messages", anthropic, {"model": "m", "messages": [TEXT, {"role": "assistant", "content": []}]}),
        ("responses", openai_responses, {"model": "m", "instructions": "Be brief.", "input": "Good morning?"}),
        ("responses", openai_responses, {"model": "m", "instructions": "Be brief.", "input": [TEXT]}),
        ("responses", openai_responses, {"model": "m", "input": "Good morning?", "previous_response_id": "r"}),
        (
            "responses",
            openai_responses,
            {"model": "m", "input": [{"type": "function_call_output", "output": "x"}, TEXT]},
        ),
        (
            "generateContent",
            gemini,
            {"systemInstruction": {"parts": [{"text": "a"}]}, "contents": [{"role": "user", "parts": [{"text": "b"}]}]},
        ),
        ("streamGenerateContent", gemini, {"contents": [{"parts": [{"text": "b"}]}], "tools": []}),
        ("converse", bedrock, {"system": [{"text": "a"}], "messages": [{"role": "user", "content": [{"text": "b"}]}]}),
    ],
)
def test_what_a_dialect_reads_can_be_put_together_again(endpoint: str, reader: Any, body: dict[str, Any]) -> None:
    call = Call(endpoint=endpoint, kind=SpanKind.LLM)
    reader.read_request(body, call)
    assert rebuilt(endpoint, call.parameters, [message.content for message in call.input_messages]) == body


def test_other_endpoints_and_empty_requests_cannot() -> None:
    assert rebuilt("embeddings", {}, ["a"]) is None
    assert all(rebuilt(endpoint, {"model": "m"}, []) is None for endpoint in SHAPES)


def test_another_model_is_named_where_the_first_one_was() -> None:
    assert with_model("/v1/x", {"model": "a"}, "b") == ("/v1/x", {"model": "b"})
    path = "/v1beta/models/gemini-2.5-pro:generateContent?alt=sse"
    assert with_model(path, {}, "b") == ("/v1beta/models/b:generateContent?alt=sse", {})
    assert with_model("/model/amazon.nova%3A0/converse", {}, "b") == ("/model/b/converse", {})
    assert with_model("/v1/x", {}, "b") == ("/v1/x", {"model": "b"})
