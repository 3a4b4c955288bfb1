"""OTLP in JSON as exporters and protobuf's own printers write it: the same spans and records come of each form."""

import base64
import json
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import SeverityNumber
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from kagura.otel.decoding import JSON, LOGS, PROTOBUF, TRACES, OtlpSpan, check, read_logs, read_spans

NANOSECONDS = 1_700_000_000_000_000_000


def request() -> ExportTraceServiceRequest:
    """A span with values of every type below another, which failed."""
    made = ExportTraceServiceRequest()
    group = made.resource_spans.add()
    group.resource.attributes.add(key="service.name").value.string_value = "weather"
    scoped = group.scope_spans.add()
    scoped.scope.name = "library"
    span = scoped.spans.add(trace_id=b"t" * 16, span_id=b"s" * 8, parent_span_id=b"p" * 8, name="step")
    span.kind = Span.SPAN_KIND_CLIENT
    span.start_time_unix_nano, span.end_time_unix_nano = NANOSECONDS, NANOSECONDS + 5000
    span.attributes.add(key="snake_case.name").value.int_value = 7
    span.attributes.add(key="half").value.double_value = 0.5
    span.attributes.add(key="null").value.string_value = "null"
    span.attributes.add(key="no").value.bool_value = False
    listed = span.attributes.add(key="list").value.array_value
    listed.values.add().kvlist_value.values.add(key="inner_key").value.string_value = "deep"
    span.events.add(name="exception", time_unix_nano=NANOSECONDS).attributes.add(key="exception.type").value.CopyFrom(
        group.resource.attributes[0].value
    )
    span.status.code, span.status.message = Status.STATUS_CODE_ERROR, "failed"
    return made


def in_hex(value: Any) -> Any:
    """Ids in hex, as OTLP asks for."""
    if isinstance(value, dict):
        return {key: id_in_hex(item) if key.lower().endswith("id") else in_hex(item) for key, item in value.items()}
    return [in_hex(item) for item in value] if isinstance(value, list) else value


def id_in_hex(text: str) -> str:
    return base64.b64decode(text).hex().upper()


@pytest.mark.parametrize("numbers", [False, True], ids=["enum names", "enum numbers"])
@pytest.mark.parametrize("snake", [False, True], ids=["camelCase", "snake_case"])
@pytest.mark.parametrize("ids", [in_hex, lambda value: value], ids=["hex", "base64"])
def test_every_form_is_the_same_span(ids: Any, snake: bool, numbers: bool) -> None:
    printed = MessageToDict(request(), preserving_proto_field_name=snake, use_integers_for_enums=numbers)
    body = json.dumps(ids(printed)).encode()
    assert check(TRACES, JSON, body) == (None, 1, 0)
    (found,) = read_spans(JSON, body)
    (expected,) = read_spans(PROTOBUF, request().SerializeToString())
    assert found == expected
    assert found.failed
    assert found.attributes["list"] == [{"inner_key": "deep"}]


def test_nulls_and_unknown_fields_are_no_hindrance() -> None:
    span: dict[str, Any] = {"traceId": "ab" * 16, "spanId": "cd" * 8, "parentSpanId": None, "attributes": None}
    span |= {
        "name": "step",
        "flags": 257,
        "traceState": None,
        "anything": [{"new": 1}],
        "links": [None],
        "status": None,
    }
    body = json.dumps({"resourceSpans": [None, {"resource": None, "scopeSpans": [{"spans": [span]}]}]}).encode()
    assert check(TRACES, JSON, body) == (None, 1, 0)
    (found,) = read_spans(JSON, body)
    assert (found.name, found.parent_id, found.attributes) == ("step", None, {})


def test_log_records_by_a_printer_of_protobuf() -> None:
    made = ExportLogsServiceRequest()
    record = made.resource_logs.add().scope_logs.add().log_records.add(trace_id=b"t" * 16, span_id=b"s" * 8)
    record.time_unix_nano, record.event_name = NANOSECONDS, "gen_ai.choice"
    record.severity_number = SeverityNumber.SEVERITY_NUMBER_INFO
    record.body.kvlist_value.values.add(key="index").value.int_value = 0
    body = json.dumps(MessageToDict(made, preserving_proto_field_name=True)).encode()
    assert list(read_logs(JSON, body)) == list(read_logs(PROTOBUF, made.SerializeToString()))


@pytest.mark.parametrize("text", ["", "00" * 16, "zz" * 16, "ab" * 15, "not base64!", "ü" * 32, "A" * 23])
def test_what_is_no_id_is_counted_and_left_out(text: str) -> None:
    spans = [
        {"traceId": text, "spanId": "ab" * 8, "name": "x"},
        {"traceId": "ab" * 16, "spanId": "ab" * 8, "name": "y"},
    ]
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).encode()
    assert check(TRACES, JSON, body) == (None, 2, 1)
    assert [span.name for span in read_spans(JSON, body)] == ["y"]


def test_what_belongs_to_another_signal_is_refused() -> None:
    for name in ("resourceSpans", "resource_spans", "resourceMetrics"):
        wrong = check(LOGS, JSON, json.dumps({name: [{}]}).encode()).wrong
        assert wrong
        assert "another signal" in wrong
    assert check(LOGS, JSON, b"{}").wrong is None


@pytest.mark.parametrize("depth", [90, 1000, 100_000])
def test_nested_values_never_exhaust_the_stack(depth: int) -> None:
    head = '{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "' + "ab" * 16 + '", "spanId": "' + "cd" * 8
    head += '", "attributes": [{"key": "deep", "value": '
    value = '{"arrayValue": {"values": [' * depth + '{"intValue": 1}' + "]}}" * depth
    body = f"{head}{value}}}]}}]}}]}}]}}".encode()
    if check(TRACES, JSON, body).wrong is None:
        spans: list[OtlpSpan] = list(read_spans(JSON, body))
        assert json.dumps(spans[0].attributes).count("[") <= 21
    else:
        assert "nested too deeply" in str(check(TRACES, JSON, body).wrong)
