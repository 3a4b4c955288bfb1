import json
from decimal import Decimal

import pytest

from kagura.model import Call, CallError, JsonObject, SpanKind, ToolCall
from kagura.providers.realtime import Event, member, peek, request_body, transcription_model
from tests.providers.dialogue import call, sse

PATH = "/v1/realtime"
SESSION = {
    "type": "realtime",
    "model": "gpt-realtime",
    "instructions": "Be kind.",
    "audio": {"input": {"transcription": {"model": "gpt-4o-transcribe"}}},
}
ITEM = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Weather?"}]}
SAID = {
    "type": "message",
    "role": "assistant",
    "content": [{"type": "output_audio", "transcript": "It rains."}],
}
WEATHER = {"type": "function_call", "name": "weather", "call_id": "call_1", "arguments": '{"city":"Kyoto"}'}
USAGE = {
    "total_tokens": 253,
    "input_tokens": 132,
    "output_tokens": 121,
    "input_token_details": {
        "text_tokens": 119,
        "audio_tokens": 13,
        "cached_tokens": 64,
        "cached_tokens_details": {"text_tokens": 60, "audio_tokens": 4},
    },
    "output_token_details": {"text_tokens": 30, "audio_tokens": 91},
}


def read(*events: object, request: object = b"", path: str = PATH) -> Call:
    return call(path, sse(*events), request, method="WEBSOCKET")


def done(status: str = "completed", **fields: object) -> JsonObject:
    response = {"id": "resp_1", "status": status, "status_details": None, "output": [SAID, WEATHER], "usage": USAGE}
    return {"type": "response.done", "response": response | fields}


def test_an_answer_with_audio_and_a_tool() -> None:
    request = request_body(json.dumps(SESSION).encode(), [json.dumps(ITEM).encode()], b'{"instructions":"Be brief."}')
    created = {"type": "response.created", "response": {"id": "resp_1", "status": "in_progress"}}
    found = read(created, {"type": "response.output_audio.delta", "delta": "AAAA"}, done(), request=request)
    assert (found.endpoint, found.kind, found.billable, found.stream) == ("realtime", SpanKind.LLM, True, True)
    assert (found.request_model, found.response_id, found.finish_reason) == ("gpt-realtime", "resp_1", "completed")
    assert found.complete
    assert found.error is None
    assert [(sent.role, sent.text) for sent in found.input_messages] == [("system", "Be brief."), ("user", "Weather?")]
    assert [(said.role, said.text) for said in found.output_messages] == [("assistant", "It rains."), ("assistant", "")]
    assert found.tool_calls == [ToolCall(name="weather", id="call_1", arguments={"city": "Kyoto"})]
    usage = found.usage
    assert usage is not None
    assert (usage.input, usage.cache_read, usage.output) == (132, 64, 121)
    assert (usage.audio_input, usage.audio_output, usage.audio_cache_read) == (13, 91, 4)


def test_the_model_may_stand_in_the_address_alone() -> None:
    assert read(done(), path=f"{PATH}?model=gpt-realtime-mini").request_model == "gpt-realtime-mini"


def test_a_failed_answer_says_why() -> None:
    details = {"type": "failed", "error": {"type": "server_error", "code": "insufficient_quota", "message": "No more."}}
    found = read(done("failed", status_details=details, usage=None))
    assert found.error == CallError(message="No more.", type="insufficient_quota")
    assert found.complete


def test_an_answer_that_the_user_talked_into() -> None:
    found = read(done("cancelled", status_details={"type": "cancelled", "reason": "turn_detected"}))
    assert (found.finish_reason, found.error, found.complete) == ("turn_detected", None, True)


def test_an_answer_without_its_end_is_not_complete() -> None:
    assert not read({"type": "response.created", "response": {"id": "resp_1", "status": "in_progress"}}).complete


@pytest.mark.parametrize(
    ("usage", "tokens", "units"),
    [
        (
            {"type": "tokens", "input_tokens": 26, "output_tokens": 17, "input_token_details": {"audio_tokens": 20}},
            (26, 17, 20),
            {},
        ),
        ({"type": "duration", "seconds": 2.5}, (None, None, None), {"seconds": Decimal("2.5")}),
    ],
)
def test_a_transcript_is_a_call_of_its_own(usage: JsonObject, tokens: tuple[int | None, ...], units: object) -> None:
    request = request_body(json.dumps(SESSION).encode(), [], b"", transcribing=True)
    kind = "conversation.item.input_audio_transcription.completed"
    event = {"type": kind, "item_id": "item_1", "transcript": "Weather?", "usage": usage}
    found = read(event, request=request)
    assert (found.endpoint, found.request_model) == ("realtime/transcription", "gpt-4o-transcribe")
    assert (found.complete, found.output_messages[0].text) == (True, "Weather?")
    assert found.usage is not None
    assert (found.usage.input, found.usage.output, found.usage.audio_input) == tokens
    assert found.usage.units == units


def test_a_transcript_that_failed() -> None:
    kind = "conversation.item.input_audio_transcription.failed"
    found = read({"type": kind, "item_id": "i", "error": {"code": "audio_unintelligible", "message": "Mumbling."}})
    assert found.error == CallError(message="Mumbling.", type="audio_unintelligible")


def test_the_handshake_itself_bills_nothing() -> None:
    found = call(PATH, b"", method="GET", status=101)
    assert (found.endpoint, found.kind, found.billable, found.usage) == ("realtime", SpanKind.SPAN, False, None)


def test_sessions_are_made_without_being_calls() -> None:
    found = call("/v1/realtime/client_secrets", {"value": "x"}, {"session": SESSION})
    assert (found.billable, found.usage) == (False, None)


def test_responses_over_a_websocket_read_as_over_http() -> None:
    usage = {"input_tokens": 5, "output_tokens": 3}
    end = {"type": "response.completed", "response": {"id": "resp_2", "model": "gpt-5", "usage": usage}}
    request = {"type": "response.create", "model": "gpt-5", "input": "Hi", "previous_response_id": "resp_1"}
    found = call("/v1/responses", sse(end), request, method="WEBSOCKET", status=101)
    assert (found.endpoint, found.kind, found.billable, found.complete) == ("responses", SpanKind.LLM, True, True)
    assert (found.request_model, found.previous_response_id) == ("gpt-5", "resp_1")
    assert found.usage and (found.usage.input, found.usage.output) == (5, 3)


@pytest.mark.parametrize(
    ("message", "event"),
    [
        (b'{"type":"a","response_id":"r"}', Event(type="a", response_id="r")),
        (b'{"type":"a","response_id":7}', Event(type="a")),
        (b'{"type":7}', None),
        (b"[]", None),
        (b"no json", None),
        (b'{"type":"\xff"}', None),
    ],
)
def test_peeking_is_careful(message: bytes, event: Event | None) -> None:
    assert peek(message) == event


def test_members_keep_their_bytes() -> None:
    message = b'{"type":"session.updated", "session" : {"b": 1.50,  "a":[]}}'
    assert member(message, "session") == b'{"b": 1.50,  "a":[]}'
    assert member(message, "item") == b""


def test_the_beta_names_its_transcription_model_elsewhere() -> None:
    assert transcription_model({"input_audio_transcription": {"model": "whisper-1"}}) == "whisper-1"
    assert transcription_model({}) is None
