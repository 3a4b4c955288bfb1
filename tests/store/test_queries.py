from datetime import datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from kagura.errors import InputError
from kagura.model import Execution, Status
from kagura.store import Batch, Store
from tests.store.things import DAY, HOUR, MINUTE, SECOND, T, asks, cost, declared, failed, llm, running, span_id, tool


def ids(found: list[Execution]) -> list[str]:
    return [execution.id for execution in found]


def fill(store: Store) -> None:
    store.write(
        Batch(
            spans=[
                llm(1, T - DAY, execution_id="old", agent="translate", session_id="s1"),
                llm(2, T, execution_id="run-1", input_preview="Complex search query", tool_calls=asks("search")),
                tool(3, T + 2 * SECOND, execution_id="run-1"),
                llm(4, T + 3 * SECOND, execution_id="run-1", ended_at=T + 12 * SECOND, user="ann"),
                failed(5, T + MINUTE, execution_id="run-2"),
                running(6, T + HOUR, execution_id="now", agent="code_review"),
            ]
        )
    )


def test_executions_come_with_the_latest_activity_first(store: Store) -> None:
    fill(store)
    assert ids(list(store.executions())) == ["now", "run-2", "run-1", "old"]
    assert ids(list(store.executions(limit=2, offset=1))) == ["run-2", "run-1"]
    assert ids(list(store.executions(agent="my_agent"))) == ["run-2", "run-1"]
    assert ids(list(store.executions(since=T, until=T + MINUTE))) == ["run-1"]
    assert ids(list(store.executions(status=Status.RUNNING))) == ["now"]
    assert ids(list(store.executions(status=Status.FAILED))) == ["run-2"]
    assert ids(list(store.executions(session="s1"))) == ["old"]
    latest = store.latest_execution("my_agent")
    assert latest is not None and latest.id == "run-2"
    assert store.latest_execution("nobody") is None


def test_an_execution_is_found_by_its_id_or_the_beginning_of_it(store: Store) -> None:
    fill(store)
    assert ids(list(store.find_execution("run-1"))) == ["run-1"]
    assert ids(list(store.find_execution("run"))) == ["run-2", "run-1"]
    assert store.find_execution("xyz") == []
    assert store.find_execution("%") == []
    assert store.near_execution_ids("run-3")[:2] == ["run-2", "run-1"]
    assert store.near_execution_ids("zzzzzz") == []


def test_a_span_is_found_by_an_unambiguous_beginning(store: Store) -> None:
    store.write(Batch(spans=[llm(0x1111, id="aaaa000000000001"), llm(2, id="aabb000000000002")]))
    found = store.span("aab")
    assert found is not None and found.id == "aabb000000000002"
    assert store.span("aa") is None


def test_the_overview_of_a_window(store: Store) -> None:
    fill(store)
    today = store.overview(since=T)
    assert (today.active_executions, today.executions, today.llm_calls, today.errors) == (1, 3, 4, 1)
    assert today.cost.billed == Decimal("0.002")
    assert today.cost.unknown_calls == 0
    assert (today.average_duration, today.p95_duration, today.success_rate) == (7 * SECOND, 12 * SECOND, 0.5)
    assert store.overview(agent="translate").llm_calls == 1
    assert store.overview(since=T + DAY).success_rate is None


def test_p95_is_the_nearest_rank(store: Store) -> None:
    spans = [llm(n, T + n, execution_id=f"r{n}", ended_at=T + n + n * SECOND) for n in range(1, 41)]
    store.write(Batch(spans=spans))
    assert store.overview().p95_duration == 38 * SECOND


def test_a_trace_has_spans_by_start_and_children(store: Store) -> None:
    fill(store)
    child = declared(id="child", parent_execution_id="run-1")
    loop = declared(id="run-1", parent_execution_id="child")
    store.write(Batch(executions=[child, loop], spans=[llm(9, execution_id="child")]))
    trace = store.trace("run-1")
    assert trace is not None
    assert [span.id for span in trace.spans] == [span_id(2), span_id(3), span_id(4)]
    assert [(child.execution.id, len(child.spans)) for child in trace.children] == [("child", 1)]
    assert trace.children[0].children == []
    assert store.trace("unknown") is None


def test_the_summary_of_an_agent(store: Store) -> None:
    fill(store)
    store.write(Batch(spans=[tool(7, T + 4 * SECOND, "read"), tool(8, T + 5 * SECOND, "read")]))
    summary = store.agent_summary("my_agent", since=T)
    assert (summary.status, summary.executions, summary.llm_calls) == (Status.FAILED, 2, 3)
    (model,) = summary.models
    assert (model.model, model.calls, model.calls_per_execution, model.errors) == ("gpt-4o-2024-08-06", 3, 1.5, 1)
    assert (model.average_input_tokens, model.cost.billed) == (200 / 3, Decimal("0.002"))
    assert [(usage.name, usage.calls, usage.share) for usage in summary.tools] == [
        ("read", 2, 2 / 3),
        ("search", 1, 1 / 3),
    ]
    assert [(slow.id, slow.duration, slow.preview) for slow in summary.slow] == [
        ("run-1", 12 * SECOND, "Complex search query"),
        ("run-2", 2 * SECOND, None),
    ]
    assert [(error.span_id, error.http_status, error.error) for error in summary.errors] == [
        (span_id(5), 429, "Rate limit reached")
    ]
    assert store.agent_summary("code_review").status is Status.RUNNING
    assert store.agent_summary("nobody").status is None


def test_agents_by_their_latest_activity(store: Store) -> None:
    fill(store)
    assert [(row.agent, row.status, row.executions) for row in store.agents()] == [
        ("code_review", Status.RUNNING, 1),
        ("my_agent", Status.FAILED, 2),
        ("translate", Status.COMPLETED, 1),
    ]
    assert [row.agent for row in store.agents(since=T + DAY)] == ["code_review"]


def test_costs_keep_billed_estimated_and_unknown_apart(store: Store) -> None:
    store.write(
        Batch(
            spans=[
                llm(1, cost=cost("0.1")),
                llm(2, cost=cost("0.2")),
                llm(3, cost=cost("5", estimated=True)),
                llm(4, cost=cost(None)),
                failed(5),
            ]
        )
    )
    (row,) = store.costs("agent")
    assert (row.key, row.executions, row.calls) == ("my_agent", 1, 5)
    assert (row.cost.billed, row.cost.estimated, row.cost.unknown_calls) == (Decimal("0.3"), Decimal(5), 1)


def test_costs_by_everything(store: Store) -> None:
    fill(store)
    assert [(row.key, row.calls) for row in store.costs("model")] == [("gpt-4o-2024-08-06", 4), ("gpt-4o", 1)]
    assert [(row.key, row.executions) for row in store.costs("provider")] == [("openai", None)]
    assert [(row.key, row.calls, row.executions) for row in store.costs("user")] == [("ann", 2, 1), (None, 3, 3)]
    assert [(row.key, row.calls) for row in store.costs("session")] == [(None, 4), ("s1", 1)]
    assert [(row.key, row.calls) for row in store.costs("agent", agent="translate")] == [("translate", 1)]
    assert store.costs("agent", since=T + 2 * DAY) == []
    for by in ("colour", "tag:", "tag", ""):
        with pytest.raises(InputError, match="cannot be split"):
            store.costs(by)


def test_a_run_gives_its_tags_to_calls_that_have_none_of_their_own(store: Store) -> None:
    store.write(
        Batch(
            spans=[llm(1, tags={"team": "red"}), llm(2), llm(3, execution_id="run-2")],
            executions=[declared(tags={"team": "blue"})],
        )
    )
    assert {row.key: row.calls for row in store.costs("tag:team")} == {"red": 1, "blue": 1, None: 1}


@pytest.mark.parametrize(
    ("zone", "first", "second"),
    [
        (ZoneInfo("Asia/Tokyo"), "2025-10-10", "2025-10-11"),
        (ZoneInfo("Asia/Kolkata"), "2025-10-10", "2025-10-11"),
        (ZoneInfo("Asia/Kathmandu"), "2025-10-10", "2025-10-11"),
        (timezone(timedelta(hours=-12)), "2025-10-09", "2025-10-10"),
    ],
)
def test_days_are_those_of_the_time_zone(store: Store, zone: tzinfo, first: str, second: str) -> None:
    midnight = int(datetime.fromisoformat(second).replace(tzinfo=zone).timestamp()) * SECOND
    store.write(Batch(spans=[llm(1, midnight - 1), llm(2, midnight, execution_id="run-2")]))
    rows = store.costs("day", timezone=zone)
    assert [(row.key, row.calls, row.executions) for row in rows] == [(first, 1, 1), (second, 1, 1)]


def test_hours_name_their_offset(store: Store) -> None:
    store.write(Batch(spans=[llm(1, T), llm(2, T + HOUR - 1), llm(3, T + HOUR)]))
    rows = store.costs("hour", timezone=ZoneInfo("Europe/Berlin"))
    assert [(row.key, row.calls) for row in rows] == [("2025-10-10T19:00+02:00", 2), ("2025-10-10T20:00+02:00", 1)]


def test_a_window_is_exact_to_the_microsecond(store: Store) -> None:
    store.write(Batch(spans=[llm(n, T + n * 7 * MINUTE) for n in range(300)]))
    for since, until in ((T, T + 1), (T + 1, T + 7 * MINUTE), (T + 1, T + DAY), (T - DAY, T + DAY + MINUTE), (T, T)):
        expected = sum(since <= T + n * 7 * MINUTE < until for n in range(300))
        assert sum(row.calls for row in store.costs("agent", since=since, until=until)) == expected
        assert sum(row.calls for row in store.costs("hour", since=since, until=until)) == expected


def test_damaged_json_breaks_no_list(store: Store) -> None:
    store.write(Batch(spans=[llm(1, tags={"a": "b"}, tool_calls=asks("x"))], executions=[declared(tags={"a": "b"})]))
    with store.writing() as connection:
        broken = "'{not json', attributes = '[1,', tags = '\"'"
        connection.exec_driver_sql(
            f"UPDATE spans SET kind = 'dance', cost_lines = 'x', usage_units = 'x', tool_calls = {broken}"
        )
        connection.exec_driver_sql("UPDATE executions SET tags = '{', attributes = '[]', status = 'dancing'")
    (execution,) = store.executions()
    assert execution.tags == {}
    trace = store.trace("run-1")
    assert trace is not None and trace.spans[0].tool_calls == []
    assert len(list(store.export_spans())) == 1
