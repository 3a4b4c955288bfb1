"""The reader of the store: files, PostgreSQL, journals that wait."""

import threading
from pathlib import Path

import msgspec

from kagura.config import Settings
from kagura.dashboard.tui.proxy import ProxyWatch
from kagura.dashboard.tui.reader import Reader
from kagura.dashboard.tui.windows import WINDOWS, look
from kagura.journal import JournalWriter, Started, collector_lock
from kagura.model import Body
from kagura.store import Batch, Store
from kagura.store.questions import Board, Failed, Gone, Look, Opened, OpenRun, RunsQuery, Same
from tests.dashboard.samples import at, clock, my_spans


def question(seen: str = "") -> Look:
    return look(RunsQuery(), WINDOWS[0], clock(), seen)


def test_postgresql(postgres_server: str, tmp_path: Path) -> None:
    url = postgres_server.replace("postgresql://", "postgresql+psycopg://", 1)
    reader = Reader(Settings(home=tmp_path, db=url))
    with Store.open(url) as store:
        store.write(Batch(spans=my_spans(), positions={"live-monitor": 1}))
        reply = reader.ask(question())
        assert isinstance(reply.answer, Board)
        assert "exec_abc123" in [run.id for run in reply.answer.runs]
        assert isinstance(reader.ask(question(reply.answer.mark)).answer, Same)
        late = msgspec.structs.replace(my_spans()[0], id="a9", execution_id="later", started_at=at(17, 45, 59))
        store.write(Batch(spans=[late], positions={"live-monitor": 2}))
        assert isinstance(reader.ask(question(reply.answer.mark)).answer, Board)
        assert isinstance(reader.ask(OpenRun(id="exec_abc123")).answer, Opened)
    reader.close()


def test_a_database_that_is_out_of_reach_is_told_of(tmp_path: Path) -> None:
    reader = Reader(Settings(home=tmp_path, db="postgresql+psycopg://kagura:secret@127.0.0.1:1/kagura"))
    answer = reader.ask(question()).answer
    assert isinstance(answer, Failed)
    assert "cannot be reached" in answer.message
    assert "secret" not in answer.message
    reader.close()


def waiting_call(home: Path) -> None:
    with_body = Started(
        id="00000000000000aa",
        provider="openai",
        dialect="openai",
        method="POST",
        target="/v1/chat/completions",
        received_at=at(17, 0, 0),
        request_body=Body(b'{"model": "gpt-4o", "messages": []}', 35),
    )
    writer = JournalWriter(home / "journal")
    writer.append(with_body)
    writer.close()


def test_calls_that_wait_in_the_journal_are_stored_where_no_collector_runs(tmp_path: Path) -> None:
    waiting_call(tmp_path)
    reader = Reader(Settings(home=tmp_path))
    assert isinstance(reader.ask(question()).answer, Gone)
    answer = reader.ask(question()).answer
    assert isinstance(answer, Board)
    assert [run.llm_calls for run in answer.runs] == [1]
    reader.close()


def test_a_collectors_work_is_left_to_it(tmp_path: Path) -> None:
    waiting_call(tmp_path)
    release = collector_lock(tmp_path / "journal")
    assert release
    reader = Reader(Settings(home=tmp_path))
    for _ in range(2):
        assert isinstance(reader.ask(question()).answer, Gone)
    release()
    reader.close()


def test_a_journal_that_cannot_be_stored_is_told_of(tmp_path: Path) -> None:
    waiting_call(tmp_path)
    (tmp_path / "telemetry.db").mkdir()
    reader = Reader(Settings(home=tmp_path))
    reader.ask(question())
    reply = reader.ask(question())
    assert isinstance(reply.answer, Failed)
    assert reply.troubles[0].startswith("calls that wait in the journal are not shown:")
    reader.close()


def test_closing_waits_for_the_question_under_way(tmp_path: Path) -> None:
    asked, goes_on, order = threading.Event(), threading.Event(), []

    class SlowWatch(ProxyWatch):
        def troubles(self) -> list[str]:
            asked.set()
            goes_on.wait()
            order.append("answered")
            return []

    reader = Reader(Settings(home=tmp_path), SlowWatch)
    reader.ask(question())  # which does not wait for the proxy
    asking = threading.Thread(target=reader.ask, args=[question()])

    def close() -> None:
        reader.close()
        order.append("closed")

    closing = threading.Thread(target=close)
    asking.start()
    asked.wait()
    closing.start()
    closing.join(0.1)
    goes_on.set()
    for thread in (asking, closing):
        thread.join()
    assert order == ["answered", "closed"]
