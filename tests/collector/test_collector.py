"""Journal to store: every call once, whatever dies in between."""

import gzip
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kagura.collector import drain, run
from kagura.config import CaptureSettings, Settings
from kagura.errors import StoreError
from kagura.journal import Ended, JournalWriter, Reported, Started, journal_files, try_lock
from kagura.model import Body, Event, Labels, Outcome, Span, Status
from kagura.store import Store

T0 = 1_790_000_000_000_000
REQUEST = {"model": "gpt-4o", "messages": [{"role": "user", "content": "How many?"}], "temperature": 0}
ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "gpt-4o-2024-08-06",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Four."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1000, "completion_tokens": 200, "total_tokens": 1200},
}


def body(value: Any) -> Body:
    data = json.dumps(value).encode()
    return Body(data, len(data))


def started(n: int, **labels: Any) -> Started:
    return Started(
        id=f"{n:016x}",
        provider="openai",
        dialect="openai",
        method="POST",
        target="/v1/chat/completions",
        received_at=T0 + n,
        labels=Labels(**labels),
        request_headers=[("content-type", "application/json"), ("user-agent", "OpenAI/Python 2.40.0")],
        request_body=body(REQUEST),
    )


def ended(n: int, answer: Any = ANSWER, status: int = 200, **fields: Any) -> Ended:
    return Ended(
        id=f"{n:016x}",
        outcome=fields.pop("outcome", Outcome.COMPLETED),
        done_at=T0 + n + 900_000,
        first_byte_at=T0 + n + 200_000,
        last_byte_at=T0 + n + 800_000,
        status=status,
        response_headers=[("content-type", "application/json")],
        response_body=body(answer),
        **fields,
    )


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def writer(settings: Settings) -> Iterator[JournalWriter]:
    writer = JournalWriter(settings.journal_dir)
    yield writer
    writer.close()


def spans(settings: Settings) -> list[Span]:
    with Store.open(settings.db_url, read_only=True) as store:
        traces = [store.trace(row.id) for row in store.executions(limit=10_000)]
    return [span for trace in traces if trace for span in trace.spans]


def test_a_call_becomes_a_span_with_usage_and_cost(settings: Settings, writer: JournalWriter) -> None:
    writer.append(started(1, execution_id="run-1", execution_source="header", agent="counter", tags={"team": "a"}))
    writer.append(ended(1))
    assert drain(settings)
    (span,) = spans(settings)
    assert (span.id, span.execution_id, span.execution_source) == (f"{1:016x}", "run-1", "header")
    assert (span.agent, span.status, span.name) == ("counter", Status.COMPLETED, "chat gpt-4o")
    assert (span.duration, span.time_to_first_chunk) == (800_000, 200_000)
    assert (span.request_model, span.response_model) == ("gpt-4o", "gpt-4o-2024-08-06")
    assert span.usage is not None
    assert (span.usage.input, span.usage.output) == (1000, 200)
    assert span.cost is not None
    # $2.50 and $10.00 a million tokens: 0.0025 + 0.002
    assert str(span.cost.total) == "0.0045"
    assert (span.input_preview, span.output_preview) == ("How many?", "Four.")
    assert span.tags == {"team": "a"}


@pytest.mark.parametrize(
    ("method", "target", "status", "outcome", "expected"),
    [
        ("GET", "/v1/models", 200, Outcome.COMPLETED, Status.COMPLETED),
        ("GET", "/v1/models", 503, Outcome.COMPLETED, Status.FAILED),
        ("GET", "/v1/models", None, Outcome.UPSTREAM_ERROR, Status.FAILED),
        ("POST", "/v1/messages/count_tokens", 400, Outcome.COMPLETED, Status.FAILED),
        ("HEAD", "/", 404, Outcome.COMPLETED, Status.COMPLETED),
        ("HEAD", "/", None, Outcome.UPSTREAM_ERROR, Status.FAILED),
        ("GET", "/v1/models", None, Outcome.CLIENT_CLOSED, Status.INTERRUPTED),
    ],
)
def test_a_run_that_called_no_model_came_to_what_its_request_did(
    settings: Settings,
    writer: JournalWriter,
    method: str,
    target: str,
    status: int | None,
    outcome: Outcome,
    expected: Status,
) -> None:
    start = msgspec.structs.replace(started(1), method=method, target=target, request_body=Body())
    writer.append(start)
    writer.append(msgspec.structs.replace(ended(1, {}), status=status, outcome=outcome))
    drain(settings)
    with Store.open(settings.db_url, read_only=True) as store:
        (run,) = store.executions()
    assert run.status is expected
    assert (run.error is not None) is (expected is Status.FAILED)


def test_contents_are_kept_once_and_come_back(settings: Settings, writer: JournalWriter) -> None:
    for n in (1, 2):
        writer.append(started(n))
        writer.append(ended(n))
    drain(settings)
    with Store.open(settings.db_url, read_only=True) as store:
        kept = store.span_contents(f"{2:016x}")
    assert kept is not None
    assert [json.loads(message) for message in kept.inputs] == REQUEST["messages"]
    assert kept.parameters is not None
    assert json.loads(kept.parameters) == {"model": "gpt-4o", "temperature": 0}
    assert kept.raw_response is not None
    assert json.loads(kept.raw_response) == ANSWER


def raw_request(settings: Settings) -> bytes | None:
    drain(settings)
    with Store.open(settings.db_url, read_only=True) as store:
        kept = store.span_contents(f"{1:016x}")
    assert kept is not None
    return kept.raw_request


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("encode", [bytes, gzip.compress])
def test_a_request_comes_back_byte_for_byte(
    settings: Settings, writer: JournalWriter, indent: int | None, encode: Callable[[bytes], bytes]
) -> None:
    sent = json.dumps(REQUEST | {"tools": ["Löwe " * 200, 1.50, None] * 5}, indent=indent).encode()
    start = started(1)
    captured = encode(sent)
    start.request_body = Body(captured, len(captured))
    start.request_headers = [("content-encoding", "gzip" if encode is gzip.compress else "identity")]
    writer.append(start)
    writer.append(ended(1))
    assert raw_request(settings) == sent


def test_a_request_is_not_kept_raw_where_that_is_not_wanted_or_not_all_of_it_is_there(
    settings: Settings, writer: JournalWriter
) -> None:
    writer.append(started(1))
    writer.append(ended(1))
    cut = started(2)
    cut.request_body = Body(b'{"model":"gpt-4o"}', 5000)
    writer.append(cut)
    writer.append(ended(2))
    without = msgspec.structs.replace(settings, capture=CaptureSettings(raw_requests=False))
    assert raw_request(without) is None
    with Store.open(settings.db_url, read_only=True) as store:
        kept = store.span_contents(f"{2:016x}")
    assert kept is None or kept.raw_request is None


@pytest.mark.parametrize("spelled", [r"sk-\u0061bc123", r"sk-abc123", r"\u0073k-abc123"])
def test_what_redact_matches_is_not_in_a_raw_request_however_it_is_spelled(
    settings: Settings, writer: JournalWriter, spelled: str
) -> None:
    settings = msgspec.structs.replace(settings, redact=["sk-[a-z0-9]+"])
    start = started(1)
    sent = b'{"model": "gpt-4o", "messages": [{"role": "user", "content": "it is %s"}]}' % spelled.encode()
    start.request_body = Body(sent, len(sent))
    writer.append(start)
    writer.append(ended(1))
    raw = raw_request(settings)
    assert raw is not None
    assert json.loads(raw)["messages"][0]["content"] == "it is [redacted]"


@pytest.mark.parametrize(("level", "preview", "content"), [("preview", True, False), ("none", False, False)])
def test_capture_levels(settings: Settings, writer: JournalWriter, level: Any, preview: bool, content: bool) -> None:
    settings = msgspec.structs.replace(settings, capture=CaptureSettings(content=level))
    writer.append(started(1))
    writer.append(ended(1))
    drain(settings)
    (span,) = spans(settings)
    assert (span.output_preview == "Four.") is preview
    with Store.open(settings.db_url, read_only=True) as store:
        assert (store.span_contents(span.id) is not None) is content
    assert (b"Four." in Path(settings.home / "telemetry.db").read_bytes()) is preview


def test_what_redact_matches_is_nowhere_in_the_store(settings: Settings, writer: JournalWriter) -> None:
    settings = msgspec.structs.replace(settings, redact=["sk-[a-z0-9]+", "Four"])
    start = started(1)
    start.request_body = body(REQUEST | {"messages": [{"role": "user", "content": "my key is sk-abc123"}]})
    writer.append(start)
    writer.append(ended(1))
    drain(settings)
    (span,) = spans(settings)
    assert (span.input_preview, span.output_preview) == ("my key is [redacted]", "[redacted].")
    with Store.open(settings.db_url, read_only=True) as store:
        kept = store.span_contents(span.id)
    assert kept is not None
    assert kept.raw_response is not None
    for part in (*kept.inputs, *kept.outputs, kept.raw_response):
        assert b"sk-abc" not in part
        assert b"Four" not in part


def test_a_running_call_is_seen_and_then_ends(settings: Settings, writer: JournalWriter) -> None:
    writer.append(started(1))
    drain(settings)
    (span,) = spans(settings)
    assert (span.status, span.ended_at, span.request_model, span.cost) == (Status.RUNNING, None, "gpt-4o", None)
    writer.append(ended(1))
    drain(settings)
    (span,) = spans(settings)
    assert (span.status, span.response_model) == (Status.COMPLETED, "gpt-4o-2024-08-06")


def test_a_call_whose_relay_died_is_interrupted_and_its_file_goes(settings: Settings, writer: JournalWriter) -> None:
    writer.append(started(1))
    writer.append(started(2))
    writer.append(ended(2))
    drain(settings)
    assert len(journal_files(settings.journal_dir)) == 1
    writer.close()
    drain(settings)
    assert {span.id: span.status for span in spans(settings)} == {
        f"{1:016x}": Status.INTERRUPTED,
        f"{2:016x}": Status.COMPLETED,
    }
    assert journal_files(settings.journal_dir) == []


def test_a_call_over_two_segments_is_whole_and_no_file_goes_too_early(settings: Settings) -> None:
    writer = JournalWriter(settings.journal_dir, segment_size=1)
    writer.append(started(1))
    writer.append(started(2))
    writer.append(ended(2))
    drain(settings)
    drain(settings)
    writer.append(ended(1))
    writer.append(started(3))
    drain(settings)
    assert {span.status for span in spans(settings) if span.id != f"{3:016x}"} == {Status.COMPLETED}
    drain(settings)
    assert len(journal_files(settings.journal_dir)) == 1
    writer.close()


def test_errors_and_cuts_say_what_happened(settings: Settings, writer: JournalWriter) -> None:
    refused = {"error": {"message": "Rate limit reached", "type": "rate_limit_error", "code": "rate_limit"}}
    writer.append(started(1))
    writer.append(ended(1, refused, 429))
    writer.append(started(2))
    end = ended(2, outcome=Outcome.UPSTREAM_ERROR, error="connection refused")
    end.status, end.response_body = None, Body()
    writer.append(end)
    writer.append(started(3))
    end = ended(3, outcome=Outcome.CLIENT_CLOSED)
    end.status, end.response_body = None, Body()
    writer.append(end)
    drain(settings)
    found = {int(span.id, 16): span for span in spans(settings)}
    assert (found[1].status, found[1].error, found[1].cost) == (Status.FAILED, "Rate limit reached", None)
    assert (found[2].status, found[2].error) == (Status.FAILED, "connection refused")
    assert (found[3].status, found[3].error_type) == (Status.INTERRUPTED, "client_closed")


def test_an_unknown_price_is_unknown_and_counted(settings: Settings, writer: JournalWriter) -> None:
    start = started(1)
    start.request_body = body(REQUEST | {"model": "no-such-model"})
    writer.append(start)
    writer.append(ended(1, ANSWER | {"model": "no-such-model"}))
    drain(settings)
    (span,) = spans(settings)
    assert span.cost is not None
    assert span.cost.total is None
    with Store.open(settings.db_url, read_only=True) as store:
        assert store.overview().cost.unknown_calls == 1


def test_an_execution_that_is_declared_lives_from_its_start_to_its_end(
    settings: Settings, writer: JournalWriter
) -> None:
    writer.append(Reported(event=Event(type="execution.start", at=T0, execution_id="r", data={"agent": "a"})))
    writer.append(started(1, execution_id="r", execution_source="path"))
    writer.append(ended(1))
    drain(settings)
    with Store.open(settings.db_url, read_only=True) as store:
        (row,) = store.executions()
    assert (row.agent, row.status, row.llm_calls) == ("a", Status.RUNNING, 1)
    end = Event(type="execution.end", at=T0 + 5, execution_id="r", data={"status": "failed", "error": "exit code 3"})
    writer.append(Reported(event=end))
    drain(settings)
    with Store.open(settings.db_url, read_only=True) as store:
        (row,) = store.executions()
    assert (row.status, row.error, row.ended_at, row.agent) == (Status.FAILED, "exit code 3", T0 + 5, "a")


def test_a_declared_execution_whose_process_died_is_interrupted(settings: Settings, writer: JournalWriter) -> None:
    writer.append(Reported(event=Event(type="execution.start", at=T0, execution_id="r", data={"agent": "a"})))
    drain(settings)
    writer.close()
    drain(settings)
    with Store.open(settings.db_url, read_only=True) as store:
        (row,) = store.executions()
    assert (row.status, row.agent) == (Status.INTERRUPTED, "a")
    assert journal_files(settings.journal_dir) == []


def test_a_damaged_file_is_kept_aside_and_what_precedes_the_damage_is_stored(
    settings: Settings, writer: JournalWriter
) -> None:
    for n in range(3):
        writer.append(started(n))
        writer.append(ended(n))
    writer.close()
    (file,) = journal_files(settings.journal_dir)
    data = bytearray(file.path.read_bytes())
    data[-5] ^= 1
    file.path.write_bytes(data)
    drain(settings)
    assert [span.status for span in spans(settings)].count(Status.COMPLETED) == 2
    assert journal_files(settings.journal_dir) == []
    assert len(list(settings.journal_dir.glob("*.unread"))) == 1


def test_a_foreign_file_in_the_folder_stops_nobody(settings: Settings, writer: JournalWriter) -> None:
    settings.journal_dir.mkdir(parents=True, exist_ok=True)
    (settings.journal_dir / "0-1-a-1.kj").write_text("this is not a journal file at all")
    writer.append(started(1))
    writer.append(ended(1))
    drain(settings)
    assert len(spans(settings)) == 1


def test_drain_leaves_the_work_to_a_running_collector(settings: Settings, writer: JournalWriter) -> None:
    writer.append(started(1))
    release = try_lock(settings.journal_dir / "collector.lock")
    assert release is not None
    assert not drain(settings)
    release()
    assert drain(settings)


def test_a_store_that_fails_loses_nothing(
    settings: Settings, writer: JournalWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, failures = Store.write, iter([True, True, False])

    def write(self: Store, batch: Any) -> None:
        if next(failures, False):
            raise StoreError("the disk is full")
        real(self, batch)

    monkeypatch.setattr(Store, "write", write)
    monkeypatch.setattr("kagura.collector.service.RETRY_SECONDS", (0.01,))
    for n in range(10):
        writer.append(started(n))
        writer.append(ended(n))
    stop = threading.Event()
    thread = threading.Thread(target=run, args=(settings, stop))
    thread.start()
    time.sleep(0.5)
    stop.set()
    thread.join(60)
    assert sorted(int(span.id, 16) for span in spans(settings)) == list(range(10))


def test_a_collector_killed_at_any_moment_stores_each_call_once(settings: Settings, tmp_path: Path) -> None:
    writer = JournalWriter(settings.journal_dir, segment_size=65_536)
    environment = os.environ | {"KAGURA_HOME": str(tmp_path)}
    total = 0
    for round_ in range(4):
        process = subprocess.Popen([sys.executable, "-m", "kagura.collector"], stdin=subprocess.PIPE, env=environment)
        deadline = time.monotonic() + 0.9 + 0.13 * round_
        while time.monotonic() < deadline:
            writer.append(started(total, execution_id=f"run-{total % 7}"))
            writer.append(ended(total))
            total += 1
            time.sleep(0.0005)
        process.kill()
        process.wait()
        assert process.stdin
        process.stdin.close()
    writer.close()
    drain(settings)
    with Store.open(settings.db_url, read_only=True) as store:
        rows = store.executions()
        assert sum(row.llm_calls for row in rows) == total
        assert store.overview().cost.billed == total * Decimal("0.0045")
    assert sorted(int(span.id, 16) for span in spans(settings)) == list(range(total))
    assert journal_files(settings.journal_dir) == []


def test_the_process_ends_when_its_relay_is_gone_and_stores_what_is_left(
    settings: Settings, writer: JournalWriter, tmp_path: Path
) -> None:
    environment = os.environ | {"KAGURA_HOME": str(tmp_path)}
    process = subprocess.Popen([sys.executable, "-m", "kagura.collector"], stdin=subprocess.PIPE, env=environment)
    writer.append(started(1))
    writer.append(ended(1))
    assert process.stdin
    process.stdin.close()
    assert process.wait(60) == 0
    assert len(spans(settings)) == 1
