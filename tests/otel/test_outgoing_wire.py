"""Both forms of OTLP say the same, and receivers can read them."""

import base64
from typing import Any

import msgspec
from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from kagura.otel.conventions import SCHEMA_URL
from kagura.otel.encoding import OutgoingSpan, Place, Value
from kagura.otel.outgoing_wire import Protobuf, request_json, resource_attributes
from tests.otel.receiver import received

ATTRIBUTES: dict[str, Value] = {
    "text": "Grüße \ud800",
    "flag": True,
    "count": 1 << 70,
    "share": 0.5,
    "list": ["a", "b"],
    "numbers": [1, 2],
}


def span(**changes: Any) -> OutgoingSpan:
    fields: dict[str, Any] = {
        "place": Place("ab" * 16, "cd" * 8, "ef" * 8),
        "name": "chat gpt-4o",
        "is_client": True,
        "started_at": 1_760_115_600_000_001,
        "ended_at": 1_760_115_602_000_000,
        "failed": False,
        "message": None,
        "attributes": {},
    }
    return OutgoingSpan(**fields | changes)


def through_protobuf(*spans: OutgoingSpan, resource: dict[str, Value] | None = None) -> ExportTraceServiceRequest:
    wire = Protobuf(resource or {})
    return ExportTraceServiceRequest.FromString(wire.request([wire.span(one) for one in spans]))


def through_json(*spans: OutgoingSpan) -> ExportTraceServiceRequest:
    """OTLP/JSON, with its hexadecimal ids put as protobuf's own JSON has them."""
    document = msgspec.json.decode(request_json(spans, {}))
    for made in document["resourceSpans"][0]["scopeSpans"][0]["spans"]:
        for name in ("traceId", "spanId", "parentSpanId"):
            if name in made:
                made[name] = base64.b64encode(bytes.fromhex(made[name])).decode()
    return json_format.ParseDict(document, ExportTraceServiceRequest())


def test_a_span_arrives_as_it_was_sent() -> None:
    (found,) = received(through_protobuf(span(attributes=ATTRIBUTES)))
    assert found.attributes == ATTRIBUTES | {"text": "Grüße ?", "count": (1 << 63) - 1}
    assert (found.trace_id, found.span_id, found.parent_id) == ("ab" * 16, "cd" * 8, "ef" * 8)
    assert (found.start, found.end) == (1_760_115_600_000_001_000, 1_760_115_602_000_000_000)
    assert (found.name, found.kind, found.status) == ("chat gpt-4o", 3, 0)


def test_failures_and_roots() -> None:
    failed = span(failed=True, message="no more", is_client=False, place=Place("ab" * 16, "cd" * 8, None))
    (found,) = received(through_protobuf(failed))
    assert (found.status, found.message, found.kind, found.parent_id) == (2, "no more", 1, "")
    (untold,) = received(through_protobuf(span(failed=True, attributes={"error.type": "timeout"})))
    assert untold.message == "timeout"


def test_who_sends_and_by_which_conventions() -> None:
    given = resource_attributes({"service.name": "agents", "deployment.environment": "test"})
    (resource,) = through_protobuf(span(), resource=given).resource_spans
    told = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
    assert (told["service.name"], told["deployment.environment"]) == ("agents", "test")
    assert resource_attributes({})["service.name"] == "kagura"
    assert resource.schema_url == resource.scope_spans[0].schema_url == SCHEMA_URL
    assert resource.scope_spans[0].scope.name == "kagura"


def test_json_says_the_same_as_protobuf() -> None:
    attributes = {name: value for name, value in ATTRIBUTES.items() if name != "text"}
    spans = [
        span(attributes=attributes),
        span(failed=True, message="x", is_client=False, place=Place("01" * 16, "02" * 8, None)),
    ]
    assert through_json(*spans) == through_protobuf(*spans)


def test_what_a_receiver_did_not_take_is_read() -> None:
    wire = Protobuf({})
    told = ExportTracePartialSuccess(rejected_spans=2, error_message="too old")
    answer = ExportTraceServiceResponse(partial_success=told).SerializeToString()
    assert wire.rejected(answer) == (2, "too old")
    assert wire.rejected(b"") == (0, "")
    assert wire.rejected(b"<html>") == (0, "")
