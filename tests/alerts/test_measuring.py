"""Each figure from a store with known calls, on every database."""

import time
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from kagura.alerts.measuring import Measured, late_ends, measure
from kagura.errors import StoreError
from kagura.model import Span, SpanKind, Status, Usage
from kagura.store import Batch, Store, alert_figures
from tests.alerts.samples import rule
from tests.store.things import DAY, HOUR, MINUTE, SECOND, T, cost, declared, failed, llm, running, tool

NOW = T + 7 * MINUTE
"""In the middle of a quarter of an hour."""


def value(store: Store, when: str, **fields: Any) -> Any:
    return one(store, when, **fields).value


def one(store: Store, when: str, **fields: Any) -> Measured:
    (measured,) = measure(store, rule(when, **fields), NOW).values()
    return measured


def calls(count: int, at: int = T, **changes: Any) -> list[Span]:
    return [llm(number, at, **changes) for number in range(1, count + 1)]


def test_money_counts_estimates_and_says_so(store: Store) -> None:
    spans = [llm(1, cost=cost("4")), llm(2, cost=cost("1.5", estimated=True)), llm(3, cost=cost(None))]
    store.write(Batch(spans=spans))
    found = one(store, "cost > $5 in 1h")
    assert found.value == Decimal("5.5")
    assert found.detail == "$1.5000 of it estimated, 1 more call of unknown cost"
    assert value(store, "unknown cost calls > 0 in 1h") == 1


def test_only_what_began_in_the_window_counts_to_the_microsecond(store: Store) -> None:
    for number, at in enumerate((NOW - HOUR - 1, NOW - HOUR, NOW - DAY, NOW - DAY - 1), 1):
        store.write(Batch(spans=[llm(number, at, cost=cost(str(number)))]))
    assert value(store, "cost > $5 in 1h") == 2
    assert value(store, "cost > $5 in 1d") == 1 + 2 + 3
    assert value(store, "calls > 5 in 1d") == 3


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"agent": "research*"}, 1),
        ({"model": "claude-*"}, 2),
        ({"provider": "openai"}, 1 + 4),
        ({"user": "ann"}, 2 + 4),
        ({"tag": "team=search"}, 1),
        ({"agent": "writer", "user": "ann"}, 2 + 4),
        ({"agent": "nobody"}, 0),
        ({"tag": "team=*"}, 1),
    ],
)
def test_a_rule_looks_only_at_its_part(store: Store, fields: dict[str, str], expected: int) -> None:
    spans = [
        llm(1, agent="research_1", execution_id="run-2", cost=cost("1"), tags={"team": "search"}),
        llm(2, agent="writer", cost=cost("2"), user="ann", provider="anthropic", response_model="claude-opus-5-5"),
        llm(3, agent="writer", cost=cost("4"), user="ann"),
    ]
    store.write(Batch(spans=spans))
    assert value(store, "cost > $5 in 1h", **fields) == expected


@pytest.mark.parametrize(("each", "expected"), [("agent", {"a": 1, "b": 2}), ("user", {"ann": 2}), ("tag:t", {"x": 2})])
def test_a_rule_that_is_split_measures_each_one(store: Store, each: str, expected: dict[str, int]) -> None:
    other = llm(2, agent="b", execution_id="run-2", cost=cost("2"), user="ann", tags={"t": "x"})
    store.write(Batch(spans=[llm(1, agent="a", cost=cost("1")), other]))
    found = measure(store, rule("cost > $5 in 1h", each=each), NOW)
    assert {subject: measured.value for subject, measured in found.items()} == expected


def test_tokens_calls_and_retries_are_counted(store: Store) -> None:
    store.write(Batch(spans=[*calls(3), llm(4, attempt=2), running(5), tool(6)]))
    assert value(store, "tokens > 1 in 1h") == 4 * 120
    assert value(store, "input tokens > 1 in 1h") == 400
    assert value(store, "output tokens > 1 in 1h") == 80
    assert value(store, "calls > 1 in 1h") == 5
    assert value(store, "calls per minute > 1 in 10m") == 0.5


def test_an_error_rate_needs_enough_calls_that_ended(store: Store) -> None:
    store.write(Batch(spans=[*calls(6), failed(7), failed(8), running(9)]))
    assert one(store, "error rate > 20% in 1h", min_calls=9).value is None
    found = one(store, "error rate > 20% in 1h", min_calls=8)
    assert (found.value, found.detail) == (25, "2 of 8 calls")
    assert value(store, "errors > 1 in 1h") == 2


def test_percentiles_are_of_calls_that_were_answered(store: Store) -> None:
    spans = [llm(n, ended_at=T + n * SECOND, time_to_first_chunk=n * 1000) for n in range(1, 101)]
    store.write(Batch(spans=[*spans, failed(101), tool(102)]))
    assert value(store, "p95 duration > 1s in 1h") == 95
    assert value(store, "p50 duration > 1s in 1h") == 50
    assert value(store, "p99 first token > 1s in 1h") == pytest.approx(0.099)
    assert one(store, "p95 duration > 1s in 1h", min_calls=101).value is None
    assert value(store, "p95 duration > 1s in 1h", model="gpt-4o-2024*") == 95
    assert value(store, "p95 duration > 1s in 1h", model="claude*") is None


def test_runs_are_measured_one_by_one_and_the_worst_is_named(store: Store) -> None:
    spans = [
        llm(1, execution_id="cheap", cost=cost("1")),
        llm(2, execution_id="dear", cost=cost("7")),
        llm(3, execution_id="dear-too", cost=cost("6"), agent="other"),
        llm(4, NOW - DAY, execution_id="old", cost=cost("99")),
    ]
    store.write(Batch(spans=spans))
    found = one(store, "cost per run > $5 in 1h")
    assert (found.value, found.detail) == (7, "run dear, 1 more like it")
    assert value(store, "cost per run > $5 in 1h", agent="other") == 6
    each = measure(store, rule("cost per run > $5 in 1h", each="run"), NOW)
    assert {run: measured.value for run, measured in each.items()} == {"cheap": 1, "dear": 7, "dear-too": 6}


def test_a_run_that_runs_is_as_long_as_it_has_run(store: Store) -> None:
    begun = declared(at=NOW - 3 * HOUR, tags={"team": "x"})
    store.write(Batch(executions=[begun], spans=[llm(1, T, execution_id="short")]))
    found = one(store, "run duration > 1h in 1h")
    assert (found.value, found.detail) == (3 * 3600, "run run-1")
    assert value(store, "run duration > 1h in 1h", tag="team=x") == 3 * 3600
    store.write(Batch(executions=[declared(Status.COMPLETED, at=NOW - 3 * HOUR, ended_at=NOW - 2 * HOUR)]))
    assert value(store, "run duration > 1h in 1h") == 2
    assert value(store, "run duration > 1h in 1d") == 3600


def test_the_same_tool_with_the_same_arguments_is_counted_within_a_run(store: Store) -> None:
    same = [tool(n, input_preview='{"q": 1}') for n in range(1, 5)]
    others = [tool(5, input_preview='{"q": 2}'), tool(6, input_preview='{"q": 1}', execution_id="run-2"), tool(7)]
    store.write(Batch(spans=[*same, *others]))
    found = one(store, "tool repeats >= 4 in 1h")
    assert (found.value, found.detail) == (4, 'run run-1, search({"q": 1})')
    assert one(store, "tool repeats >= 4 in 1h", agent="nobody").value is None


def test_arguments_that_were_cut_are_the_same_only_with_the_same_result(store: Store) -> None:
    cut = "x" * alert_figures.PREVIEW_END
    store.write(Batch(spans=[tool(n, input_preview=cut, output_preview=f"line {n // 2}") for n in range(4)]))
    assert value(store, "tool repeats >= 4 in 1h") == 2


def test_nothing_is_zero_for_a_sum_and_unknown_for_a_rate(store: Store) -> None:
    assert value(store, "cost > $5 in 1h") == 0
    for when in (
        "error rate > 1% in 1h",
        "p95 duration > 1s in 1h",
        "run duration > 1s in 1h",
        "tool repeats > 1 in 1h",
    ):
        assert value(store, when) is None
    assert measure(store, rule("cost > $5 in 1h", each="agent"), NOW) == {}


def test_too_little_is_not_said_before_a_whole_window_was_recorded(store: Store) -> None:
    assert value(store, "calls < 1 in 1h") is None
    store.write(Batch(spans=[llm(1, NOW - MINUTE)]))
    assert value(store, "calls < 5 in 1h") is None
    store.write(Batch(spans=[llm(2, NOW - 2 * HOUR)]))
    assert value(store, "calls < 5 in 1h") == 1


def test_a_question_that_takes_too_long_is_broken_off(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store.open(sqlite_url) as store:
        store.write(Batch(spans=[tool(n, name=f"t{n}") for n in range(200)]))
        monkeypatch.setattr(alert_figures, "_PROGRESS_STEPS", 10)
        monkeypatch.setattr(alert_figures, "SECONDS", 0.0)
        with pytest.raises(StoreError, match="too long"):
            measure(store, rule("tokens > 1k in 1h", user="a"), NOW)
        monkeypatch.undo()
        assert value(store, "tokens > 1k in 1h", user="a") == 0


def test_earlier_windows_are_looked_at_where_something_came_late() -> None:
    spend = rule("cost > $5 in 1h")
    assert list(late_ends(spend, None, NOW)) == []
    assert list(late_ends(spend, NOW - HOUR, NOW)) == []
    ends = list(late_ends(spend, NOW - 3 * HOUR, NOW))
    assert len(ends) <= 12
    assert any(end - HOUR <= NOW - 3 * HOUR < end for end in ends)
    assert all(end < NOW for end in ends)
    assert len(list(late_ends(spend, NOW - 300 * DAY, NOW))) <= 12
    assert list(late_ends(rule("run duration > 1h in 1h"), NOW - DAY, NOW)) == []


def test_usage_of_any_kind_adds_up(store: Store) -> None:
    store.write(Batch(spans=[llm(1, kind=SpanKind.EMBEDDING, usage=Usage(input=7)), tool(2, cost=cost("3"))]))
    assert value(store, "tokens > 1 in 1h") == 7
    assert value(store, "cost > $1 in 1h") == Decimal("3.001")
    assert value(store, "cost > $1 in 1h", model="*") == Decimal("0.001")


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[ZoneInfo]:
    """The machine stands in Berlin."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield ZoneInfo("Europe/Berlin")
    monkeypatch.undo()
    time.tzset()


def instant(zone: ZoneInfo, *fields: int) -> int:
    return int(datetime(*fields, tzinfo=zone).timestamp()) * SECOND  # type: ignore[misc, arg-type]


def test_today_and_this_month_begin_at_the_local_midnight(store: Store, berlin: ZoneInfo) -> None:
    # 26 October 2025 has 25 hours in Berlin.
    now, midnight = instant(berlin, 2025, 10, 26, 23, 30), instant(berlin, 2025, 10, 26)
    first = instant(berlin, 2025, 10, 1)
    for number, at in enumerate((midnight, midnight - 1, first, first - 1), 1):
        store.write(Batch(spans=[llm(number, at, cost=cost(str(number)))]))
    assert now - midnight == 24 * HOUR + 30 * MINUTE
    budgets = {when: measure(store, rule(when), now)[""].value for when in ("cost > $1 today", "cost this month > $1")}
    assert budgets == {"cost > $1 today": 1, "cost this month > $1": 1 + 2 + 3}
    assert measure(store, rule("cost today > $1"), now + HOUR)[""].value == 0


def test_what_is_recorded_late_is_looked_at_on_its_own_day(berlin: ZoneInfo) -> None:
    now = instant(berlin, 2025, 10, 27, 12)
    daily = rule("cost > $20 today")
    assert list(late_ends(daily, instant(berlin, 2025, 10, 27, 1), now)) == []
    assert list(late_ends(daily, instant(berlin, 2025, 10, 25, 1), now)) == [
        instant(berlin, 2025, 10, 26) - 1,
        instant(berlin, 2025, 10, 27) - 1,
    ]
    monthly = rule("cost > $20 this month")
    assert list(late_ends(monthly, instant(berlin, 2025, 9, 25, 1), now)) == [instant(berlin, 2025, 10, 1) - 1]
