"""Messages of every provider in the one shape of the conventions."""

import json
from typing import Any

import pytest

from kagura.otel.outgoing_messages import message, messages

CALL = {"type": "tool_call", "id": "c1", "name": "search", "arguments": {"q": 1}}
RESULT = {"type": "tool_call_response", "id": "c1", "response": "found"}


def text(content: str) -> dict[str, str]:
    return {"type": "text", "content": content}


@pytest.mark.parametrize(
    ("given", "role", "parts"),
    [
        # OpenAI chat
        ({"role": "user", "content": "Hi"}, "user", [text("Hi")]),
        ({"role": "developer", "content": [{"type": "text", "text": "Be brief"}]}, "system", [text("Be brief")]),
        (
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "search", "arguments": '{"q":1}'}}
                ],
            },
            "assistant",
            [CALL],
        ),
        ({"role": "tool", "tool_call_id": "c1", "content": "found"}, "tool", [RESULT]),
        # OpenAI Responses
        ("Hi", "user", [text("Hi")]),
        ({"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}, "user", [text("Hi")]),
        ({"type": "function_call", "call_id": "c1", "name": "search", "arguments": '{"q":1}'}, "assistant", [CALL]),
        ({"type": "function_call_output", "call_id": "c1", "output": "found"}, "tool", [RESULT]),
        (
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm"}]},
            "assistant",
            [{"type": "reasoning", "content": "Hm"}],
        ),
        # Anthropic
        (
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "Hm", "signature": "s"},
                    {"type": "tool_use", "id": "c1", "name": "search", "input": {"q": 1}},
                ],
            },
            "assistant",
            [{"type": "reasoning", "content": "Hm"}, CALL],
        ),
        (
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "found"}]},
            "tool",
            [RESULT],
        ),
        # Gemini
        ({"role": "model", "parts": [{"text": "Hi"}]}, "assistant", [text("Hi")]),
        (
            {"role": "model", "parts": [{"functionCall": {"id": "c1", "name": "search", "args": {"q": 1}}}]},
            "assistant",
            [CALL],
        ),
        (
            {"role": "user", "parts": [{"functionResponse": {"id": "c1", "name": "search", "response": "found"}}]},
            "tool",
            [RESULT],
        ),
        # Bedrock
        (
            {
                "role": "assistant",
                "content": [{"text": "Hi"}, {"toolUse": {"toolUseId": "c1", "name": "search", "input": {"q": 1}}}],
            },
            "assistant",
            [text("Hi"), CALL],
        ),
        (
            {"role": "user", "content": [{"toolResult": {"toolUseId": "c1", "content": "found"}}]},
            "tool",
            [RESULT],
        ),
        # Unknown parts keep their own type.
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "u"}}]},
            "user",
            [{"type": "image_url", "image_url": {"url": "u"}}],
        ),
        ({"role": "user", "content": 5}, "user", [text("5")]),
        ({}, "user", [{"type": "unknown"}]),
    ],
)
def test_one_shape(given: Any, role: str, parts: list[Any]) -> None:
    assert message(given, "user") == {"role": role, "parts": parts}


def test_what_leads_without_a_role_is_the_system_prompt() -> None:
    given = [json.dumps(said).encode() for said in ("Be brief.", {"role": "user", "content": "Hi"})]
    assert [said["role"] for said in messages(given, "user")] == ["system", "user"]
    assert [said["role"] for said in messages(given[:1], "user")] == ["user"]
    assert messages([b"{broken", *given[1:]], "user") == [{"role": "user", "parts": [text("Hi")]}]
