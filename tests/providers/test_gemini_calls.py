from typing import Any

import pytest

from kagura.model import JsonObject, ToolCall
from tests.providers.dialogue import call, sse

STREAM = "/v1beta/models/gemini-3-flash:streamGenerateContent?alt=sse"


def stream(*calls: JsonObject) -> bytes:
    """Chunks with one piece of a function call each, and the end."""
    pieces: list[JsonObject] = [{"candidates": [{"content": {"parts": [{"functionCall": item}]}}]} for item in calls]
    return sse(*pieces, {"candidates": [{"content": {"parts": [{"text": ""}]}, "finishReason": "STOP"}]})


def piece(path: str, more: bool = True, **value: Any) -> JsonObject:
    return {"partialArgs": [{"jsonPath": path, **value}], "willContinue": more}


def asked(*calls: JsonObject) -> list[ToolCall]:
    return call(STREAM, stream(*calls), {}, provider="gemini").tool_calls


def test_pieces_of_a_function_call_are_one_call() -> None:
    assert asked(
        {"name": "weather", "willContinue": True},
        piece("$.place", stringValue="San ", willContinue=True),
        piece("$.place", stringValue="Francisco"),
        piece("$.days[0].hour", numberValue=7),
        piece("$.days[1]['at sea']", boolValue=True),
        {},
        {"name": "time"},
    ) == [
        ToolCall(name="weather", arguments={"place": "San Francisco", "days": [{"hour": 7}, {"at sea": True}]}),
        ToolCall(name="time"),
    ]


def test_the_message_holds_the_call_in_one_part() -> None:
    body = stream({"name": "read", "willContinue": True}, piece("$.id", more=False, stringValue="C"))
    said = call(STREAM, body, {}, provider="gemini").output_messages[0].content
    assert said["parts"][0] == {"functionCall": {"name": "read", "args": {"id": "C"}}}


@pytest.mark.parametrize("path", ["", "$", "$[3]", "$.a[99999999999]", "$.b.c", None, 7])
def test_paths_that_make_no_sense_change_nothing(path: Any) -> None:
    whole = {"name": "f", "args": {"b": 1}, "willContinue": True}
    found = asked(whole, piece(path, numberValue=5))
    assert [item.name for item in found] == ["f"]


def test_a_piece_without_a_beginning_is_kept() -> None:
    assert [item.name for item in asked({"args": {"a": 1}})] == [""]
