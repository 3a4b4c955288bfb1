"""Spans on their way to a real receiver: whole, once, in the right place, whatever the receiver does."""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kagura.collector.otlp_export import FAILURES, LONGEST_BACKOFF, Exporter, Sending
from kagura.collector.service import run
from kagura.config import OtlpSettings, Settings
from kagura.journal import JournalWriter
from kagura.model import Execution, Span, Status, ToolCall, now_us
from kagura.otel.outgoing_ids import root_id_of, trace_id_of
from kagura.store import Batch, SpanContents, Store
from kagura.store.outbox import QUIET_US
from tests.collector.recorded import Recorder
from tests.otel.receiver import Answer, Receiver, partial, receiving
from tests.store.things import SECOND, T, declared, llm, running, span_id, tool

TRACE, CALLER = "a" * 32, "b" * 16


class Stage:
    """A store with an outbox, a receiver, and a clock that can be put forward."""

    def __init__(self, home: Path, receiver: Receiver) -> None:
        self.receiver = receiver
        self.home = home
        self.store = Store.open(f"sqlite:///{home}/telemetry.db")
        self.store.queues_exports = True
        self.ahead = QUIET_US
        self.sending = self.anew()

    def anew(self, **otlp: Any) -> Sending:
        """Another sender on the same store."""
        settings = Settings(home=self.home, otlp=OtlpSettings(**{"endpoint": self.receiver.url} | otlp))
        return Sending(settings, self.store, now=lambda: now_us() + self.ahead)

    def write(self, *spans: Span, runs: tuple[Execution, ...] = (), **batch: Any) -> None:
        self.store.write(Batch(spans=list(spans), executions=list(runs), **batch))

    def send(self, **otlp: Any) -> list[str]:
        """Send until nothing is due or the receiver wants to be left alone; names of all that was taken so far."""
        sending = self.anew(**otlp) if otlp else self.sending
        while sending.step() == 0.0:
            pass
        return self.receiver.names()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with receiving() as receiver:
        found = Stage(tmp_path, receiver)
        yield found
        found.store.close()


def numbered(count: int) -> list[Span]:
    return [tool(number, T + number, name=f"t{number}") for number in range(1, count + 1)]


def test_a_run_arrives_as_one_tree(stage: Stage) -> None:
    spans = (llm(1), tool(2, inferred=True), llm(3, parent_id=span_id(4)), llm(4, kind="agent", provider=None))
    stage.write(*spans, runs=(declared(Status.COMPLETED, ended_at=T + 9 * SECOND),))
    assert sorted(stage.send()) == [
        "chat gpt-4o",
        "chat gpt-4o",
        "execute_tool search",
        "invoke_agent my_agent",
        "invoke_agent my_agent",
    ]
    taken = stage.receiver.taken
    root = next(span for span in taken if not span.parent_id)
    assert (root.span_id, root.attributes["kagura.execution.llm_calls"]) == (root_id_of("run-1"), 2)
    assert {span.trace_id for span in taken} == {trace_id_of("run-1")}
    assert {span.parent_id for span in taken} == {"", root.span_id, span_id(4)}
    assert stage.store.waiting() == 0


def test_what_runs_is_not_sent_before_it_ends(stage: Stage) -> None:
    stage.write(running(1))
    assert stage.send() == []
    stage.write(llm(1))
    assert sorted(stage.send()) == ["chat gpt-4o", "invoke_agent my_agent"]


def test_late_and_revised_spans_are_sent_and_nothing_twice(stage: Stage) -> None:
    stage.write(*numbered(3), runs=(declared(Status.COMPLETED, ended_at=T),))
    assert len(stage.send()) == 4
    stage.write(*numbered(3))
    assert len(stage.send()) == 4
    stage.write(tool(9, T - 100 * SECOND, name="late"), tool(2, T + 2, name="t2", error="revised"))
    assert sorted(stage.send()[4:]) == ["execute_tool late", "execute_tool t2", "invoke_agent my_agent"]


def test_all_goes_out_in_bounded_requests(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kagura.collector.otlp_export.BYTES", 20_000)
    stage.write(*numbered(500))
    assert len(stage.send()) == 501
    assert len(set(stage.receiver.names())) == 501
    assert len(stage.receiver.requests) > 5
    assert max(request.ByteSize() for request in stage.receiver.requests) < 25_000


def test_a_receiver_that_is_away_costs_nothing_but_time(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    receiver = Receiver()
    receiver.url = f"http://127.0.0.1:{port}"
    stage = Stage(tmp_path, receiver)
    stage.write(*numbered(10))
    waits = []
    for _ in range(9):
        waits.append(stage.sending.step())
        stage.ahead += 61 * SECOND
    assert waits == [1, 2, 4, 8, 16, 32, LONGEST_BACKOFF, LONGEST_BACKOFF, LONGEST_BACKOFF]
    assert stage.store.waiting() == 11
    assert "refused" in stage.store.notes()["failed"].text
    with receiving(port) as receiver:
        stage.receiver = receiver
        assert len(stage.send()) == 11
    assert stage.store.waiting() == 0
    notes = stage.store.notes()
    assert notes["sent"].at > notes["failed"].at
    stage.store.close()


def test_a_busy_receiver_says_when_to_come_again(stage: Stage) -> None:
    stage.write(tool(1))
    stage.receiver.answers = [Answer(429, (("retry-after", "7"),)), Answer(503)]
    assert stage.sending.step() == 7.0
    assert stage.sending.step() is None
    stage.ahead += 7 * SECOND
    assert stage.sending.step() == 2.0
    stage.ahead += 2 * SECOND
    assert len(stage.send()) == 2


def test_a_span_that_is_refused_is_skipped_and_all_others_go(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.write(*numbered(50))
    stage.receiver.refuses = {"execute_tool t17"}
    taken = stage.send()
    assert len(taken) == len(set(taken)) == 50
    assert "execute_tool t17" not in taken
    assert stage.store.waiting() == 0
    assert f"1 span ({span_id(17)}): HTTP status 400: a span is malformed" in stage.store.notes()["refused"].text
    assert caplog.text.count("refuses 1 span") == 1


def test_a_receiver_that_refuses_everything_is_not_asked_for_ever(stage: Stage) -> None:
    stage.write(*numbered(150))
    stage.receiver.always = Answer(400)
    assert stage.send() == []
    assert stage.store.waiting() == 0
    assert len(stage.receiver.requests) < 80


def test_a_receiver_that_breaks_over_a_span_gets_the_others(stage: Stage) -> None:
    stage.write(tool(1))
    stage.receiver.always = Answer(500)
    for _ in range(FAILURES):
        assert (stage.sending.step() or 0) > 0
        stage.ahead += 61 * SECOND
    assert stage.store.waiting() == 2
    stage.send()
    assert stage.store.waiting() == 0
    assert "HTTP status 500" in stage.store.notes()["refused"].text


def test_an_outage_does_not_count_against_a_span(stage: Stage) -> None:
    stage.write(tool(1))
    stage.receiver.always = Answer(503)
    for _ in range(FAILURES + 5):
        stage.sending.step()
        stage.ahead += 61 * SECOND
    stage.receiver.answers, stage.receiver.always = [Answer(500)], Answer()
    stage.sending.step()
    stage.ahead += 61 * SECOND
    assert len(stage.send()) == 2


def test_a_wrong_key_or_address_loses_nothing(stage: Stage) -> None:
    stage.write(tool(1))
    stage.receiver.answers = [Answer(401), Answer(404), Answer(302, (("location", "/login"),))]
    for _ in range(3):
        assert (stage.sending.step() or 0) > 0
        stage.ahead += 61 * SECOND
    assert len(stage.send()) == 2


def test_what_a_receiver_takes_in_part_is_told_and_not_repeated(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.write(*numbered(5))
    stage.receiver.answers = [partial(2, "too\x1b old")]
    stage.send()
    assert len(stage.receiver.requests) == 1
    assert "did not take 2 of 6 spans: too old" in caplog.text
    assert stage.store.notes()["refused"].text == "2 spans: too old"


def test_what_is_too_large_goes_without_its_words(stage: Stage) -> None:
    stage.write(llm(1), contents=[(span_id(1), SpanContents(inputs=[b'"a long prompt"']))])
    stage.receiver.answers = [Answer(413), Answer(413), Answer()]
    taken = stage.send(content=True)
    assert sorted(taken) == ["chat gpt-4o", "invoke_agent my_agent"]
    assert "gen_ai.input.messages" not in stage.receiver.one("chat gpt-4o").attributes


def test_a_dead_senders_spans_are_sent_by_the_next(stage: Stage) -> None:
    stage.write(tool(1))
    assert len(stage.store.claim(now_us() + QUIET_US, 10, 120 * SECOND)) == 2
    assert stage.send() == []
    stage.ahead += 121 * SECOND
    assert len(stage.send()) == 2


def test_a_slow_receivers_spans_go_to_nobody_else(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kagura.collector.otlp_export.BYTES", 1000)
    stage.write(*numbered(20))
    answer_to, seen = stage.receiver.answer_to, []

    def slowly(*request: Any) -> Answer:
        stage.ahead += 40 * SECOND
        seen.extend(stage.store.claim(now_us() + stage.ahead, 100, 0))
        return answer_to(*request)

    monkeypatch.setattr(stage.receiver, "answer_to", slowly)
    assert len(stage.send()) == 21
    assert len(stage.receiver.requests) > 5
    assert seen == []


def test_prompts_stay_here_unless_they_are_allowed_out(stage: Stage) -> None:
    kept = [(span_id(1), SpanContents(inputs=[b'{"role":"user","content":"secret"}'], outputs=[b'"secret"']))]
    stage.write(llm(1, input_preview="secret", output_preview="secret"), contents=kept)
    stage.send()
    assert b"secret" not in b"".join(request.SerializeToString() for request in stage.receiver.requests)
    stage.write(llm(1, error="anew"))
    stage.send(content=True)
    told = [span.attributes for span in stage.receiver.taken if span.name == "chat gpt-4o"]
    assert [message["parts"][0]["content"] for message in json.loads(told[-1]["gen_ai.input.messages"])] == ["secret"]


def test_a_tool_without_an_sdk_is_sent_with_what_the_model_asked(stage: Stage) -> None:
    asks = llm(1, tool_calls=[ToolCall(name="search", id="call_1", arguments={"q": "all of it"})])
    asked = {"asked_by": span_id(1), "gen_ai.tool.call.id": "call_1"}
    stage.write(asks, tool(2, inferred=True, input_preview="all…", attributes=asked))
    stage.send(content=True)
    assert stage.receiver.one("execute_tool search").attributes["gen_ai.tool.call.arguments"] == '{"q":"all of it"}'


def test_what_came_in_over_otlp_goes_out_only_where_that_is_asked_for(stage: Stage) -> None:
    origin = {"otel": {"trace_id": TRACE, "span_id": CALLER}}
    ours = origin | {"kagura.span_id": span_id(9)}
    spans = [tool(1, trace_id=TRACE, attributes=origin), tool(2, trace_id=TRACE, attributes=ours)]
    stage.write(*spans)
    assert stage.send() == []
    assert stage.store.waiting() == 0
    for span in spans:
        span.error = "anew"
    stage.write(*spans)
    assert stage.send(forward=True) == ["execute_tool search"]
    assert (stage.receiver.taken[0].trace_id, stage.receiver.taken[0].span_id) == (TRACE, CALLER)


def test_each_request_says_who_sends(stage: Stage) -> None:
    stage.write(tool(1))
    stage.send(resource={"service.name": "agents"}, headers={"x-team": "red"})
    (resource,) = stage.receiver.requests[0].resource_spans
    assert {pair.key: pair.value.string_value for pair in resource.resource.attributes}["service.name"] == "agents"
    assert stage.receiver.headers[0]["x-team"] == "red"


def test_a_call_stands_in_its_callers_trace_with_its_tools(recorder: Recorder) -> None:
    with receiving() as receiver:
        otlp = OtlpSettings(endpoint=receiver.url)
        recorder.settings = Settings(home=recorder.settings.home, otlp=otlp)
        header = ("traceparent", f"00-{TRACE}-{CALLER}-01")
        asked = [{"id": "call_1", "type": "function", "function": {"name": "search", "arguments": "{}"}}]
        said: list[Any] = [{"role": "user", "content": "What is the news of today?"}]
        answer = {"role": "assistant", "content": None, "tool_calls": asked}
        first = recorder.call({"model": "gpt-4o", "messages": said}, chat(answer), headers=(header,))
        said += [answer, {"role": "tool", "tool_call_id": "call_1", "content": "None."}]
        request = {"model": "gpt-4o", "messages": said}
        second = recorder.call(
            request,
            chat({"role": "assistant", "content": "None."}),
            headers=(header,),
            at=first.started_at + 5 * SECOND,
        )
        assert first.trace_id == second.trace_id == TRACE
        with Store.open(recorder.settings.db_url) as store:
            sending = Sending(recorder.settings, store, now=lambda: now_us() + QUIET_US)
            while sending.step() == 0.0:
                pass
        by_id = {span.span_id: span for span in receiver.taken}
        assert {span.trace_id for span in receiver.taken} == {TRACE}
        assert by_id[first.id].parent_id == by_id[second.id].parent_id == CALLER
        assert receiver.one("execute_tool search").parent_id == first.id
        assert len(receiver.taken) == 3


def chat(message: Any) -> Any:
    return {
        "id": "c",
        "model": "gpt-4o",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12},
    }


def eventually(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_the_collector_sends_what_it_stores_and_what_is_left_at_its_end(recorder: Recorder) -> None:
    with receiving() as receiver:
        settings = Settings(home=recorder.settings.home, otlp=OtlpSettings(endpoint=receiver.url))
        stop = threading.Event()
        collector = threading.Thread(target=run, args=(settings, stop))
        start = recorder.ask({"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]})
        writer = JournalWriter(settings.journal_dir)
        collector.start()
        writer.append(start)
        writer.append(recorder.answer(start, chat({"role": "assistant", "content": "Hello"})))
        writer.close()
        eventually(lambda: waiting(settings) == 2)
        stop.set()
        collector.join(60)
        assert sorted(receiver.names()) == ["chat gpt-4o", "invoke_agent default"]
        assert waiting(settings) == 0


def waiting(settings: Settings) -> int:
    with Store.open(settings.db_url) as store:
        return store.waiting()


def test_a_missing_variable_keeps_the_spans_and_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    otlp = OtlpSettings(endpoint="http://127.0.0.1:9", headers={"authorization": "Bearer ${NOT_SET_ANYWHERE}"})
    settings = Settings(home=tmp_path, otlp=otlp)
    with Store.open(settings.db_url) as store:
        store.queues_exports = True
        store.write(Batch(spans=[tool(1)]))
        exporter = Exporter(settings)
        exporter.start()
        eventually(lambda: "failed" in store.notes())
        exporter.stop()
        assert "NOT_SET_ANYWHERE" in store.notes()["failed"].text
        assert store.waiting() == 2
    assert "spans wait in the store" in caplog.text


def test_the_end_waits_for_no_receiver(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        otlp = OtlpSettings(endpoint=f"http://127.0.0.1:{server.getsockname()[1]}", timeout=0.2)
        settings = Settings(home=tmp_path, otlp=otlp)
        with Store.open(settings.db_url) as store:
            store.queues_exports = True
            store.write(Batch(spans=[tool(1)]))
            exporter = Exporter(settings)
            exporter.start()
            began = time.monotonic()
            exporter.stop()
            assert time.monotonic() - began < 2
            assert store.waiting() == 2


def test_without_a_receiver_none_of_it_is_loaded() -> None:
    script = """
import sys
import kagura.collector.service
heavy = ("google.protobuf", "kagura.collector.otlp_export", "kagura.otel.encoding", "urllib.request")
print([name for name in heavy if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
