"""OTLP requests, protobuf or JSON, as plain spans and log records.

https://opentelemetry.io/docs/specs/otlp/: the JSON form has the protobuf's fields in lowerCamelCase, trace and span ids
in hex, enums as numbers, 64-bit integers as decimal text. Both forms are read through one walk, because the structs
for JSON name their fields as the protobuf's classes do. Those are imported with the first request that needs them.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from kagura.model import JsonObject

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


def check(signal: str, encoding: str, body: bytes) -> str | None:
    """What is wrong with a request's bytes; None where they can be read."""
    try:
        _request(signal, encoding, body)
    except RecursionError:
        return "nested too deeply"
    except Exception as error:
        return str(error)[:200] or type(error).__name__
    return None


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


class _Struct(msgspec.Struct, rename="camel"):
    """A message of the JSON form."""


class _Array(_Struct):
    values: list["_Value"] = []


class _KeyValues(_Struct):
    values: list["_KeyValue"] = []


class _Value(_Struct):
    string_value: str | None = None
    bool_value: bool | None = None
    int_value: int | str | None = None
    double_value: float | str | None = None
    array_value: _Array | None = None
    kvlist_value: _KeyValues | None = None
    bytes_value: str | None = None

    def WhichOneof(self, _group: str) -> str | None:  # noqa: N802 - as the protobuf's classes call it
        """The name of the field that is set."""
        return next((name for name in self.__struct_fields__ if getattr(self, name) is not None), None)


class _KeyValue(_Struct):
    key: str = ""
    value: _Value = msgspec.field(default_factory=_Value)


class _Resource(_Struct):
    attributes: list[_KeyValue] = []


class _Scope(_Struct):
    name: str = ""


class _Status(_Struct):
    code: int | str = 0
    message: str = ""


class _Event(_Struct):
    name: str = ""
    attributes: list[_KeyValue] = []


class _Span(_Struct):
    trace_id: str = ""
    span_id: str = ""
    parent_span_id: str = ""
    name: str = ""
    start_time_unix_nano: int | str = 0
    end_time_unix_nano: int | str = 0
    attributes: list[_KeyValue] = []
    events: list[_Event] = []
    status: _Status = msgspec.field(default_factory=_Status)


class _ScopeSpans(_Struct):
    scope: _Scope = msgspec.field(default_factory=_Scope)
    spans: list[_Span] = []


class _ResourceSpans(_Struct):
    resource: _Resource = msgspec.field(default_factory=_Resource)
    scope_spans: list[_ScopeSpans] = []


class _Traces(_Struct):
    resource_spans: list[_ResourceSpans] = []


class _Record(_Struct):
    trace_id: str = ""
    span_id: str = ""
    event_name: str = ""
    time_unix_nano: int | str = 0
    observed_time_unix_nano: int | str = 0
    body: _Value = msgspec.field(default_factory=_Value)
    attributes: list[_KeyValue] = []


class _ScopeLogs(_Struct):
    scope: _Scope = msgspec.field(default_factory=_Scope)
    log_records: list[_Record] = []


class _ResourceLogs(_Struct):
    resource: _Resource = msgspec.field(default_factory=_Resource)
    scope_logs: list[_ScopeLogs] = []


class _Logs(_Struct):
    resource_logs: list[_ResourceLogs] = []


_FORMS: dict[str, type[_Struct]] = {TRACES: _Traces, LOGS: _Logs}


def _request(signal: str, encoding: str, body: bytes) -> Any:
    """A request as an object with the protobuf's fields."""
    if encoding == JSON:
        return msgspec.json.decode(body, type=_FORMS[signal])
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
    """An id in hex; empty where it is none."""
    text = value.hex() if isinstance(value, bytes) else value.lower()
    return text if len(text) == digits and _HEX.issuperset(text) and text.strip("0") else ""


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
