"""The outbox: what is put in, when it is due, and that nothing gets lost or stays."""

from sqlalchemy import text

from kagura.model import SpanKind, Status, now_us
from kagura.store import Batch, Store
from kagura.store.migrations import MIGRATIONS, migrate
from kagura.store.outbox import EXECUTION, QUIET_US, SETTLE_US, SPAN, Waiting
from tests.store.things import DAY, SECOND, T, declared, failed, llm, running, span_id, tool

MUCH_LATER = 1 << 60
LEASE = 5 * SECOND


def lines(store: Store, now: int = MUCH_LATER) -> set[tuple[str, str]]:
    return {(line.kind, line.id) for line in store.claim(now, 1000, 0)}


def only_spans(store: Store, now: int = MUCH_LATER) -> list[Waiting]:
    return [line for line in store.claim(now, 1000, LEASE) if line.kind == SPAN]


def filled(store: Store, *batches: Batch) -> Store:
    store.queues_exports = True
    for batch in batches:
        store.write(batch)
    return store


def test_nothing_is_put_in_unless_it_is_asked_for(store: Store) -> None:
    store.write(Batch(spans=[llm(1)]))
    assert store.waiting() == 0


def test_what_ended_waits_with_its_execution(store: Store) -> None:
    filled(store, Batch(spans=[llm(1), running(2, execution_id="run-2"), failed(3)]))
    assert lines(store) == {(SPAN, span_id(1)), (SPAN, span_id(3)), (EXECUTION, "run-1")}


def test_a_span_settles_and_a_run_grows_quiet_before_they_are_due(store: Store) -> None:
    before = now_us()
    filled(store, Batch(spans=[llm(1), llm(2, kind=SpanKind.AGENT, inferred=True)]))
    after = now_us()
    assert lines(store, before + SETTLE_US - 1) == set()
    assert lines(store, after + SETTLE_US) == {(SPAN, span_id(1))}
    assert lines(store, after + QUIET_US) == {(SPAN, span_id(1)), (SPAN, span_id(2)), (EXECUTION, "run-1")}


def test_a_run_that_says_its_end_is_due_at_once(store: Store) -> None:
    filled(store, Batch(executions=[declared()], spans=[llm(1)]))
    assert (EXECUTION, "run-1") not in lines(store, now_us() + SETTLE_US)
    store.write(Batch(executions=[declared(Status.COMPLETED, ended_at=T + SECOND)]))
    assert (EXECUTION, "run-1") in lines(store, now_us() + SETTLE_US)


def test_what_is_claimed_comes_again_only_after_its_lease(store: Store) -> None:
    filled(store, Batch(spans=[llm(1)]))
    assert len(store.claim(MUCH_LATER, 10, LEASE)) == 2
    assert store.claim(MUCH_LATER, 10, LEASE) == []
    assert len(store.claim(MUCH_LATER + LEASE, 10, LEASE)) == 2


def test_what_was_sent_is_gone_unless_it_was_written_anew_meanwhile(store: Store) -> None:
    filled(store, Batch(spans=[llm(1), llm(2)]))
    claimed = store.claim(MUCH_LATER, 10, LEASE)
    store.write(Batch(spans=[llm(2, error="late news")]))
    store.sent(claimed)
    assert lines(store) == {(SPAN, span_id(2)), (EXECUTION, "run-1")}
    store.sent(store.claim(MUCH_LATER, 10, LEASE))
    assert store.waiting() == 0


def test_what_is_written_again_as_it_was_is_not_sent_again(store: Store) -> None:
    batch = Batch(spans=[llm(1, tags={"team": "red"}), tool(2)])
    filled(store, batch)
    store.sent(store.claim(MUCH_LATER, 10, LEASE))
    store.write(batch)
    assert store.waiting() == 0
    store.write(Batch(spans=[llm(1, cost=None)]))
    assert lines(store) == {(SPAN, span_id(1)), (EXECUTION, "run-1")}


def test_the_longest_due_come_first_and_are_bounded(store: Store) -> None:
    filled(store, *(Batch(spans=[llm(number)]) for number in (3, 1, 2)))
    assert [line.id for line in only_spans(store)] == [span_id(3), span_id(1), span_id(2)]
    assert len(store.claim(MUCH_LATER + LEASE, 2, LEASE)) == 2


def test_lines_are_given_back_and_refusals_counted(store: Store) -> None:
    filled(store, Batch(spans=[llm(1)]))
    claimed = only_spans(store)
    store.put_off(claimed, MUCH_LATER + 1, refused=True)
    assert store.claim(MUCH_LATER, 10, LEASE) == []
    (line,) = only_spans(store, MUCH_LATER + 1)
    assert line.refusals == 1
    store.write(Batch(spans=[llm(1, error="new")]))
    assert [line.refusals for line in only_spans(store)] == [0]


def test_calls_that_were_cut_off_wait_too(store: Store) -> None:
    filled(store, Batch(spans=[running(1)]))
    assert store.waiting() == 0
    store.mark_interrupted([span_id(1)], T + SECOND)
    assert lines(store) == {(SPAN, span_id(1)), (EXECUTION, "run-1")}


def test_notes_are_kept_one_a_name(store: Store) -> None:
    store.note("failed", 1, "connection refused")
    store.note("failed", 2, "timed out\x00")
    store.note("sent", 3)
    assert {name: (note.at, note.text) for name, note in store.notes().items()} == {
        "failed": (2, "timed out\ufffd"),
        "sent": (3, ""),
    }


def test_two_exporters_never_get_the_same_lines(lasting_url: str) -> None:
    with Store.open(lasting_url) as one, Store.open(lasting_url) as other:
        filled(one, Batch(spans=[llm(number) for number in range(50)]))
        found = [{line.id for line in store.claim(MUCH_LATER, 30, LEASE)} for store in (one, other)]
    assert [len(ids) for ids in found] == [30, 21]
    assert not found[0] & found[1]


def test_an_older_database_learns_of_the_outbox(store: Store) -> None:
    with store.writing() as connection:
        for name in ("outbox", "outbox_notes"):
            connection.execute(text(f"DROP TABLE {name}"))
        connection.execute(text("UPDATE schema_version SET version = 6"))
        migrate(connection, MIGRATIONS[5:6])
    filled(store, Batch(spans=[llm(1)]))
    assert (store.waiting(), store.notes()) == (2, {})


def test_the_first_span_with_a_trace_is_found_in_each_execution(store: Store) -> None:
    store.write(
        Batch(
            spans=[
                llm(1, T),
                llm(2, T + 1, trace_id="own"),
                llm(4, T + 2, trace_id="a"),
                llm(3, T + 2, trace_id="b"),
                llm(5, T + 3, trace_id="c"),
                llm(6, T, execution_id="run-2", trace_id="d"),
                llm(7, T, execution_id="run-3"),
            ]
        )
    )
    found = store.first_traced(["run-1", "run-2", "run-3"], lambda _: "own")
    assert {id: span.id for id, span in found.items()} == {"run-1": span_id(3), "run-2": span_id(6)}


def test_what_is_removed_leaves_the_line(store: Store) -> None:
    filled(store, Batch(spans=[llm(1, T), llm(2, T + 90 * DAY, execution_id="run-2")]))
    store.prune(days=30, content_days=None, now=T + 100 * DAY)
    assert lines(store) == {(SPAN, span_id(2)), (EXECUTION, "run-2")}
