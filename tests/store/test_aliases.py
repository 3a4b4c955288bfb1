"""Spans that turned out to be others: they leave every sum, and what their ids stand for is remembered."""

from typing import Any

from kagura.model import Span
from kagura.store import Alias, Batch, SpanContents, Store
from tests.store.things import DAY, HOUR, SECOND, T, llm, span_id, tool


def seen(number: int, at: int = T, **changes: Any) -> Span:
    """A call that the relay saw."""
    return llm(number, at, outcome="completed", **changes)


def test_a_removed_span_leaves_every_sum(store: Store) -> None:
    gone = llm(2, T - SECOND, tags={"team": "blue"})
    store.write(Batch(spans=[llm(1)]))
    before, days = store.executions(), store.days(0, 1 << 30)
    store.write(Batch(spans=[gone], contents=[(gone.id, SpanContents(inputs=[b'"hi"']))]))
    assert store.executions()[0].tokens.input == 200
    store.write(Batch(removed=[gone.id]))
    assert store.executions() == before
    assert [day for day in store.days(0, 1 << 30) if day.calls] == days
    assert store.span(gone.id) is None
    assert store.span_contents(gone.id) is None


def test_an_execution_goes_with_its_last_span(store: Store) -> None:
    store.write(Batch(spans=[llm(1)]))
    store.write(Batch(removed=[span_id(1)]))
    assert store.executions() == []


def test_what_never_was_can_be_removed(store: Store) -> None:
    store.write(Batch(spans=[llm(1)], removed=[span_id(1), span_id(2)]))
    assert store.executions() == []


def test_aliases_are_remembered_until_retention(store: Store) -> None:
    assert not store.has_aliases()
    store.write(Batch(aliases={"a": Alias("b"), "trace_1": Alias("run-1", 2)}))
    store.write(Batch(aliases={"a": Alias("c", 1)}))
    assert store.has_aliases()
    assert store.aliases(["a", "trace_1", "x"]) == {"a": Alias("c", 1), "trace_1": Alias("run-1", 2)}
    store.prune(1, None, now=T + 100 * 365 * DAY)
    assert not store.has_aliases()


def test_calls_are_found_by_answer_and_time(store: Store) -> None:
    store.write(Batch(spans=[seen(1, response_id="r1"), seen(2, T + HOUR, response_id="r1"), llm(3, response_id="r1")]))
    assert [span.id for span in store.calls_answered(["r1", "r2"], T, T + SECOND)] == [span_id(1)]


def test_reports_are_calls_that_no_relay_saw(store: Store) -> None:
    store.write(Batch(spans=[seen(1), llm(2), llm(3, T + HOUR), llm(4, inferred=True), tool(5)]))
    assert [span.id for span in store.reported_calls(T, T + SECOND)] == [span_id(2)]


def test_the_spans_of_a_run_from_an_instant_on(store: Store) -> None:
    store.write(Batch(spans=[llm(1), tool(2, T + SECOND), llm(3, execution_id="other")]))
    assert [span.id for span in store.spans_since("run-1")] == [span_id(1), span_id(2)]
    assert [span.id for span in store.spans_since("run-1", T + 1)] == [span_id(2)]
