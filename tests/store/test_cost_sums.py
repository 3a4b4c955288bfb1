"""Whatever costs are split by, and wherever a stretch of time begins and ends: the parts are the whole."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from kagura.model import Execution, Span, SpanKind, Status, Usage
from kagura.store import Batch, CostRow, Store
from kagura.store.migrations import MIGRATIONS, migrate
from tests.store.things import DAY, HOUR, SECOND, T, cost, declared, llm, tool

DIMENSIONS = ("agent", "model", "provider", "day", "hour", "user", "session", "tag:team", "tag:none")
ZONES = [ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Asia/Tokyo")]
SUMMER_ENDS = int(datetime(2025, 10, 26, tzinfo=UTC).timestamp()) * SECOND
"""In Berlin this day has 25 hours."""

instants = st.integers(SUMMER_ENDS - 30 * HOUR, SUMMER_ENDS + 40 * HOUR)
names = st.sampled_from([None, None, "ann", "bob"])


@st.composite
def call(draw: st.DrawFn) -> Span:
    at, tags = draw(instants), draw(st.sampled_from([{}, {}, {"team": "red"}, {"team": "blue", "x": "y"}]))
    kind = draw(st.sampled_from([SpanKind.LLM, SpanKind.LLM, SpanKind.TOOL, SpanKind.AGENT]))
    return llm(
        draw(st.integers(1, 9)),
        at,
        execution_id=f"run-{draw(st.integers(1, 4))}",
        agent=draw(st.sampled_from(["a", "b"])),
        kind=kind,
        ended_at=at + draw(st.integers(0, 9)) * HOUR,
        attempt=draw(st.sampled_from([1, 1, 2])),
        user=draw(names),
        session_id=draw(names),
        tags=tags,
        usage=draw(st.sampled_from([None, Usage(input=5, output=2, cache_read=1, cache_write=2, reasoning=1)])),
        cost=draw(st.sampled_from([None, cost(None), cost("0.07"), cost("3", estimated=True)])),
    )


@st.composite
def said(draw: st.DrawFn) -> Execution:
    tags = draw(st.sampled_from([{}, {"team": "green"}]))
    return declared(at=SUMMER_ENDS, id=f"run-{draw(st.integers(1, 4))}", user=draw(names), tags=tags)


batches = st.lists(st.tuples(st.lists(call(), max_size=4), st.lists(said(), max_size=1)), min_size=1, max_size=5)
stretches = st.tuples(st.none() | instants, st.none() | instants)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(batches, stretches, st.sampled_from(ZONES))
def test_the_parts_are_the_whole(
    written: list[tuple[list[Span], list[Execution]]], stretch: tuple[int | None, int | None], zone: tzinfo
) -> None:
    since, until = stretch
    with Store.open("sqlite://") as store:
        final: dict[str, Span] = {}
        for spans, executions in written:
            store.write(Batch(spans=spans, executions=executions))
            final |= {span.id: span for span in spans}
        chosen = [span for span in final.values() if lies_in(span, since, until)]
        for agent in (None, "a"):
            mine = [span for span in chosen if agent in (None, span.agent)]
            whole = figures(mine)
            for by in DIMENSIONS:
                rows = store.costs(by, since=since, until=until, timezone=zone, agent=agent)
                assert total(rows) == whole, by
            by_day = store.costs("day", since=since, until=until, timezone=zone, agent=agent)
            assert {row.key: total([row]) for row in by_day} == {
                day: figures(of) for day, of in days(mine, zone).items() if any(figures(of))
            }
        check_labels(store, chosen, list(final.values()), since, until)


def lies_in(span: Span, since: int | None, until: int | None) -> bool:
    return (since is None or span.started_at >= since) and (until is None or span.started_at < until)


def figures(spans: list[Span]) -> tuple[int, int, Decimal, Decimal, int]:
    """Calls, input and other tokens, billed and estimated money, unknown costs."""
    calls = [span for span in spans if span.kind is SpanKind.LLM]
    paid = [span.cost for span in spans if span.kind is not SpanKind.AGENT and span.cost]
    used = [span.usage for span in calls if span.usage]
    return (
        sum(span.attempt == 1 for span in calls),
        sum((use.input or 0) + 10 * (use.cache_write or 0) + 100 * (use.reasoning or 0) for use in used),
        sum((bill.total for bill in paid if bill.total and not bill.estimated), Decimal(0)),
        sum((bill.total for bill in paid if bill.total and bill.estimated), Decimal(0)),
        sum(span.cost is not None and span.cost.total is None for span in calls),
    )


def total(rows: list[CostRow]) -> tuple[int, int, Decimal, Decimal, int]:
    return (
        sum(row.calls for row in rows),
        sum(row.tokens.input + 10 * row.tokens.cache_write + 100 * row.tokens.reasoning for row in rows),
        sum((row.cost.billed for row in rows), Decimal(0)),
        sum((row.cost.estimated for row in rows), Decimal(0)),
        sum(row.cost.unknown_calls for row in rows),
    )


def days(spans: list[Span], zone: tzinfo) -> dict[str, list[Span]]:
    found: dict[str, list[Span]] = defaultdict(list)
    for span in spans:
        found[datetime.fromtimestamp(span.started_at / SECOND, zone).date().isoformat()].append(span)
    return found


def check_labels(store: Store, chosen: list[Span], every: list[Span], since: int | None, until: int | None) -> None:
    """A call has the user, session and tag that it names, or else those of its run."""
    runs = {run.id: run for run in store.executions()}
    labels: dict[str, Callable[[Span], str | None]] = {
        "user": lambda span: span.user or runs[span.execution_id].user,
        "session": lambda span: span.session_id or runs[span.execution_id].session_id,
        "tag:team": lambda span: span.tags.get("team") or runs[span.execution_id].tags.get("team"),
    }
    for by, label in labels.items():
        groups: dict[str | None, list[Span]] = defaultdict(list)
        for span in chosen:
            groups[label(span)].append(span)
        expected = {key: figures(spans) for key, spans in groups.items()}
        found = {row.key: total([row]) for row in store.costs(by, since=since, until=until)}
        assert found == {key: sums for key, sums in expected.items() if any(sums)}


@pytest.fixture
def stretches_of_a_run() -> Iterator[list[Span]]:
    """Calls of one run at ten to and ten past midnight."""
    yield [llm(1, T, user="ann"), llm(2, T + 10 * HOUR, user="ann"), llm(3, T, execution_id="run-2", user="bob")]


def test_a_run_across_midnight_is_paid_on_both_days(store: Store, stretches_of_a_run: list[Span]) -> None:
    store.write(Batch(spans=stretches_of_a_run))
    midnight = T - T % DAY + DAY
    before = {row.key: (row.calls, row.executions) for row in store.costs("user", until=midnight)}
    after = {row.key: (row.calls, row.executions) for row in store.costs("user", since=midnight)}
    whole = {row.key: (row.calls, row.executions) for row in store.costs("user")}
    assert (before, after, whole) == (
        {"ann": (1, 1), "bob": (1, 1)},
        {"ann": (1, 1)},
        {"ann": (2, 1), "bob": (1, 1)},
    )
    assert store.costs("user", since=midnight, until=midnight) == []


def test_a_run_whose_calls_disagree_is_split(store: Store) -> None:
    spans = [llm(1, user="ann"), llm(2, user="bob"), llm(3), tool(4, user="cy")]
    store.write(Batch(spans=spans))
    assert {row.key: (row.calls, row.executions) for row in store.costs("user")} == {"ann": (2, 1), "bob": (1, 1)}


def test_an_older_database_learns_what_its_runs_are_called(store: Store) -> None:
    usage = Usage(input=5, output=2, cache_write=2, reasoning=1)
    store.write(Batch(spans=[llm(1, user="ann", usage=usage, tags={"team": "red"}), tool(9, status=Status.FAILED)]))
    store.write(Batch(spans=[llm(2, execution_id="run-2", user="ann"), llm(3, execution_id="run-2", user="bob")]))
    expected = {by: store.costs(by) for by in DIMENSIONS}
    with store.writing() as connection:
        connection.execute(text("DROP INDEX ix_executions_mixed"))
        for name in ("cache_write_tokens", "reasoning_tokens", "call_tags", "mixed"):
            connection.execute(text(f"ALTER TABLE executions DROP COLUMN {name}"))
        connection.execute(text("UPDATE schema_version SET version = 10"))
        migrate(connection, MIGRATIONS[:10])
        mixed = connection.execute(text("SELECT id FROM executions WHERE mixed = 1")).scalars().all()
    assert mixed == ["run-2"]
    assert {by: store.costs(by) for by in DIMENSIONS} == expected
    assert {row.key: row.tokens.cache_write for row in expected["tag:team"]} == {"red": 2, None: 0}
