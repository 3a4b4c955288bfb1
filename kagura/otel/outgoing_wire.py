"""Outgoing spans in the two forms of OTLP: protobuf for receivers, JSON for files."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from kagura import __version__
from kagura.model import JsonObject
from kagura.otel.conventions import ERROR_TYPE, SCHEMA_URL
from kagura.otel.encoding import OutgoingSpan, Value

SCOPE = "kagura"
_INTERNAL, _CLIENT = 1, 3
_ERROR = 2
_BIGGEST = (1 << 63) - 1


def resource_attributes(given: Mapping[str, str]) -> dict[str, Value]:
    """What says who sends: `service.name` is kagura unless `given` names another."""
    return {"service.name": "kagura", "service.version": __version__, **given}


def request_json(spans: Iterable[OutgoingSpan], resource: Mapping[str, Value]) -> bytes:
    """An ExportTraceServiceRequest as OTLP/JSON: ids in hexadecimal, 64-bit integers as text."""
    return msgspec.json.encode(
        {
            "resourceSpans": [
                {
                    "resource": {"attributes": _pairs(resource)},
                    "scopeSpans": [
                        {
                            "scope": {"name": SCOPE, "version": __version__},
                            "spans": [_span_json(span) for span in spans],
                            "schemaUrl": SCHEMA_URL,
                        }
                    ],
                    "schemaUrl": SCHEMA_URL,
                }
            ]
        }
    )


def _span_json(span: OutgoingSpan) -> JsonObject:
    found: JsonObject = {
        "traceId": span.place.trace_id,
        "spanId": span.place.span_id,
        "name": span.name,
        "kind": _CLIENT if span.is_client else _INTERNAL,
        "startTimeUnixNano": str(span.started_at * 1000),
        "endTimeUnixNano": str(span.ended_at * 1000),
        "attributes": _pairs(span.attributes),
    }
    if span.place.parent_id:
        found["parentSpanId"] = span.place.parent_id
    if span.failed:
        found["status"] = {"code": _ERROR, "message": _told(span)}
    return found


def _pairs(attributes: Mapping[str, Value]) -> list[JsonObject]:
    return [{"key": name, "value": _json_value(value)} for name, value in attributes.items()]


def _json_value(value: Value) -> JsonObject:
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(_bounded(value))}
    if isinstance(value, float):
        return {"doubleValue": value}
    return {"arrayValue": {"values": [_json_value(item) for item in value]}}


def _told(span: OutgoingSpan) -> str:
    return span.message or str(span.attributes.get(ERROR_TYPE, ""))


def _bounded(value: int) -> int:
    return max(-_BIGGEST, min(value, _BIGGEST))


class Protobuf:
    """Makes requests of protobuf. The library is loaded with the first of these."""

    def __init__(self, resource: Mapping[str, Value]) -> None:
        from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
        from opentelemetry.proto.common.v1 import common_pb2
        from opentelemetry.proto.resource.v1 import resource_pb2
        from opentelemetry.proto.trace.v1 import trace_pb2

        self._common, self._trace, self._service = common_pb2, trace_pb2, trace_service_pb2
        self._resource = resource_pb2.Resource(attributes=self._pairs(resource))

    def span(self, span: OutgoingSpan) -> Any:
        """A span as a message; it is asked for its size before it becomes part of a request."""
        kinds = self._trace.Span
        made = self._trace.Span(
            trace_id=bytes.fromhex(span.place.trace_id),
            span_id=bytes.fromhex(span.place.span_id),
            parent_span_id=bytes.fromhex(span.place.parent_id or ""),
            name=_clean(span.name),
            kind=kinds.SPAN_KIND_CLIENT if span.is_client else kinds.SPAN_KIND_INTERNAL,
            start_time_unix_nano=span.started_at * 1000,
            end_time_unix_nano=span.ended_at * 1000,
            attributes=self._pairs(span.attributes),
        )
        if span.failed:
            made.status.CopyFrom(
                self._trace.Status(code=self._trace.Status.STATUS_CODE_ERROR, message=_clean(_told(span)))
            )
        return made

    def request(self, spans: Sequence[Any]) -> bytes:
        """An ExportTraceServiceRequest of the messages that `span` made."""
        scope = self._common.InstrumentationScope(name=SCOPE, version=__version__)
        scoped = self._trace.ScopeSpans(scope=scope, spans=spans, schema_url=SCHEMA_URL)
        whole = self._trace.ResourceSpans(resource=self._resource, scope_spans=[scoped], schema_url=SCHEMA_URL)
        encoded: bytes = self._service.ExportTraceServiceRequest(resource_spans=[whole]).SerializeToString()
        return encoded

    def rejected(self, answer: bytes) -> tuple[int, str]:
        """How many spans a receiver says it did not take, and why; nothing where its answer cannot be read."""
        from google.protobuf.message import DecodeError

        try:
            partial = self._service.ExportTraceServiceResponse.FromString(answer).partial_success
        except DecodeError:
            return 0, ""
        return int(partial.rejected_spans), str(partial.error_message)

    def _pairs(self, attributes: Mapping[str, Value]) -> list[Any]:
        pair = self._common.KeyValue
        return [pair(key=_clean(name), value=self._value(value)) for name, value in attributes.items()]

    def _value(self, value: Value) -> Any:
        any_value = self._common.AnyValue
        if isinstance(value, list):
            return any_value(array_value=self._common.ArrayValue(values=[self._value(item) for item in value]))
        if isinstance(value, bool):
            return any_value(bool_value=value)
        if isinstance(value, int):
            return any_value(int_value=_bounded(value))
        return any_value(double_value=value) if isinstance(value, float) else any_value(string_value=_clean(value))


def _clean(text: str) -> str:
    """Text that UTF-8 can hold: protobuf takes no lone surrogates."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
