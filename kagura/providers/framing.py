"""From the bytes of an answer to its JSON values, whatever carries them.

The body decides: DeepSeek sends JSON errors as `application/octet-stream`, Gemini as `text/event-stream`, and some
proxies call every stream `text/plain`. The content type only settles what the bytes leave open.
"""

import base64
import json
import re
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from kagura.model import Exchange, Headers
from kagura.providers import eventstream, sse
from kagura.providers.decode import decode

DONE = "[DONE]"
"""The name of the event that stands for OpenAI's end mark `data: [DONE]`."""

_SSE_START = re.compile(rb"\s*(?:data|event|id|retry)?:")
_LONE_SURROGATE = re.compile(r"(?<!\\)\\u[dD][89abAB]..(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB]..)\\u[dD][c-fC-F]..")
_NOT_JSON = object()
_json = msgspec.json.Decoder()


class Framing(StrEnum):
    """How an answer's values are packed."""

    JSON = "json"
    SSE = "sse"
    NDJSON = "ndjson"
    JSON_ARRAY = "json-array"
    AWS_EVENTSTREAM = "aws-eventstream"
    OTHER = "other"
    """Text or binary data: audio, images, transcripts, HTML error pages."""
    EMPTY = "empty"


STREAMS = frozenset({Framing.SSE, Framing.NDJSON, Framing.JSON_ARRAY, Framing.AWS_EVENTSTREAM})


class AnswerEvent(NamedTuple):
    """One value of an answer: the only one of a JSON answer, one of many of a stream."""

    event: str | None
    """The name that the framing gives the event."""
    data: Any
    """The parsed JSON."""


class Answer(NamedTuple):
    """An answer's values in order."""

    framing: Framing
    events: list[AnswerEvent]
    body: bytes
    """The decoded bytes."""
    notes: list[str]

    @property
    def is_stream(self) -> bool:
        """Whether the answer came as a stream of values."""
        return self.framing in STREAMS


def header(headers: Headers, name: str) -> str:
    """The first value of the header `name` (lower case), or an empty text."""
    for key, value in headers:
        if key == name or key.lower() == name:
            return value
    return ""


def load_json(data: bytes | str) -> Any:
    """Parse JSON, also with NaN (read as null), broken UTF-8 or lone surrogates (read as U+FFFD) in it.

    Raises ValueError where it is not JSON, RecursionError where it is nested beyond measure.
    """
    try:
        return _json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        source = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
        return json.loads(_LONE_SURROGATE.sub(r"\\ufffd", source), parse_constant=lambda _: None)


def read_answer(exchange: Exchange) -> Answer:
    """Decode, recognise and parse the body of an exchange's response."""
    headers = exchange.response_headers
    body, notes = decode(exchange.response_body.data, header(headers, "content-encoding"))
    content_type = header(headers, "content-type").lower()
    if not body or body.isspace():
        return Answer(Framing.EMPTY, [], body, notes)
    if "amazon.eventstream" in content_type or eventstream.looks_like(body):
        return Answer(Framing.AWS_EVENTSTREAM, _from_eventstream(body, notes), body, notes)
    if body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
        framing, events = _from_json_text(body, "stream" in exchange.target.lower(), notes)
        return Answer(framing, events, body, notes)
    if _SSE_START.match(body, 3 if body.startswith(b"\xef\xbb\xbf") else 0) and _is_text(content_type):
        return Answer(Framing.SSE, _from_sse(body, notes), body, notes)
    return Answer(Framing.OTHER, [], body, notes)


def _is_text(content_type: str) -> bool:
    return not content_type.startswith(("audio/", "image/", "video/"))


def _tolerant(data: bytes | str) -> Any:
    """The JSON value, or `_NOT_JSON`."""
    try:
        return load_json(data)
    except (ValueError, RecursionError):
        return _NOT_JSON


def _from_json_text(body: bytes, array_is_stream: bool, notes: list[str]) -> tuple[Framing, list[AnswerEvent]]:
    """One JSON value, an array that is a stream, or a value on each line."""
    body = body.removeprefix(b"\xef\xbb\xbf").strip()
    value = _tolerant(body)
    if value is _NOT_JSON:
        if body.startswith(b"[") and array_is_stream:
            notes.append("the JSON array has no end")
            return Framing.JSON_ARRAY, _from_cut_array(body)
        lines = body.splitlines()
        values = [_tolerant(line) for line in lines if line.strip()]
        if len(values) > 1 and values[0] is not _NOT_JSON:
            if values[-1] is _NOT_JSON:
                notes.append("the last line is not whole JSON")
            return Framing.NDJSON, [AnswerEvent(None, value) for value in values if value is not _NOT_JSON]
        notes.append("the body is not whole JSON")
        return Framing.JSON, []
    if isinstance(value, list) and array_is_stream:
        return Framing.JSON_ARRAY, [AnswerEvent(None, item) for item in value]
    return Framing.JSON, [AnswerEvent(None, value)]


def _from_cut_array(body: bytes) -> list[AnswerEvent]:
    """The whole elements of a JSON array whose end is missing."""
    source = body.decode("utf-8", "replace")
    decoder = json.JSONDecoder()
    events: list[AnswerEvent] = []
    at = 1
    while at < len(source):
        while at < len(source) and source[at] in ", \t\r\n":
            at += 1
        try:
            value, at = decoder.raw_decode(source, at)
        except (ValueError, RecursionError):
            break
        events.append(AnswerEvent(None, value))
    return events


_AFTER_DATA = b"\n\ndata: "
_DONE_LINE = DONE.encode()


def _from_plain_sse(body: bytes) -> list[AnswerEvent] | None:
    """The events of a stream in which each is one `data:` line of whole JSON, as most are; `None` for any other."""
    blocks = body.count(_AFTER_DATA) + 1
    content = body.rstrip(b"\n")
    if not body.startswith(b"data: ") or content.count(b"\n") != 2 * (blocks - 1) or b"\r" in body:
        return None
    lines = content[len(b"data: ") :].replace(_AFTER_DATA, b"\n")
    is_done = lines.endswith(b"\n" + _DONE_LINE)
    try:
        events = [AnswerEvent(None, value) for value in _json.decode_lines(lines.removesuffix(_DONE_LINE))]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if len(events) != blocks - is_done:
        return None
    return [*events, AnswerEvent(DONE, None)] if is_done else events


def _from_sse(body: bytes, notes: list[str]) -> list[AnswerEvent]:
    plain = _from_plain_sse(body)
    if plain is not None:
        return plain
    events = []
    broken = 0
    for event in sse.parse(body):
        data = event.data
        if data.strip() == DONE:
            events.append(AnswerEvent(DONE, None))
        elif not data:
            events.append(AnswerEvent(event.event, None))
        elif (value := _tolerant(data)) is _NOT_JSON:
            broken += 1
        else:
            events.append(AnswerEvent(event.event, value))
    if broken:
        notes.append(f"{broken} events are not JSON")
    return events


def _from_eventstream(body: bytes, notes: list[str]) -> list[AnswerEvent]:
    """Messages as events; the `bytes` of a `chunk` are unpacked: JSON (InvokeModelWithResponseStream), or a text of an
    agent, which becomes `text`."""
    events = []
    for message in eventstream.parse(body):
        name = message.headers.get(":event-type") or message.headers.get(":exception-type")
        value = _tolerant(message.payload)
        if name == "chunk" and isinstance(value, dict) and isinstance(value.get("bytes"), str):
            try:
                content = base64.b64decode(value["bytes"])
                value = _tolerant(content)
                value = {"text": content.decode()} if value is _NOT_JSON else value
            except ValueError:
                value = _NOT_JSON
        if value is _NOT_JSON:
            notes.append("an event is not JSON")
        else:
            events.append(AnswerEvent(name, value))
    return events
