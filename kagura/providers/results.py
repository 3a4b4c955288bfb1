"""Answers that are fetched later: lines of a batch's results, and responses that were made in the background.

Where they stand is data: one row a shape, told from the names of its fields.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec

from kagura.model import Call, Exchange, JsonObject, Result, SpanKind
from kagura.providers.endpoints import RESPONSES, Endpoint
from kagura.providers.framing import Answer, AnswerEvent, Framing
from kagura.providers.requests import split_target
from kagura.providers.sniff import sniff
from kagura.providers.values import count, obj, objects, text
from kagura.providers.wire import Dialect, Wire

STORED = {
    "responses-item": Endpoint("responses", RESPONSES, SpanKind.LLM, True),
    "interactions-item": Endpoint("interactions", "gemini", SpanKind.LLM, True),
    "predictions-item": Endpoint("predictions", "native", SpanKind.LLM, True),
}
"""Endpoints that give an answer once more, and the endpoint that it was asked for at."""

FILES = frozenset({"files", "batches"})
"""Endpoints whose answers may hold the results of a batch."""

BATCHED = Endpoint("batches/results", None, SpanKind.LLM, True)
"""What a line of a batch's results counts as."""


class Shape(NamedTuple):
    """Where a line of results keeps the provider's answer, and which fields such a line has beside."""

    answer: tuple[str, ...]
    mark: str
    dialect: str | None = None
    """Only where the answer speaks it."""


SHAPES = (
    Shape(("response", "body"), "custom_id"),
    Shape(("result", "message"), "custom_id"),
    Shape(("response",), "response", "gemini"),
)
"""OpenAI, Azure, Groq, Mistral and Together (https://platform.openai.com/docs/guides/batch); Anthropic
(https://docs.claude.com/en/docs/build-with-claude/batch-processing); Gemini's files and inlined responses
(https://ai.google.dev/gemini-api/docs/batch-api)."""

LISTS = (
    ("response", "inlinedResponses", "inlinedResponses"),
    ("metadata", "output", "inlinedResponses", "inlinedResponses"),
    ("outputs",),
)
"""Where a batch itself holds its lines: Gemini's operation, finished and as `metadata` repeats it; Mistral's job."""

_NAMES = ("custom_id", "key", "id")
_TIMES = ("created", "created_at")
_LATEST = 4_102_444_800
_MICROSECONDS = 1_000_000


def read_results(wire: Wire, exchange: Exchange, call: Call, dialects: Mapping[str, Dialect]) -> None:
    """Set `call.results` to the calls whose answers an exchange fetched and whose usage they tell."""
    if (exchange.status or 500) >= 400:
        return
    if asked := STORED.get(wire.endpoint.name):
        call.results = _background(wire._replace(endpoint=asked), dialects)
        return
    if wire.endpoint.name not in FILES:
        return
    path, _ = split_target(exchange.target)
    call.results = [result for line in _lines(wire) if (result := _batched(wire, line, path, dialects))]
    if call.results and exchange.response_body.truncated:
        call.results.append(_beyond_the_copy(path))


def _background(wire: Wire, dialects: Mapping[str, Dialect]) -> list[Result]:
    """A response that was made in the background, once its usage is known; others were counted when they were made."""
    asked = wire.endpoint
    found = Call(endpoint=asked.name, kind=asked.kind, dialect=asked.dialect)
    dialects[asked.dialect or ""].read_answer(wire, found)
    said = found.result_key is not None
    key = found.result_key or found.response_id
    if key is None or found.usage is None:
        return []
    events = [obj(event.data) for event in wire.events]
    made = [obj(event.get("response")) or event for event in events]
    at = next((at for item in made if (at := _made_at(item))), None)
    return [Result(key=key, call=found, at=at, asked_for=not said)]


def _lines(wire: Wire) -> Iterator[JsonObject]:
    """The lines of a file, or of the list that a batch holds."""
    for _, data in wire.events:
        line = obj(data)
        listed = False
        for path in LISTS:
            items = objects(obj(_at(line, path[:-1])).get(path[-1]))
            if items:
                yield from items
                listed = True
                break
        if not listed:
            yield line


def _batched(wire: Wire, line: JsonObject, path: str, dialects: Mapping[str, Dialect]) -> Result | None:
    """The result that a line holds; `None` for one without usage: refused requests are not billed."""
    body, name = next(_answers(line), ({}, None))
    if name is None:
        return None
    events = [AnswerEvent(None, body)]
    endpoint = BATCHED._replace(kind=SpanKind.EMBEDDING) if name == "embeddings" else BATCHED
    found = Call(endpoint=endpoint.name, kind=endpoint.kind, dialect=name)
    dialects[name].read_answer(wire._replace(endpoint=endpoint, answer=Answer(Framing.JSON, events, b"", [])), found)
    if found.usage is None:
        return None
    found.usage.service_tier = "batch"
    found.request_model = found.response_model
    found.result_key = None
    named = next((value for field in _NAMES if (value := text(line.get(field)))), "")
    metadata_key = text(obj(line.get("metadata")).get("key")) or ""
    told = found.response_id or path
    key = " ".join((named, metadata_key, told, msgspec.json.encode(found.usage.raw, order="sorted").decode()))
    return Result(key=key, call=found, at=_made_at(body), batched=True)


def _answers(line: JsonObject) -> Iterator[tuple[JsonObject, str]]:
    """The answers in a line, by each shape that it may have, and the dialects that they speak."""
    for shape in SHAPES:
        body = _at(line, shape.answer) if shape.mark in line else {}
        name = sniff([AnswerEvent(None, body)]) or ("embeddings" if "data" in body else None)
        if name and shape.dialect in (None, name):
            yield body, name


def _beyond_the_copy(path: str) -> Result:
    """What stands for the lines that the captured copy lacks: calls of which nobody knows the cost."""
    note = "the captured copy of the results was cut (see capture.max_body): the calls behind the cut are not known"
    return Result(key=f"{path} cut", call=Call(endpoint=BATCHED.name, kind=BATCHED.kind, notes=[note]), batched=True)


def _made_at(body: JsonObject) -> int | None:
    """The instant in microseconds that an answer says it was made at."""
    seconds = next((found for field in _TIMES if (found := count(body.get(field)))), None)
    return seconds * _MICROSECONDS if seconds and seconds < _LATEST else None


def _at(value: JsonObject, path: tuple[str, ...]) -> JsonObject:
    for name in path:
        value = obj(value.get(name))
    return value
