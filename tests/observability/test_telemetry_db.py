"""`telemetry_db`: what was recorded, asked for by the program that recorded it."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from kagura.errors import InputError
from kagura.model import Event
from kagura.observability import telemetry, telemetry_db, tracker
from kagura.observability.instants import day_bounds, to_us
from kagura.observability.measures import aggregate
from kagura.observability.recorder import recorder
from tests.observability.recording import Recording


def call(execution_id: str, agent: str, cost: str, at: int) -> None:
    """An LLM call as a reporter tells of it."""
    data = {"kind": "llm", "agent": agent, "started_at": at, "ended_at": at + 1000, "cost": cost, "usage": {"input": 7}}
    event = Event(type="span", at=at, execution_id=execution_id, data=data)
    assert recorder.reporter().report(lambda _: event)


def test_what_was_just_recorded_is_found(recorded: Recording) -> None:
    with telemetry.execution("my_agent", tags={"stage": "one"}):
        tracker.record_metric("items", 3)
    with pytest.raises(ValueError, match="no"), telemetry.execution("my_agent"):
        tracker.record_metric("items", 5)
        raise ValueError("no")
    with telemetry.execution("other"):
        tracker.record_metric("items", 100)
    today = date.today()
    found = telemetry_db.get_executions(agent_name="my_agent", since=today.isoformat())
    assert [row["status"] for row in found] == ["failed", "completed"]
    (completed,) = telemetry_db.get_executions(agent_name="my_agent", since=today.isoformat(), status="completed")
    assert completed["tags"] == {"stage": "one"}
    assert completed["duration"] == pytest.approx(completed["ended_at"] - completed["started_at"], abs=1e-6)
    assert telemetry_db.get_executions(since=today + timedelta(days=1)) == []
    assert telemetry_db.get_metrics(agent_name="my_agent", metric_type="items") == {
        "count": 2,
        "sum": 8.0,
        "mean": 4.0,
        "min": 3.0,
        "max": 5.0,
        "p50": 3.0,
        "p95": 5.0,
        "p99": 5.0,
    }
    assert telemetry_db.get_metrics(metric_type="items", aggregation="max") == 100.0
    longest = telemetry_db.get_metrics("my_agent", "duration", "p95")
    assert longest == pytest.approx(max(row["duration"] for row in found), abs=1e-6)
    assert telemetry_db.get_metrics("nobody", aggregation="p95") is None
    with telemetry.execution("later"):
        assert [row["status"] for row in telemetry_db.get_executions("later")] == ["running"]


def test_the_cost_of_a_day(recorded: Recording) -> None:
    noon = to_us(datetime(2025, 10, 10, 12)) or 0
    call("run-1", "research", "0.25", noon)
    call("run-1", "research", "0.50", noon + 2_000_000)
    call("run-2", "translate", "0.125", noon)
    call("run-3", "translate", "8", noon + 86_400_000_000)
    found = telemetry_db.get_cost_summary(date="2025-10-10")
    assert (found["date"], found["total"], found["calls"]) == ("2025-10-10", Decimal("0.875"), 3)
    assert {name: (line["cost"], line["calls"]) for name, line in found["agents"].items()} == {
        "research": (Decimal("0.75"), 2),
        "translate": (Decimal("0.125"), 1),
    }
    assert found["projected_monthly"] == 30 * Decimal("0.875")
    days = telemetry_db.get_cost_summary(since="2025-10-01", until="2025-10-12")
    assert (days["total"], days["projected_monthly"]) == (Decimal("8.875"), 15 * Decimal("8.875"))
    assert telemetry_db.get_cost_summary(since="2025-10-10", agent_name="translate")["total"] == Decimal("8.125")
    assert telemetry_db.get_metrics("research", "cost", "sum") == 0.75


def test_a_day_is_a_local_day() -> None:
    start, end = day_bounds("2025-10-10T17:45")
    assert (start, end) == (to_us(date(2025, 10, 10)), to_us("2025-10-11"))
    assert to_us(1.5) == 1_500_000
    assert to_us("2025-10-10T00:00:00+00:00") == 1_760_054_400_000_000


def test_percentiles_are_values_that_were_there() -> None:
    assert aggregate([float(number) for number in range(100, 0, -1)], "p95") == 95.0
    assert aggregate([], None) == {"count": 0, "sum": 0} | dict.fromkeys(("mean", "min", "max", "p50", "p95", "p99"))


def test_what_cannot_be_understood_is_refused(recorded: Recording) -> None:
    with pytest.raises(InputError, match="status"):
        telemetry_db.get_executions(status="done")
    with pytest.raises(InputError, match="aggregation"):
        telemetry_db.get_metrics(aggregation="median")
