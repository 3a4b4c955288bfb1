"""OTLP requests, protobuf or JSON, as plain spans and log records.

Both forms are read through one walk, because the structs for JSON (`json_form.py`) name their fields as the protobuf's
classes do. Those are imported with the first request that needs them.
"""

import base64
import binascii
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from kagura.model import JsonObject
from kagura.otel.json_form import read_json

TRACES, LOGS = "traces", "logs"
PROTOBUF, JSON = "protobuf", "json"

_FAILED = (2, "STATUS_CODE_ERROR")
_MOST_DEPTH = 20
_TRACE_ID, _SPAN_ID = 32, 16
_HEX = frozenset("0123456789abcdef")


class OtlpEvent(NamedTuple):
    """Something that happened within a span."""

    name: str
    attributes: JsonObject


class OtlpSpan(NamedTuple):
    """A span as it was reported: instants in microseconds, ids in hex."""

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    started_at: int
    ended_at: int | None
    attributes: JsonObject
    events: list[OtlpEvent]
    failed: bool
    message: str
    """What the span's status says."""
    resource: JsonObject
    scope: str
    """The instrumentation library."""


class OtlpLog(NamedTuple):
    """A log record as it was reported; ids are empty where it stands in no span."""

    trace_id: str
    span_id: str
    event: str
    """The event's name; empty where the record has none."""
    at: int
    body: Any
    attributes: JsonObject
    resource: JsonObject
    scope: str


class Checked(NamedTuple):
    """What the bytes of a request are worth."""

    wrong: str | None = None
    """Why they cannot be read; None where they can."""
    items: int = 0
    """Spans, or log records."""
    rejected: int = 0
    """Spans without proper ids, which nothing can be made of."""


def check(signal: str, encoding: str, body: bytes) -> Checked:
    """Whether a request's bytes can be read, and what of them."""
    try:
        request = _request(signal, encoding, body)
        if signal == LOGS:
            scopes = (scoped for group in request.resource_logs for scoped in group.scope_logs)
            return Checked(items=sum(len(scoped.log_records) for scoped in scopes))
        spans = [span for group in request.resource_spans for scoped in group.scope_spans for span in scoped.spans]
        whole = sum(bool(_id(span.trace_id, _TRACE_ID) and _id(span.span_id, _SPAN_ID)) for span in spans)
        return Checked(items=len(spans), rejected=len(spans) - whole)
    except RecursionError:
        return Checked("nested too deeply")
    except Exception as error:
        return Checked(str(error)[:200] or type(error).__name__)


def read_spans(encoding: str, body: bytes) -> Iterator[OtlpSpan]:
    """The spans of a request; those without proper ids are left out. Raises ValueError where the bytes are none."""
    for group in _request(TRACES, encoding, body).resource_spans:
        resource = _attributes(group.resource.attributes)
        for scoped in group.scope_spans:
            for span in scoped.spans:
                trace_id, span_id = _id(span.trace_id, _TRACE_ID), _id(span.span_id, _SPAN_ID)
                if trace_id and span_id:
                    yield OtlpSpan(
                        trace_id,
                        span_id,
                        _id(span.parent_span_id, _SPAN_ID) or None,
                        span.name,
                        _micros(span.start_time_unix_nano),
                        _micros(span.end_time_unix_nano) or None,
                        _attributes(span.attributes),
                        [OtlpEvent(event.name, _attributes(event.attributes)) for event in span.events],
                        span.status.code in _FAILED,
                        span.status.message,
                        resource,
                        scoped.scope.name,
                    )


def read_logs(encoding: str, body: bytes) -> Iterator[OtlpLog]:
    """The log records of a request. Raises ValueError where the bytes are none."""
    for group in _request(LOGS, encoding, body).resource_logs:
        resource = _attributes(group.resource.attributes)
        for scoped in group.scope_logs:
            for record in scoped.log_records:
                attributes = _attributes(record.attributes)
                said = _value(record.body)
                # codex's field names a line of its source, and claude-code's attribute the part behind the dot of what
                # its body says.
                named = attributes.get("event.name") or record.event_name
                whole = isinstance(said, str) and isinstance(named, str) and said.endswith(f".{named}")
                yield OtlpLog(
                    _id(record.trace_id, _TRACE_ID),
                    _id(record.span_id, _SPAN_ID),
                    str(said if whole else named or ""),
                    _micros(record.time_unix_nano) or _micros(record.observed_time_unix_nano),
                    said,
                    attributes,
                    resource,
                    scoped.scope.name,
                )


def _request(signal: str, encoding: str, body: bytes) -> Any:
    """A request as an object with the protobuf's fields."""
    if encoding == JSON:
        return read_json(signal, body)
    message = _message(signal)
    message.ParseFromString(body)
    return message


def _message(signal: str) -> Any:
    if signal == TRACES:
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        return ExportTraceServiceRequest()
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

    return ExportLogsServiceRequest()


def _id(value: bytes | str, digits: int) -> str:
    """An id in hex; empty where it is none. JSON by protobuf's own printers has ids in base64."""
    text = value.hex() if isinstance(value, bytes) else value.lower()
    if isinstance(value, str) and len(text) not in (0, digits):
        text = _from_base64(value)
    return text if len(text) == digits and _HEX.issuperset(text) and text.strip("0") else ""


def _from_base64(value: str) -> str:
    try:
        return base64.b64decode(f"{value.rstrip('=')}{'=' * (-len(value.rstrip('=')) % 4)}", validate=True).hex()
    except (ValueError, binascii.Error):
        return ""


def _micros(nanoseconds: int | str) -> int:
    return _integer(nanoseconds) // 1000


def _integer(value: int | str) -> int:
    if isinstance(value, int):
        return value
    return int(value) if len(value) < 25 and value.removeprefix("-").isdecimal() else 0


def _attributes(pairs: Iterable[Any], depth: int = 0) -> JsonObject:
    return {pair.key: _value(pair.value, depth) for pair in pairs}


def _value(value: Any, depth: int = 0) -> Any:
    field = value.WhichOneof("value")
    if field is None or depth > _MOST_DEPTH:
        return None
    found = getattr(value, field)
    if field == "array_value":
        return [_value(item, depth + 1) for item in found.values]
    if field == "kvlist_value":
        return _attributes(found.values, depth + 1)
    if field == "int_value":
        return _integer(found)
    return found.hex() if isinstance(found, bytes) else found
