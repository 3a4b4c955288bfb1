"""Events of type `span` → spans: what a program reports of itself, instead of a proxy seeing it.

The event's `execution_id` is the span's; where it is empty, the span is an execution of its own. Its `data`, all of it
optional but `kind` and `started_at`:

- `id`, `parent_id`: 16 hex digits, the reporter's. An `id` may come twice: begun (no `ended_at`), and ended.
- `trace_id`: 32 hex digits, of the trace that the span stands in.
- `kind`: `llm`, `embedding`, `tool`, `memory`, `retrieval`, `agent`, `span`; `name`; `status`.
- `agent`, `session_id`, `user`, `source` (the rule that found the execution), `tags`, `attributes`.
- `started_at`, `first_chunk_at`, `ended_at`: microseconds since the epoch.
- `error`: a text, or an object with `message` and `type`.
- `provider`, `endpoint`, `request_model`, `response_model`, `response_id`, `stream`, `http_status`, `finish_reason`.
- `usage`: the fields of `model.Usage`; `cost`: US dollars that the provider billed, as text.
- `tool_calls`: objects with `name`, `id`, `arguments`.
- `input`, `output`: any JSON; a list is taken for messages. `parameters`: the request without its input.

Names are taken as they come, numbers only where they can be what they say; a bad field is left out, never the span.
"""

import hashlib
import re
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import msgspec

from kagura.collector.redaction import Redaction
from kagura.model import Call, Cost, Event, JsonObject, Message, Span, SpanKind, Status, ToolCall, Usage
from kagura.pricing import Catalog
from kagura.pricing.names import provider_name
from kagura.providers.values import count, obj, objects, quantity, text
from kagura.providers.wire import messages
from kagura.store import SpanContents

TYPE = "span"
_ID = re.compile(r"[0-9a-f]{16}")
_BILLED = frozenset((SpanKind.LLM, SpanKind.EMBEDDING))
_OPERATIONS = {SpanKind.LLM: "chat", SpanKind.EMBEDDING: "embeddings"}
MAX_NAME = 200
MAX_INSTANT = 1 << 53
T = TypeVar("T")


class Reported(NamedTuple):
    """A span, and what is kept of its input and output."""

    span: Span
    contents: SpanContents | None


def span_from(event: Event, catalog: Catalog, redaction: Redaction) -> Reported:
    """The span that an event reports. Never raises: a field that makes no sense stays unknown."""
    data = event.data
    kind = _enum(SpanKind, data.get("kind"), SpanKind.SPAN)
    id = _id(data.get("id")) or hashlib.sha256(msgspec.msgpack.encode(event)).hexdigest()[:16]
    started_at = _instant(data.get("started_at")) or event.at
    ended_at = _instant(data.get("ended_at"))
    message, error_type = _error(data.get("error"))
    status = _status(data.get("status"), ended=ended_at is not None, failed=bool(message or error_type))
    usage = _usage(data)
    call = _call(data, kind)
    provider, model = text(data.get("provider")), call.request_model or call.response_model
    span = Span(
        id=id,
        execution_id=event.execution_id[:MAX_NAME] or f"exec_{id}",
        execution_source=(_name(data.get("source")) or "sdk") if event.execution_id else "call",
        kind=kind,
        name=_name(data.get("name")) or (f"{_OPERATIONS.get(kind, kind.value)} {model}" if model else kind.value),
        agent=_name(data.get("agent")) or "default",
        status=status,
        started_at=started_at,
        ended_at=None if status is Status.RUNNING else max(started_at, ended_at or event.at),
        parent_id=_id(data.get("parent_id")),
        trace_id=_name(data.get("trace_id")),
        session_id=_name(data.get("session_id")),
        user=_name(data.get("user")),
        time_to_first_chunk=_since(started_at, _instant(data.get("first_chunk_at"))),
        error=redaction.text(message) if message else None,
        error_type=_name(error_type),
        provider=provider_name(provider) if provider else None,
        endpoint=_name(data.get("endpoint")),
        request_model=call.request_model,
        response_model=call.response_model,
        response_id=_name(data.get("response_id")),
        stream=stream if isinstance(stream := data.get("stream"), bool) else None,
        http_status=count(data.get("http_status")),
        usage=usage,
        finish_reason=_name(data.get("finish_reason")),
        tool_calls=call.tool_calls if redaction.level == "full" else [],
        input_preview=redaction.question(call) or redaction.preview(_first_text(call.input_messages)),
        output_preview=redaction.answer(call),
        tags={str(key): str(value) for key, value in obj(data.get("tags")).items()},
        attributes=_attributes(obj(data.get("attributes")), redaction),
    )
    if kind in _BILLED and status is not Status.RUNNING and (usage or status is not Status.FAILED):
        span.cost = _cost(span, catalog)
    return Reported(span, _contents(call, redaction))


def _attributes(given: JsonObject, redaction: Redaction) -> JsonObject:
    return {name: redaction.text(value) if isinstance(value, str) else value for name, value in given.items()}


def _call(data: JsonObject, kind: SpanKind) -> Call:
    """What was said, in the form that previews and contents are made of."""
    return Call(
        endpoint="",
        kind=kind,
        request_model=_name(data.get("request_model")),
        response_model=_name(data.get("response_model")),
        tool_calls=[_tool_call(found) for found in objects(data.get("tool_calls")) if text(found.get("name"))],
        input_messages=_said(kind, data.get("input"), "user"),
        output_messages=_said(kind, data.get("output"), "assistant"),
        parameters=obj(data.get("parameters")),
    )


def _said(kind: SpanKind, value: Any, role: str) -> list[Message]:
    """A model's messages; of all other kinds the value itself, its JSON as text."""
    if kind in _BILLED:
        return messages(value, role)
    if value is None:
        return []
    shown = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return [Message(role=role, content=value, text=shown)]


def _tool_call(found: JsonObject) -> ToolCall:
    return ToolCall(name=str(found["name"]), id=text(found.get("id")), arguments=found.get("arguments"))


def _usage(data: JsonObject) -> Usage | None:
    """The usage as reported; the provider's own bill wins over any reckoning."""
    given = obj(data.get("usage"))
    billed = quantity(data.get("cost"))
    try:
        usage = msgspec.convert(given, Usage, strict=False) if given else None
    except msgspec.ValidationError:
        usage = None
    if usage is not None and not all(_plausible(getattr(usage, name)) for name in _COUNTS):
        usage = None
    if billed is not None:
        usage = usage or Usage()
        usage.provider_cost = billed
    return usage


_COUNTS = tuple(field for field, kind in Usage.__annotations__.items() if kind == (int | None))


def _plausible(value: int | None) -> bool:
    return value is None or count(value) is not None


def _cost(span: Span, catalog: Catalog) -> Cost:
    if span.usage is None:
        return Cost()
    return catalog.cost(span.provider or "", span.request_model, span.response_model, span.usage, span.started_at)


def _contents(call: Call, redaction: Redaction) -> SpanContents | None:
    if redaction.level != "full" or not (call.input_messages or call.output_messages or call.parameters):
        return None
    return SpanContents(
        inputs=redaction.messages(call.input_messages),
        parameters=redaction.parameters(call.parameters),
        outputs=redaction.messages(call.output_messages),
    )


def _status(value: Any, *, ended: bool, failed: bool) -> Status:
    if failed and value != Status.INTERRUPTED:
        return Status.FAILED
    return _enum(Status, value, Status.COMPLETED if ended else Status.RUNNING)


def _error(value: Any) -> tuple[str | None, str | None]:
    if isinstance(value, str):
        return value or None, None
    return text(obj(value).get("message")), text(obj(value).get("type"))


def _first_text(said: list[Message]) -> str:
    return next((message.text for message in said if message.text), "")


def _id(value: Any) -> str | None:
    return value if isinstance(value, str) and _ID.fullmatch(value) else None


def _name(value: Any) -> str | None:
    return value[:MAX_NAME] if isinstance(value, str) and value else None


def _instant(value: Any) -> int | None:
    return value if type(value) is int and 0 < value < MAX_INSTANT else None


def _since(start: int, instant: int | None) -> int | None:
    return None if instant is None else max(0, instant - start)


def _enum(known: Callable[[str], T], value: Any, default: T) -> T:
    try:
        return known(value)
    except ValueError:
        return default
