"""OTLP spans → the data of a reported span (`collector.span_events` documents its fields), by the tables of names.

Nothing raises: a value that cannot be what its name says is left out.
"""

import hashlib
import math
from collections.abc import Iterable
from typing import Any

import msgspec

from kagura.model import JsonObject, SpanKind
from kagura.otel import attributes as names
from kagura.otel.decoding import OtlpSpan
from kagura.otel.incoming_messages import DETAILS, asked_tools, chat, content_of, parsed, said_in_events

MAX_ATTRIBUTES = 128
MAX_VALUE = 2000
"""Characters of an attribute that are kept."""

_MODELS = (SpanKind.LLM, SpanKind.EMBEDDING)
_EXCEPTION = "exception"
_KNOWN = frozenset(
    name
    for group in (*names.FIELDS.values(), *names.USAGE.values(), names.TOTAL, names.TAGS, names.METADATA)
    for name in group
)
_CONTENT = (*names.INPUTS, *names.OUTPUTS, *names.SYSTEM, *names.OTHER_CONTENT)


class Incoming(msgspec.Struct, kw_only=True):
    """A span that a program reports, in kagura's words."""

    id: str
    """kagura's id of the span, which follows from those of its trace and its span."""
    trace_id: str = ""
    execution_id: str | None = None
    """Named by the program itself, for kagura."""
    session_id: str | None = None
    call_id: str | None = None
    """The call that the relay saw, where the program knows it."""
    at: int
    data: JsonObject


def scoped_id(trace_id: str, span_id: str) -> str:
    """kagura's id of a span of another program: foreign ids are only unique within their trace, if at all."""
    return hashlib.blake2b(f"{trace_id} {span_id}".encode(), digest_size=8).hexdigest()


def from_span(span: OtlpSpan) -> Incoming:
    """A span of an OTLP request in kagura's words."""
    own = _with_details(span)
    said = span.resource | own
    kind = kind_of(own)
    data: JsonObject = {
        "id": scoped_id(span.trace_id, span.span_id),
        "parent_id": scoped_id(span.trace_id, span.parent_id) if span.parent_id else None,
        "trace_id": span.trace_id,
        "kind": kind.value,
        "name": _name(span, own, kind),
        "agent": agent_of(own, span.resource),
        "status": "failed" if span.failed else "completed",
        "error": _error(span, own),
        "started_at": span.started_at,
        "ended_at": max(span.ended_at or 0, span.started_at),
        "tags": tags_of(said),
        "attributes": kept(own) | {"otel": _origin(span)},
        "session_id": first_text(said, names.FIELDS["session_id"]),
        "user": first_text(said, names.FIELDS["user"]),
    }
    if kind in _MODELS:
        data |= _call(own, span)
    else:
        data |= {"input": content_of(own, names.INPUTS), "output": content_of(own, names.OUTPUTS)}
    return Incoming(
        id=data["id"],
        trace_id=span.trace_id,
        execution_id=first_text(said, names.FIELDS["execution_id"]),
        session_id=data["session_id"],
        call_id=first_text(own, names.FIELDS["call_id"]),
        at=span.started_at,
        data=data,
    )


def kind_of(attributes: JsonObject) -> SpanKind:
    """What kind of thing a span with these attributes is."""
    for attribute, kinds in names.KINDS:
        kind = kinds.get(str(attributes.get(attribute, "")).lower())
        if kind is not None:
            return kind
    for attribute, kind in names.MARKS:
        if attribute in attributes and (kind is not SpanKind.LLM or usage_of(attributes)):
            return kind
    return SpanKind.SPAN


def agent_of(own: JsonObject, process: JsonObject) -> str | None:
    """Whose doing it is, as the span says or else the process; None where nobody does."""
    said = (found for found in (first_text(own, names.AGENT_NAMES), first_text(process, names.AGENT_NAMES)) if found)
    return next((name for name in said if not name.startswith(names.UNNAMED)), None)


def model_name(said: str | None) -> str | None:
    """A model's name without what a client adds for itself: `claude-opus-4-8[1m]`."""
    return said.partition("[")[0] or said if said else None


def first_text(attributes: JsonObject, wanted: Iterable[str]) -> str | None:
    """The first of these attributes that is a text, or a list that begins with one."""
    for name in wanted:
        value = parsed(attributes.get(name))
        value = value[0] if isinstance(value, list) and value else value
        if isinstance(value, str) and value:
            return value
    return None


def first_number(attributes: JsonObject, wanted: Iterable[str]) -> float | int | None:
    """The first of these attributes that is a number, or a text that spells one."""
    for name in wanted:
        value = attributes.get(name)
        if isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                continue
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return value
    return None


def usage_of(attributes: JsonObject, *, cache_outside: bool = False) -> JsonObject:
    """The usage as `model.Usage` counts it: the input holds the cache.

    Some libraries give the provider's own `input_tokens`, which leave the cache out. Where nobody knows that of the
    library (`cache_outside`), it shows where the cache is larger than what should hold it.
    """
    counts = {field: _count(first_number(attributes, wanted)) for field, wanted in names.USAGE.items()}
    usage = {field: value for field, value in counts.items() if value is not None}
    total = _count(first_number(attributes, names.TOTAL))
    if total is not None and usage.keys() & {"input", "output"} != {"input", "output"}:
        missing, known = ("output", "input") if "input" in usage else ("input", "output")
        usage[missing] = max(0, total - usage.get(known, 0))
    cached = usage.get("cache_read", 0) + usage.get("cache_write", 0)
    if cache_outside or cached > usage.get("input", 0):
        usage["input"] = usage.get("input", 0) + cached
    return usage


def _count(value: float | int | None) -> int | None:
    return int(value) if value is not None and value >= 0 and value == int(value) else None


def tags_of(attributes: JsonObject) -> dict[str, str]:
    """The tags: words of a list are tags without a value."""
    tags: dict[str, str] = {}
    for name in names.TAGS:
        words = parsed(attributes.get(name))
        tags |= dict.fromkeys((str(word) for word in words), "true") if isinstance(words, list) else {}
    for name in names.METADATA:
        found = parsed(attributes.get(name))
        tags |= {key: str(value) for key, value in found.items()} if isinstance(found, dict) else {}
    for name, value in attributes.items():
        prefix = next((prefix for prefix in names.TAG_PREFIXES if name.startswith(prefix)), None)
        if prefix and name not in _KNOWN and isinstance(value, str | int | float):
            tags[name.removeprefix(prefix)] = str(value)
    return {key[:200]: value[:256] for key, value in list(tags.items())[:32]}


def kept(attributes: JsonObject) -> JsonObject:
    """The attributes that are kept as they are: what was said is not among them, nor what has a field of its own."""
    found: JsonObject = {}
    for name, value in attributes.items():
        if len(found) == MAX_ATTRIBUTES:
            break
        if name not in _KNOWN and not name.startswith(_CONTENT):
            found[name[:200]] = value[:MAX_VALUE] if isinstance(value, str) else _short(value)
    # gemini-cli puts the tool's name before the id that the model gave.
    call_id = (first_text(attributes, names.TOOL_CALL_IDS) or "").removeprefix(
        f"{first_text(attributes, names.TOOL_NAMES)}__"
    )
    count = _count(first_number(attributes, (names.RECORD_COUNT,)))
    return (
        found
        | ({names.TOOL_CALL_ID: call_id} if call_id else {})
        | ({names.RECORD_COUNT: count} if count is not None else {})
    )


def _short(value: Any) -> Any:
    if not isinstance(value, list | dict):
        return value if not isinstance(value, float) or math.isfinite(value) else str(value)
    written = msgspec.json.encode(value)
    return value if len(written) <= MAX_VALUE else written[:MAX_VALUE].decode(errors="replace")


def _with_details(span: OtlpSpan) -> JsonObject:
    """The span's attributes, and those that an event of it adds about the whole call."""
    added: JsonObject = {}
    for event in span.events:
        if event.name == DETAILS:
            added |= event.attributes
    return added | span.attributes


def _name(span: OtlpSpan, own: JsonObject, kind: SpanKind) -> str:
    if kind is SpanKind.TOOL:
        return first_text(own, (*names.TOOL_NAMES, *names.ENTITY_NAMES)) or span.name.removeprefix("execute_tool ")
    if kind is SpanKind.AGENT:
        return first_text(own, names.AGENT_NAMES[:3]) or first_text(own, names.ENTITY_NAMES) or span.name
    if kind in (SpanKind.MEMORY, SpanKind.RETRIEVAL):
        operation = first_text(own, names.OPERATIONS_AS_NAMES)
        return (operation or span.name).removesuffix("_memory")
    # Names of calls are made of operation and model, as for captured ones.
    return "" if kind in _MODELS else span.name


def _call(own: JsonObject, span: OtlpSpan) -> JsonObject:
    """What only calls to models have."""
    asked, answered = said_in_events(span.events)
    invocation = parsed(own.get(names.INVOCATION))
    parameters = {
        name.removeprefix(names.REQUEST_PREFIX): value
        for name, value in own.items()
        if name.startswith(names.REQUEST_PREFIX) and name not in _KNOWN
    } | (invocation if isinstance(invocation, dict) else {})
    found = {field: first_text(own, wanted) for field, wanted in names.FIELDS.items()}
    whole = parsed(own.get("output.value"))
    answer = chat(content_of(own, names.OUTPUTS), "assistant") or answered
    model = parameters.pop("model", None)
    return {
        "provider": found["provider"],
        "request_model": model_name(found["request_model"] or _text(model)),
        "response_model": model_name(found["response_model"]),
        "response_id": found["response_id"] or (_text(whole.get("id")) if isinstance(whole, dict) else None),
        "finish_reason": found["finish_reason"],
        "stream": next((own[name] for name in names.STREAM if isinstance(own.get(name), bool)), None),
        "http_status": _count(first_number(own, names.HTTP_STATUS)),
        "first_chunk_at": _first_chunk(own, span),
        "usage": usage_of(own, cache_outside=span.scope in names.CACHE_OUTSIDE_INPUT),
        "input": system_messages(own) + (chat(content_of(own, names.INPUTS), "user") or asked),
        "output": answer,
        "tool_calls": asked_tools(answer),
        "parameters": parameters,
    }


def system_messages(own: JsonObject) -> list[JsonObject]:
    """The system prompt, where attributes hold it apart from the messages."""
    found = content_of(own, names.SYSTEM)
    if found is None:
        return []
    parts = (
        [part.get("content") if isinstance(part, dict) else part for part in found]
        if isinstance(found, list)
        else [found]
    )
    return [{"role": "system", "content": "\n".join(str(part) for part in parts if part)}]


def _first_chunk(own: JsonObject, span: OtlpSpan) -> int | None:
    seconds = first_number(own, names.FIRST_CHUNK_SECONDS)
    milliseconds = first_number(own, names.FIRST_CHUNK_MILLISECONDS)
    if seconds is None and milliseconds is None:
        return None
    passed = seconds * 1_000_000 if seconds is not None else (milliseconds or 0) * 1000
    return span.started_at + round(passed)


def _error(span: OtlpSpan, own: JsonObject) -> JsonObject | None:
    raised = next((event.attributes for event in reversed(span.events) if event.name == _EXCEPTION), {})
    message = span.message or _text(raised.get("exception.message")) or _text(own.get("exception.message"))
    kind = _text(own.get("error.type")) or _text(raised.get("exception.type"))
    if not span.failed:
        return None
    return {"message": message or kind or "failed", "type": kind}


def _origin(span: OtlpSpan) -> JsonObject:
    """Where a span comes from, for those who look it up there."""
    said = {
        "parent_id": span.parent_id,
        "scope": span.scope[:200],
        "service": agent_of({}, {"service.name": span.resource.get("service.name")}),
    }
    return {"trace_id": span.trace_id, "span_id": span.span_id} | {name: text for name, text in said.items() if text}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
