"""The door for OpenTelemetry: what it takes, what it refuses and how, and what stands in the journal then."""

import gzip
import json
import zlib
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from kagura.errors import JournalError
from kagura.journal import JournalWriter, Record, Telemetry
from kagura.otel.decoding import read_spans
from kagura.proxy.otlp import MAX_BODY, MAX_ITEMS
from tests.proxy.stage import Stage, running, split

TRACES, LOGS, METRICS = (f"/kagura/otlp/v1/{signal}" for signal in ("traces", "logs", "metrics"))
PROTOBUF, JSON = "application/x-protobuf", "application/json"


def one_span() -> bytes:
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id, span.span_id, span.name = b"t" * 16, b"s" * 8, "step"
    return request.SerializeToString()


def one_span_in_json() -> bytes:
    span = {"traceId": (b"t" * 16).hex(), "spanId": (b"s" * 8).hex(), "name": "step", "kind": 1}
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()


async def send(
    stage: Stage, body: bytes, path: str = TRACES, kind: str = PROTOBUF, *lines: str, host: str = "127.0.0.1"
) -> tuple[int, dict[str, str], bytes]:
    """POST a body as an exporter does; status, headers, body."""
    given = [
        f"Host: {host}",
        "Connection: close",
        f"Content-Length: {len(body)}",
        *([f"Content-Type: {kind}"] if kind else []),
    ]
    head = "\r\n".join([f"POST {path} HTTP/1.1", *given, *lines])
    status, headers, answer = split(await stage.ask(head.encode() + b"\r\n\r\n" + body))
    return int(status.split()[1]), headers, answer


def refusal(body: bytes) -> tuple[int, str]:
    """Code and message of a google.rpc.Status, read as protobuf lays it out: 1 varint, 2 text."""
    assert body[0] == 0x08
    assert body[2] == 0x12
    length, at, shift = 0, 3, 0
    while True:
        length |= (body[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if not body[at - 1] & 0x80:
            break
    assert len(body) == at + length
    return body[1], body[at:].decode()


@pytest.mark.parametrize("coding", ["", "gzip", "deflate"])
@pytest.mark.parametrize(
    ("kind", "body", "answer"),
    [(PROTOBUF, one_span(), b""), (JSON, one_span_in_json(), b"{}")],
    ids=["protobuf", "json"],
)
async def test_spans_stand_in_the_journal_when_they_are_answered(
    kind: str, body: bytes, answer: bytes, coding: str, tmp_path: Path
) -> None:
    packed = {"": body, "gzip": gzip.compress(body), "deflate": zlib.compress(body)}[coding]
    async with running(tmp_path) as stage:
        lines = [f"Content-Encoding: {coding}"] if coding else []
        status, headers, said = await send(stage, packed, TRACES, kind, *lines)
        assert (status, headers["content-type"], said) == (200, kind, answer)
        (record,) = stage.records()
    assert isinstance(record, Telemetry)
    assert (record.signal, record.body) == ("traces", body)
    (span,) = read_spans(record.encoding, record.body)
    assert (span.trace_id, span.span_id, span.name) == ((b"t" * 16).hex(), (b"s" * 8).hex(), "step")


async def test_logs_have_a_door_of_their_own(tmp_path: Path) -> None:
    async with running(tmp_path) as stage:
        status, _, _ = await send(stage, ExportLogsServiceRequest().SerializeToString(), LOGS)
        (record,) = stage.records()
    assert status == 200
    assert isinstance(record, Telemetry)
    assert record.signal == "logs"


async def test_spans_without_ids_are_told_to_the_exporter(tmp_path: Path) -> None:
    request = ExportTraceServiceRequest.FromString(one_span())
    spans = request.resource_spans[0].scope_spans[0].spans
    for trace_id, span_id in ((b"", b"s" * 8), (b"t" * 16, bytes(8)), (b"t" * 15, b"s" * 8)):
        spans.add(trace_id=trace_id, span_id=span_id)
    spans_in_json = [{"traceId": span.trace_id.hex(), "spanId": span.span_id.hex()} for span in spans]
    in_json = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans_in_json}]}]}).encode()
    async with running(tmp_path) as stage:
        status, _, said = await send(stage, request.SerializeToString())
        told = ExportTraceServiceResponse.FromString(said).partial_success
        assert (status, told.rejected_spans) == (200, 3)
        assert "trace id of 16 bytes" in told.error_message
        _, _, said = await send(stage, in_json, TRACES, JSON)
        partial = json.loads(said)["partialSuccess"]
        assert partial == {"rejectedSpans": "3", "errorMessage": told.error_message}
        records = [record for record in stage.records() if isinstance(record, Telemetry)]
    assert [len(list(read_spans(record.encoding, record.body))) for record in records] == [1, 1]


@pytest.mark.parametrize(("kind", "answer"), [(PROTOBUF, b""), (JSON, b"{}")])
async def test_metrics_are_taken_without_a_word_and_not_kept(kind: str, answer: bytes, tmp_path: Path) -> None:
    async with running(tmp_path) as stage:
        status, headers, said = await send(stage, b"anything", METRICS, kind, "Content-Encoding: gzip")
        assert (status, headers["content-type"], said) == (200, kind, answer)
        assert stage.records() == []


@pytest.mark.parametrize("path", ["/kagura/otlp", "/kagura/otlp/", "/kagura/otlp/v1/profiles", "/kagura/otlp/traces"])
async def test_an_address_without_its_signal_names_the_right_one(path: str, tmp_path: Path) -> None:
    async with running(tmp_path) as stage:
        status, _, said = await send(stage, one_span(), path)
    assert (status, refusal(said)[0]) == (404, 5)
    assert "/kagura/otlp/v1/traces" in refusal(said)[1]


async def test_what_cannot_be_read_is_refused_in_the_same_encoding(tmp_path: Path) -> None:
    async with running(tmp_path) as stage:
        status, headers, said = await send(stage, b"\xff\xff\xff", TRACES, PROTOBUF)
        assert (status, headers["content-type"]) == (400, PROTOBUF)
        code, message = refusal(said)
        assert code == 3
        assert "no OTLP traces in protobuf" in message
        status, headers, said = await send(stage, b'{"resourceSpans": 5}', TRACES, JSON)
        assert (status, headers["content-type"]) == (400, JSON)
        assert json.loads(said)["code"] == 3
        deep = b'{"resourceSpans":' + b"[" * 100_000
        status, _, _ = await send(stage, deep, TRACES, JSON)
        assert status == 400
        for broken in (b"no gzip", gzip.compress(one_span())[:-9]):
            status, _, said = await send(stage, broken, TRACES, PROTOBUF, "Content-Encoding: gzip")
            assert status == 400
            assert "compressed body" in refusal(said)[1]
        assert stage.records() == []


@pytest.mark.parametrize("coding", ["", "gzip"])
async def test_a_body_is_never_unpacked_beyond_the_limit(coding: str, tmp_path: Path) -> None:
    bomb = bytes(MAX_BODY + 1)
    async with running(tmp_path) as stage:
        lines = ["Content-Encoding: gzip"] if coding else []
        status, _, said = await send(stage, gzip.compress(bomb) if coding else bomb, TRACES, PROTOBUF, *lines)
        assert status == 413
        assert "smaller batches" in refusal(said)[1]
        assert stage.records() == []


@pytest.mark.parametrize("path", [TRACES, LOGS])
async def test_more_than_can_be_read_at_once_is_refused(path: str, tmp_path: Path) -> None:
    traces, logs = ExportTraceServiceRequest(), ExportLogsServiceRequest()
    request = traces if path == TRACES else logs
    spans, records = traces.resource_spans.add().scope_spans.add().spans, logs.resource_logs.add().scope_logs.add()
    items: Any = spans if path == TRACES else records.log_records
    for _ in range(MAX_ITEMS):
        items.add()
    async with running(tmp_path) as stage:
        assert (await send(stage, request.SerializeToString(), path))[0] == 200
        items.add()
        status, _, said = await send(stage, request.SerializeToString(), path)
    assert (status, "smaller batches" in refusal(said)[1]) == (413, True)


@pytest.mark.parametrize(
    ("kind", "coding", "named"),
    [
        ("application/grpc", "", "not gRPC"),
        ("text/plain", "", "x-protobuf"),
        ("", "", "no content type"),
        (PROTOBUF, "br", "send gzip"),
    ],
)
async def test_forms_that_nobody_speaks_here_are_named(kind: str, coding: str, named: str, tmp_path: Path) -> None:
    async with running(tmp_path) as stage:
        lines = [f"Content-Encoding: {coding}"] if coding else []
        status, _, said = await send(stage, one_span(), TRACES, kind, *lines)
    assert status == 415
    assert named in said.decode(errors="replace")


async def test_exporters_are_asked_to_come_again_while_the_journal_cannot_be_written(tmp_path: Path) -> None:
    class Full(JournalWriter):
        def append(self, record: Record) -> None:
            raise JournalError("no space left on device")

    async with running(tmp_path, journal=Full(tmp_path / "journal")) as stage:
        status, headers, said = await send(stage, one_span())
    assert (status, refusal(said)[0]) == (503, 14)
    assert int(headers["retry-after"]) > 0


async def test_strangers_pages_are_kept_out(tmp_path: Path) -> None:
    async with running(tmp_path) as stage:
        status, _, _ = await send(stage, one_span(), TRACES, PROTOBUF, "Origin: https://evil.example")
        assert status == 403
        status, _, _ = await send(stage, one_span(), host="evil.example")
        assert status == 403
        assert stage.records() == []
