"""What a live view asks, on every kind of database."""

from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import event

from kagura.model import Cost, SpanKind, Status
from kagura.store import Batch, Store
from kagura.store.activity import _ORDERS, _SEARCHED
from kagura.store.questions import FIELDS, ORDERS, RunsQuery
from tests.store.things import HOUR, MINUTE, SECOND, T, declared, failed, llm, running, tool


@pytest.fixture
def seeded(store: Store) -> Store:
    """run-1 is cheap and long ago, run-2 dear and failed, run-3 runs."""
    long = llm(1, execution_id="run-1", ended_at=T + MINUTE, input_preview="Where is the nearest shrine? 神社")
    dear = llm(2, T + 10 * MINUTE, execution_id="run-2", agent="other", user="ann", session_id="s-50%_x")
    dear.cost = Cost(total=Decimal("2.5"))
    store.write(
        Batch(
            spans=[
                long,
                dear,
                failed(3, T + 11 * MINUTE, execution_id="run-2", agent="other"),
                running(4, T + 20 * MINUTE, execution_id="run-3", input_preview="x" * 5000),
                tool(5, T + 21 * MINUTE, execution_id="run-3", status=Status.RUNNING, ended_at=None),
            ]
        )
    )
    return store


def ids(store: Store, **query: object) -> list[str]:
    return [run.id for run in store.runs(RunsQuery(**query))]  # type: ignore[arg-type]


def test_orders_and_fields_are_those_that_are_offered() -> None:
    assert (tuple(_ORDERS), tuple(_SEARCHED)) == (ORDERS, FIELDS)


@pytest.mark.parametrize(
    ("order", "first"),
    [
        ("started", "run-3"),
        ("activity", "run-3"),
        ("duration", "run-2"),
        ("cost", "run-2"),
        ("calls", "run-2"),
        ("tokens", "run-1"),
        ("agent", "run-2"),
        ("status", "run-3"),
    ],
)
def test_runs_in_every_order(seeded: Store, order: str, first: str) -> None:
    found = ids(seeded, order=order)
    assert found[0] == first
    assert sorted(found) == sorted(ids(seeded, order=order, descending=False)) == ["run-1", "run-2", "run-3"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("shrine", ["run-1"]),
        ("SHRINE where", ["run-1"]),
        ("神社", ["run-1"]),
        ("shrine nowhere", []),
        ("agent:other", ["run-2"]),
        ("status:running", ["run-3"]),
        ("user:ann session:50%_", ["run-2"]),
        ("session:50__", []),
        ("error:limit", ["run-2"]),
        ("id:run-", ["run-3", "run-2", "run-1"]),
        ("unknown:run-1", []),
        ("agent:", []),
    ],
)
def test_filters(seeded: Store, words: str, found: list[str]) -> None:
    assert ids(seeded, text=words) == found


def test_a_window_keeps_what_still_runs(seeded: Store) -> None:
    assert ids(seeded, since=T + 5 * MINUTE) == ["run-3", "run-2"]
    assert ids(seeded, since=T + 25 * MINUTE) == []
    seeded.write(Batch(spans=[llm(9, T + 26 * MINUTE, execution_id="run-3")]))
    assert ids(seeded, since=T + 25 * MINUTE) == ["run-3"]


def test_runs_of_an_agent_and_no_more_than_asked_for(seeded: Store) -> None:
    assert ids(seeded, agent="my_agent") == ["run-3", "run-1"]
    assert ids(seeded, limit=1) == ["run-3"]


def test_flights_are_what_runs_now_the_youngest_first(seeded: Store) -> None:
    youngest, call = seeded.flights()
    assert (youngest.kind, youngest.name) == (SpanKind.TOOL, "search")
    assert (call.execution_id, call.model, call.started_at) == ("run-3", "gpt-4o", T + 20 * MINUTE)
    assert call.preview == "x" * 300
    assert seeded.flights("other") == []
    assert len(seeded.flights(limit=1)) == 1


def test_what_was_spent(seeded: Store) -> None:
    spent = seeded.spent()
    assert (spent.calls, spent.cost.billed, spent.tokens.input) == (4, Decimal("2.501"), 200)
    assert seeded.spent(T + 15 * MINUTE).cost.billed == 0
    assert seeded.spent(agent="other").cost.billed == Decimal("2.5")


@pytest.mark.parametrize("width", [MINUTE, 15 * MINUTE, HOUR])
def test_rates_add_up_to_the_whole(seeded: Store, width: int) -> None:
    pulses = seeded.pulse(T, width)
    assert all(pulse.at % width == 0 for pulse in pulses)
    assert [pulse.at for pulse in pulses] == sorted(pulse.at for pulse in pulses)
    assert sum(pulse.cost for pulse in pulses) == Decimal("2.501")
    assert sum(pulse.tokens for pulse in pulses) == 240
    assert sum(pulse.calls for pulse in pulses) == 4


def test_rates_of_a_part(seeded: Store) -> None:
    assert [pulse.at for pulse in seeded.pulse(T + 10 * MINUTE, MINUTE)] == [
        T + 10 * MINUTE,
        T + 11 * MINUTE,
        T + 20 * MINUTE,
    ]
    assert [pulse.calls for pulse in seeded.pulse(T, HOUR, "other")] == [2]


def test_an_outline_has_what_a_tree_shows(store: Store) -> None:
    memory = tool(7, T + 3 * SECOND, kind=SpanKind.MEMORY, attributes={"gen_ai.memory.record.count": 3})
    call = llm(6, input_preview="q" * 500, stream=True, time_to_first_chunk=5, attributes={"headers": {"a": "b"}})
    child = declared(id="child", parent_execution_id="run-1")
    store.write(Batch(spans=[call, memory, running(8)], executions=[child]))
    found = store.outline("run-1")
    assert found is not None
    by_id = {span.id[-1]: span for span in found.spans}
    assert [inner.execution.id for inner in found.children] == ["child"]
    first = by_id["6"]
    assert (first.input_preview, first.attributes, first.time_to_first_chunk) == ("q" * 300, {}, 5)
    assert first.usage and (first.usage.input, first.usage.output) == (100, 20)
    assert first.cost and first.cost.total == Decimal("0.001")
    assert by_id["7"].attributes == {"gen_ai.memory.record.count": 3}
    assert (by_id["8"].status, by_id["8"].cost) == (Status.RUNNING, None)
    assert store.outline("nobody") is None


def test_marks_of_runs_change_with_what_happens_in_them(store: Store) -> None:
    store.write(Batch(spans=[llm(1), llm(2, execution_id="run-2")]))
    before, other = store.run_marks(["run-1"]), store.run_marks(["run-2"])
    store.write(Batch(spans=[llm(3, T + MINUTE)]))
    assert store.run_marks(["run-1"]) != before
    assert store.run_marks(["run-2"]) == other
    store.write(Batch(executions=[declared(id="child", parent_execution_id="run-2")]))
    assert store.run_marks(["run-2"]) != other


def test_the_queries_of_every_second_scan_no_table(tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path}/telemetry.db") as store:
        asked: list[str] = []
        event.listen(store.engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
        store.runs(RunsQuery())
        store.flights()
        store.run_marks(["run-1"])
        store.outline("run-1")
        statements = [statement for statement in asked if statement.startswith("SELECT")]
        assert len(statements) >= 4
        with store.reading() as connection:
            for statement in statements:
                values = ("x",) * statement.count("?")
                plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
                assert not [step for step in plan if step.startswith("SCAN") and "INDEX" not in step], statement


def test_what_runs_is_found_by_its_own_index(tmp_path: Path) -> None:
    """Few runs go on and millions have ended: none of those is looked through, of one agent or of all."""
    with Store.open(f"sqlite:///{tmp_path}/telemetry.db") as store:
        store.write(Batch(spans=[llm(1)]))
        asked: list[tuple[str, tuple[object, ...]]] = []
        event.listen(store.engine, "before_cursor_execute", lambda *call: asked.append((call[2], call[3])))
        store.agents(since=T)
        store.agent_summary("research")
        about_running = [call for call in asked if "status = 'running'" in call[0]]
        assert len(about_running) == 2
        with store.reading() as connection:
            for statement, values in about_running:
                plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
                assert any("ix_executions_running" in step for step in plan), plan
