"""`TelemetryCollector` and `EventStore`, as their interface was written down."""

import asyncio
import logging
from decimal import Decimal
from pathlib import Path

import pytest

from kagura.errors import InputError
from kagura.observability import EventStore, TelemetryCollector
from kagura.store import Store


@pytest.mark.asyncio
async def test_telemetry_collection() -> None:
    collector = TelemetryCollector(EventStore(":memory:"))

    async with collector.track_execution("test_agent") as exec_id:
        collector.record_llm_call("gpt-4o", 100, 50, 1.0, 0.001)

    execution = collector.store.get_execution(exec_id)
    assert execution is not None
    assert execution["status"] == "completed"
    assert len(execution["events"]) == 1


async def test_events_metrics_tags_and_arguments_come_back() -> None:
    collector = TelemetryCollector(EventStore(":memory:"))
    async with collector.track_execution("agent", query="kyoto") as id:
        collector.record_llm_call("gpt-4o", 100, 50, 0.5, 0.25)
        collector.record_tool_call("search", 0.1, q="tea")
        collector.record_event("decided", choice="left")
        collector.record_metric("items", 42)
        collector.add_tag("stage", 1)
    found = collector.store.get_execution(id)
    assert found is not None
    assert {event["type"]: event["data"] for event in found["events"]} == {
        "llm_call": {
            "model": "gpt-4o",
            "prompt_tokens": 100,
            "completion_tokens": 50,
            "duration": 0.5,
            "cost": 0.25,
        },
        "tool_call": {"tool_name": "search", "duration": 0.1, "kwargs": {"q": "tea"}},
        "decided": {"choice": "left"},
    }
    assert (found["kwargs"], found["metrics"], found["tags"]) == ({"query": "kyoto"}, {"items": 42}, {"stage": "1"})
    assert (found["cost"], found["llm_calls"], found["tool_calls"]) == (Decimal("0.25"), 1, 1)
    assert (found["input_tokens"], found["output_tokens"]) == (100, 50)


async def test_parallel_and_nested_executions_stay_apart() -> None:
    collector = TelemetryCollector(EventStore(":memory:"))

    async def one(number: int) -> str:
        async with collector.track_execution(f"agent-{number}") as id:
            await asyncio.sleep(0.001)
            async with collector.track_execution("inner"):
                collector.record_event("inner")
            collector.record_event(f"event-{number}")
        return id

    ids = await asyncio.gather(*(one(number) for number in range(10)))
    for number, id in enumerate(ids):
        found = collector.store.get_execution(id)
        assert found is not None
        assert [event["type"] for event in found["events"]] == [f"event-{number}"]
    assert len(collector.store.get_executions("inner")) == 10


async def test_a_failure_is_raised_and_recorded() -> None:
    collector = TelemetryCollector(EventStore(":memory:"))
    with pytest.raises(ValueError, match="no"):
        async with collector.track_execution("agent"):
            raise ValueError("no")
    collector.record_event("dropped")
    (found,) = collector.store.get_executions(status="failed")
    assert (found["error"], found["agent_name"]) == ("no", "agent")


async def test_a_file_and_a_url_are_the_same_store_that_kagura_reads(tmp_path: Path) -> None:
    path = tmp_path / "new" / "events.db"
    await EventStore(path).save_execution({"id": "one", "agent_name": "a", "started_at": 100.0, "ended_at": 102.5})
    again = EventStore(f"sqlite:///{path}")
    await again.save_execution({"id": "two", "agent_name": "b", "started_at": 200.0})
    assert [(row["id"], row["status"]) for row in again.get_executions()] == [("two", "running"), ("one", "completed")]
    assert [row["id"] for row in again.get_executions(since=150)] == ["two"]
    assert again.get_executions("a", limit=1)[0]["duration"] == 2.5
    assert again.get_execution("none") is None
    with Store.open(f"sqlite:///{path}", read_only=True) as store:
        assert [row.id for row in store.find_execution("one")] == ["one"]
    again.close()
    with pytest.raises(InputError):
        again.get_executions(since="yesterday")


async def test_postgresql_is_named_by_its_url(empty_postgres_url: str) -> None:
    with EventStore(empty_postgres_url) as store:
        collector = TelemetryCollector(store)
        async with collector.track_execution("agent", query="kyoto") as id:
            collector.record_tool_call("search", 0.1, q="tea")
    with EventStore(empty_postgres_url) as again:
        found = again.get_execution(id)
    assert found is not None
    assert (found["kwargs"], found["tool_calls"]) == ({"query": "kyoto"}, 1)


async def test_saving_again_changes_nothing() -> None:
    store = EventStore(":memory:")
    event = {"type": "llm_call", "timestamp": 101.0, "data": {"model": "gpt-4o", "cost": 0.5}}
    record = {"id": "one", "agent_name": "a", "started_at": 100.0, "ended_at": 102.0, "events": [event]}
    for _ in range(2):
        await store.save_execution(record)
    (found,) = store.get_executions()
    assert (found["llm_calls"], found["cost"]) == (1, Decimal("0.5"))


async def test_a_store_that_fails_harms_no_agent(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "events.db").write_text("this is no database, and long enough to be seen as that" * 20)
    collector = TelemetryCollector(EventStore(tmp_path / "events.db"))
    with caplog.at_level(logging.WARNING):
        async with collector.track_execution("agent"):
            pass
    assert "not recorded" in caplog.text
