"""Figures that were made anew, calls by the beginning of their ids, and days by model."""

from decimal import Decimal

import msgspec

from kagura.model import Usage
from kagura.store import Batch, Revision, Store
from tests.store.things import DAY, HOUR, T, cost, failed, llm, running, span_id, tool


def replaced(number: int, dollars: str, at: int) -> Batch:
    """A call whose cost is another now, with what it was."""
    old = llm(number)
    new = msgspec.structs.replace(old, cost=cost(dollars))
    was = Revision(span_id=old.id, revised_at=at, reason="price corrected", usage=old.usage, cost=old.cost)
    return Batch(spans=[new], revisions=[was])


def test_former_figures_are_kept_and_sums_follow(store: Store) -> None:
    store.write(Batch(spans=[llm(1), llm(2)]))
    store.write(replaced(1, "0.005", T + DAY))
    store.write(replaced(1, "0.007", T + 2 * DAY))
    (row,) = store.executions()
    assert row.cost.billed == Decimal("0.008")
    assert [day.cost.billed for day in store.days(T // DAY, T // DAY)] == [Decimal("0.008")]
    first, second = store.revisions(span_id(1))
    assert (first.revised_at, second.revised_at) == (T + DAY, T + 2 * DAY)
    assert first.reason == "price corrected"
    assert first.cost is not None
    assert first.cost.total == Decimal("0.001")
    assert first.usage == Usage(input=100, output=20, cache_read=40)
    assert store.revisions(span_id(2)) == []


def test_a_revision_written_twice_is_one(store: Store) -> None:
    store.write(Batch(spans=[llm(1)]))
    for _ in range(2):
        store.write(replaced(1, "0.005", T + DAY))
    assert len(store.revisions(span_id(1))) == 1


def test_retention_takes_the_history_of_a_call_with_it(store: Store) -> None:
    store.write(Batch(spans=[llm(1)]))
    store.write(replaced(1, "0.005", T + DAY))
    store.prune(days=1, content_days=None, now=T + 10 * DAY)
    assert store.revisions(span_id(1)) == []


def test_ended_calls_come_in_pages_by_start(store: Store) -> None:
    calls = [llm(number, T + number % 7) for number in range(1, 1203)]
    store.write(Batch(spans=[*calls, running(5000), tool(5001), failed(5002, T + HOUR)]))
    pages = list(store.ended_calls())
    assert [len(page) for page in pages] == [500, 500, 203]
    keys = [(span.started_at, span.id) for page in pages for span in page]
    assert keys == sorted(keys)
    assert len(set(keys)) == 1203
    assert [span.id for page in store.ended_calls(since=T + HOUR) for span in page] == [span_id(5002)]
    assert list(store.ended_calls(until=T)) == []


def test_calls_are_found_by_the_beginning_of_their_id(store: Store) -> None:
    store.write(Batch(spans=[llm(1), llm(2, T + 1), tool(0xABC)]))
    assert [span.id for span in store.find_calls(span_id(2))] == [span_id(2)]
    assert [span.id for span in store.find_calls("00000")] == [span_id(2), span_id(1)]
    assert store.find_calls(span_id(0xABC)) == []
    assert store.find_calls("f") == []
    assert store.near_call_ids("000000000000001") == [span_id(1), span_id(2)]
    assert store.near_call_ids("zzzz") == []


def test_days_are_those_of_utc_by_provider_and_model(store: Store) -> None:
    midnight = T // DAY * DAY
    calls = [
        llm(1, midnight - 1),
        llm(2, midnight),
        llm(3, midnight + 1, agent="other"),
        llm(4, midnight + DAY - 1, response_model="gpt-4o-mini", cost=cost(None)),
        tool(5, midnight),
    ]
    store.write(Batch(spans=calls))
    first = midnight // DAY
    mini, whole = sorted(store.days(first, first), key=lambda row: row.calls)
    assert (whole.model, whole.calls, whole.tokens.input, whole.cost.billed) == (
        "gpt-4o-2024-08-06",
        2,
        200,
        Decimal("0.002"),
    )
    assert (mini.model, mini.cost.unknown_calls) == ("gpt-4o-mini", 1)
    assert [(row.day, row.calls) for row in store.days(first - 1, first - 1)] == [(first - 1, 1)]
