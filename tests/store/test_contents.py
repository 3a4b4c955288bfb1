import pytest
from sqlalchemy import func, select

from kagura.model import Status
from kagura.store import Batch, SpanContents, Store
from kagura.store.batch import Metric
from kagura.store.contents import RecentParts
from kagura.store.schema import contents, execution_tags, metrics, span_contents, span_tags
from tests.store.things import DAY, T, asks, declared, llm, running, span_id

SYSTEM = b'{"role":"system","content":"' + b"You are a helpful assistant. " * 50 + b'"}'
QUESTION = b'{"role":"user","content":"Hi"}'
ANSWER = b'{"role":"assistant","content":"Hello"}'


def count(store: Store, table: object) -> int:
    with store.reading() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()  # type: ignore[arg-type]


def turn(number: int, at: int, *inputs: bytes) -> Batch:
    given = SpanContents(inputs=list(inputs), parameters=b"{}", outputs=[ANSWER], raw_response=b"data: [DONE]")
    span = llm(number, at, input_preview="Hi", output_preview="Hello", tool_calls=asks("search"))
    return Batch(spans=[span], contents=[(span_id(number), given)])


def test_contents_come_back_as_they_were_given(store: Store) -> None:
    batch = turn(1, T, SYSTEM, QUESTION, QUESTION)
    store.write(batch)
    assert store.span_contents(span_id(1)) == batch.contents[0][1]
    store.write(Batch(contents=[(span_id(1), SpanContents(inputs=[b"\x00\xff"]))]))
    assert store.span_contents(span_id(1)) == SpanContents(inputs=[b"\x00\xff"])
    assert store.span_contents(span_id(2)) is None


def test_a_history_is_stored_once_however_often_it_is_sent(store: Store) -> None:
    history = [SYSTEM]
    for number in range(20):
        history += [QUESTION + b" " * number, ANSWER]
        store.write(turn(number, T + number, *history))
    assert count(store, contents) == 1 + 20 + 1 + 2
    with store.reading() as connection:
        stored = connection.execute(select(contents.c.data).where(contents.c.size == len(SYSTEM))).scalar_one()
    assert len(stored) < len(SYSTEM) / 4


def test_damaged_contents_are_left_out(store: Store) -> None:
    store.write(turn(1, T, SYSTEM, QUESTION))
    with store.writing() as connection:
        connection.execute(contents.update().where(contents.c.size == len(SYSTEM)).values(data=b"garbage"))
    read = store.span_contents(span_id(1))
    assert read is not None and read.inputs == [QUESTION]


def test_old_contents_go_and_what_younger_calls_need_stays(store: Store) -> None:
    store.write(turn(1, T - 40 * DAY, SYSTEM, b'"old"'))
    store.write(turn(2, T, SYSTEM, QUESTION))
    pruned = store.prune(None, 30, T)
    assert (pruned.spans, pruned.contents) == (0, 1)
    assert store.span_contents(span_id(1)) is None
    kept = store.span_contents(span_id(2))
    assert kept is not None and kept.inputs == [SYSTEM, QUESTION]
    old, new = store.span(span_id(1)), store.span(span_id(2))
    assert old is not None and new is not None
    assert (old.input_preview, old.output_preview, old.tool_calls[0].arguments) == (None, None, None)
    assert (new.input_preview, new.tool_calls[0].arguments) == ("Hi", {"q": 1})
    assert store.agent_summary("my_agent").tools[0].calls == 2


def test_what_was_pruned_is_stored_again_when_it_is_sent_again(store: Store) -> None:
    store.write(turn(1, T - 40 * DAY, SYSTEM, QUESTION))
    store.prune(None, 30, T)
    assert count(store, contents) == 0
    again = turn(2, T, SYSTEM, QUESTION)
    store.write(again)
    assert store.span_contents(span_id(2)) == again.contents[0][1]


def test_what_a_batch_held_that_failed_is_not_taken_for_stored(store: Store) -> None:
    batch = turn(1, T, SYSTEM, QUESTION)
    batch.positions = {"journal": 1 << 80}
    with pytest.raises(Exception, match=r"(?i)large|range|big"):
        store.write(batch)
    assert count(store, contents) == 0
    batch.positions = {}
    store.write(batch)
    assert store.span_contents(span_id(1)) == batch.contents[0][1]


def test_known_parts_are_not_asked_for_again_up_to_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kagura.store.contents.REMEMBERED", 2)
    recent = RecentParts()
    recent.note({b"a": 1, b"b": 1, b"c": 1})
    assert [recent.has(key, 1) for key in (b"a", b"b", b"c")] == [False, True, True]
    assert recent.has(b"c", 0)
    assert not recent.has(b"c", 2)


def test_old_runs_go_and_the_sums_of_their_costs_stay(store: Store) -> None:
    old = [llm(n, T - 40 * DAY + n, execution_id=f"old-{n % 600}", tags={"a": "b"}) for n in range(1200)]
    store.write(Batch(spans=old))
    tagged = declared(Status.COMPLETED, T - 40 * DAY, ended_at=T - 40 * DAY, id="old-1", tags={"a": "b"})
    store.write(Batch(executions=[tagged], metrics=[Metric(execution_id="old-1", name="m", value=1, at=T)]))
    store.write(Batch(spans=[llm(5000, T), running(5001, T - 50 * DAY, execution_id="stuck")]))
    before = store.costs("model")
    pruned = store.prune(30, None, T)
    assert (pruned.spans, pruned.executions) == (1200, 600)
    assert {execution.id for execution in store.executions()} == {"run-1", "stuck"}
    assert store.costs("model") == before
    assert [count(store, table) for table in (span_tags, execution_tags, metrics, span_contents)] == [0, 0, 0, 0]
    assert store.prune(30, None, T).spans == 0


def test_nothing_goes_without_a_limit(store: Store) -> None:
    store.write(turn(1, T - 4000 * DAY, SYSTEM))
    assert store.prune(None, None, T).spans == 0
    assert store.span_contents(span_id(1)) is not None


def test_a_sqlite_file_shrinks_after_pruning(sqlite_url: str) -> None:
    with Store.open(sqlite_url) as store:
        noise = [bytes([number % 251]) * 200 + number.to_bytes(4) * 500 for number in range(300)]
        store.write(turn(1, T - 40 * DAY, *noise))
        with store.reading() as connection:
            before = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        store.prune(30, None, T)
        with store.reading() as connection:
            assert connection.exec_driver_sql("PRAGMA page_count").scalar_one() < before
