"""Events of OpenAI's websockets: which of them make a call, and what the Realtime API's answers mean.

The Responses API speaks over its websocket what it streams over HTTP, so `openai_responses` reads its answers; the
Realtime API has answers of its own and transcripts of what the user says.
Source: https://developers.openai.com/api/docs/guides/websocket-mode and /api/reference/resources/realtime.
"""

from typing import Any, NamedTuple

import msgspec

from kagura.model import Call, CallError, JsonObject, Message, ToolCall
from kagura.providers.framing import load_json
from kagura.providers.usage import openai_usage
from kagura.providers.values import obj, objects, parsed, text
from kagura.providers.wire import Wire, without

METHOD = "WEBSOCKET"
"""What stands for the method of a call that went over a websocket."""


class Protocol(NamedTuple):
    """Which events make up a call. One row an endpoint."""

    asks: str
    """The client's event that asks for an answer."""
    ends: frozenset[str]
    """The server's events after which an answer is whole."""
    begins: str
    """The server's event that begins an answer; nobody need have asked, or nobody saw it."""
    sequential: bool = True
    """Whether each server event belongs to the call at hand; else only one that names its response does."""
    session: frozenset[str] = frozenset()
    """The server's events that hold the whole session."""
    item: str | None = None
    """The client's event that adds an item to the conversation."""
    heard: str | None = None
    """The server's event that says when audio was complete."""
    transcribed: frozenset[str] = frozenset()
    """The server's events that end a transcript of that audio, which is billed by itself."""


PROTOCOLS: dict[str, Protocol] = {
    "responses": Protocol(
        asks="response.create",
        begins="response.created",
        ends=frozenset(("response.completed", "response.incomplete", "response.failed", "response.cancelled", "error")),
    ),
    "realtime": Protocol(
        asks="response.create",
        begins="response.created",
        ends=frozenset(("response.done",)),
        sequential=False,
        session=frozenset(
            (
                "session.created",
                "session.updated",
                "transcription_session.created",
                "transcription_session.updated",
            )
        ),
        item="conversation.item.create",
        heard="input_audio_buffer.committed",
        transcribed=frozenset(
            (
                "conversation.item.input_audio_transcription.completed",
                "conversation.item.input_audio_transcription.failed",
            )
        ),
    ),
}
"""The endpoints that speak over websockets, by name."""


class _Named(msgspec.Struct):
    id: str | None = None
    event_id: str | None = None


class _Typed(msgspec.Struct):
    type: str = ""


class Event(msgspec.Struct):
    """What is looked at of an event as it passes."""

    type: str = ""
    event_id: str | None = None
    response_id: str | None = None
    item_id: str | None = None
    response: _Named | None = None
    error: _Named | None = None
    status: int | None = None

    @property
    def answers(self) -> str | None:
        """The id of the response that it belongs to."""
        return self.response_id or (self.response.id if self.response else None)


_EVENT = msgspec.json.Decoder(Event)
_TYPE = msgspec.json.Decoder(_Typed)


def peek(message: bytes) -> Event | None:
    """The event in a text message; of one with odd fields only its type. `None` where it is none."""
    try:
        return _EVENT.decode(message)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    try:
        return Event(type=_TYPE.decode(message).type)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


class _Holder(msgspec.Struct):
    session: msgspec.Raw = msgspec.Raw()
    item: msgspec.Raw = msgspec.Raw()
    response: msgspec.Raw = msgspec.Raw()


_HOLDER = msgspec.json.Decoder(_Holder)


def member(message: bytes, name: str) -> bytes:
    """The bytes of an event's `session`, `item` or `response`; empty where it has none."""
    return bytes(getattr(_HOLDER.decode(message), name))


def request_body(session: bytes, items: list[bytes], response: bytes, *, transcribing: bool = False) -> bytes:
    """The request that a realtime call amounts to: model and session, the items since the last one, its own options.

    All are JSON as they passed. A transcript's model is another one than the session's.
    """
    settings = obj(load_json(session)) if session else {}
    model = transcription_model(settings) if transcribing else text(settings.get("model"))
    parts = [b'"model":' + msgspec.json.encode(model)] if model else []
    parts += [b'"session":' + session] if session else []
    parts += [b'"items":[' + b",".join(items) + b"]"] if items else []
    parts += [b'"response":' + response] if response else []
    return b"{" + b",".join(parts) + b"}"


def transcription_model(session: JsonObject) -> str | None:
    """The model that writes down what the user says: of the API as it is now, and of its beta."""
    current = obj(obj(obj(session.get("audio")).get("input")).get("transcription"))
    return text(current.get("model")) or text(obj(session.get("input_audio_transcription")).get("model"))


# --- the dialect ------------------------------------------------------------------------------------------------------


def read_request(request: JsonObject, call: Call) -> None:
    """The instructions in force and the items that the client added."""
    response, session = obj(request.get("response")), obj(request.get("session"))
    given = objects(request.get("items")) + objects(response.get("input"))
    instructions = text(response.get("instructions")) or text(session.get("instructions"))
    call.input_messages = [Message(role="system", content=instructions, text=instructions)] if instructions else []
    call.input_messages += [_message(item) for item in given]
    call.parameters = without(request, "items")


def read_answer(wire: Wire, call: Call) -> None:
    """The response of the last event that holds one, or a transcript; their usage."""
    ends = PROTOCOLS["realtime"].ends | PROTOCOLS["realtime"].transcribed
    call.complete = False
    for _, data in wire.events:
        event = obj(data)
        kind = text(event.get("type")) or ""
        call.complete = call.complete or kind in ends
        if response := obj(event.get("response")):
            _read_response(response, wire, call)
        elif kind in PROTOCOLS["realtime"].transcribed:
            _read_transcript(event, wire, call)


def _read_response(response: JsonObject, wire: Wire, call: Call) -> None:
    details = obj(response.get("status_details"))
    output = objects(response.get("output"))
    call.response_id = text(response.get("id"))
    call.response_model = text(response.get("model"))
    call.finish_reason = text(details.get("reason")) or text(response.get("status"))
    call.output_messages = [_message(item, "assistant") for item in output]
    call.tool_calls = [_tool_call(item) for item in output if item.get("type") == "function_call"]
    if error := obj(details.get("error")):
        kind = text(error.get("code")) or text(error.get("type"))
        call.error = CallError(message=text(error.get("message")) or kind or "unknown error", type=kind)
    if usage := obj(response.get("usage")):
        call.usage = openai_usage(usage, wire.provider)


def _read_transcript(event: JsonObject, wire: Wire, call: Call) -> None:
    call.endpoint = "realtime/transcription"
    call.response_id = text(event.get("item_id"))
    if said := text(event.get("transcript")):
        call.output_messages = [Message(role="assistant", content=said, text=said)]
    if usage := obj(event.get("usage")):
        call.usage = openai_usage(usage, wire.provider)


def _message(item: JsonObject, default_role: str = "user") -> Message:
    kind = text(item.get("type")) or ""
    role = "tool" if kind.endswith("_output") else "assistant" if kind.endswith("_call") else default_role
    said: list[Any] = [part.get("text") or part.get("transcript") for part in objects(item.get("content"))]
    said += [item.get("output")]
    return Message(
        role=text(item.get("role")) or role,
        content=item,
        text="\n".join(part for part in said if type(part) is str and part),
    )


def _tool_call(item: JsonObject) -> ToolCall:
    return ToolCall(
        name=text(item.get("name")) or "", id=text(item.get("call_id")), arguments=parsed(item.get("arguments"))
    )
