from decimal import Decimal

import pytest

from kagura.errors import StoreError
from kagura.model import (
    Cost,
    CostLine,
    CostSource,
    Execution,
    Span,
    SpanKind,
    Status,
    ToolCall,
    Usage,
    UsageSource,
)
from kagura.store import Batch, ExecutionRow, Metric, Store
from tests.store.things import DAY, SECOND, T, asks, cost, declared, failed, llm, running, span_id, tool


def only_execution(store: Store) -> ExecutionRow:
    (execution,) = store.executions()
    return execution


def test_a_span_comes_back_as_it_was_written(store: Store) -> None:
    span = Span(
        id=span_id(7),
        execution_id="run-1",
        kind=SpanKind.LLM,
        name="gpt-4o",
        agent="my_agent",
        status=Status.FAILED,
        started_at=T,
        ended_at=T + 5,
        parent_id=span_id(6),
        trace_id="0af7651916cd43dd8448eb211c80319c",
        execution_source="header",
        session_id="s",
        user="u",
        time_to_first_chunk=3,
        error="boom",
        error_type="server_error",
        inferred=True,
        provider="openai",
        endpoint="chat/completions",
        request_model="gpt-4o",
        response_model="gpt-4o-2024-08-06",
        response_id="chatcmpl-1",
        stream=False,
        http_status=500,
        outcome="completed",
        attempt=2,
        usage=Usage(
            input=10,
            output=0,
            cache_read=1,
            cache_write=2,
            cache_write_1h=1,
            reasoning=4,
            audio_input=5,
            audio_output=6,
            audio_cache_read=7,
            image_input=8,
            image_output=9,
            units={"web_search": Decimal("1.5")},
            source=UsageSource.ESTIMATED,
            provider_cost=Decimal("0.0000000000001"),
            service_tier="flex",
            raw={"prompt_tokens": 10},
        ),
        cost=Cost(
            total=Decimal("0.000012345"),
            source=CostSource.PROVIDER,
            lines=[CostLine(unit="input", quantity=Decimal(10), rate=Decimal("0.00000015"), tier="flex")],
            price_model="gpt-4o",
            price_version="genai-prices 2025-06-01",
            estimated=True,
        ),
        finish_reason="stop",
        tool_calls=[ToolCall(name="search", id="c", arguments={"q": ["日本", 1.5, None]})],
        input_preview="héllo 🎉",
        output_preview="",
        tags={"team": "red"},
        attributes={"nested": {"a": [1, 2]}},
    )
    store.write(Batch(spans=[span]))
    assert store.span(span.id) == span


def test_an_unknown_cost_is_not_the_same_as_no_cost(store: Store) -> None:
    store.write(Batch(spans=[llm(1, cost=cost(None)), llm(2, cost=None), llm(3, cost=cost("0"))]))
    read = [store.span(span_id(number)) for number in (1, 2, 3)]
    assert [span and span.cost for span in read] == [cost(None), None, cost("0")]
    assert only_execution(store).cost.unknown_calls == 1


def test_an_execution_sums_its_spans(store: Store) -> None:
    store.write(
        Batch(
            spans=[
                llm(1, tool_calls=asks("search", "search", "read")),
                tool(2, T + 2 * SECOND),
                failed(3, T + 3 * SECOND),
                llm(4, T + 5 * SECOND, cost=cost("0.0000005", estimated=True)),
                llm(5, T + 7 * SECOND, cost=cost(None)),
                running(6, T + 9 * SECOND),
            ]
        )
    )
    execution = only_execution(store)
    assert (execution.llm_calls, execution.running_calls, execution.errors, execution.spans) == (5, 1, 1, 6)
    assert execution.tool_calls == 1
    assert (execution.tokens.input, execution.tokens.output, execution.tokens.cache_read) == (300, 60, 120)
    assert execution.cost.billed == Decimal("0.001")
    assert execution.cost.estimated == Decimal("0.0000005")
    assert execution.cost.unknown_calls == 1
    assert execution.last_activity_at == T + 9 * SECOND


def test_tools_that_were_asked_for_count_until_one_is_known_to_have_run(store: Store) -> None:
    store.write(Batch(spans=[llm(1, tool_calls=asks("search", "read"))]))
    assert only_execution(store).tool_calls == 2
    store.write(Batch(spans=[tool(2, T + SECOND)]))
    assert only_execution(store).tool_calls == 1


def test_writing_a_batch_again_changes_nothing(store: Store) -> None:
    batch = Batch(
        spans=[llm(1, tags={"team": "red"}), failed(2, T + SECOND), tool(3, T + 2)],
        executions=[declared()],
        metrics=[Metric(execution_id="run-1", name="items", value=42, at=T)],
        positions={"a.kj": 10},
    )
    store.write(batch)
    before = store.executions(), store.costs("model"), store.agent_summary("my_agent"), store.metrics("run-1")
    store.write(batch)
    assert (store.executions(), store.costs("model"), store.agent_summary("my_agent"), store.metrics("run-1")) == before


def test_a_finished_span_never_runs_again(store: Store) -> None:
    store.write(Batch(spans=[llm()]))
    store.write(Batch(spans=[running()]))
    assert store.span(span_id(1)) == llm()
    assert only_execution(store).running_calls == 0


def test_a_start_and_an_end_in_one_batch_are_one_call_in_any_order(store: Store) -> None:
    store.write(Batch(spans=[running(1), llm(1), llm(2), running(2)]))
    assert (only_execution(store).llm_calls, only_execution(store).running_calls) == (2, 0)


def test_a_real_end_beats_a_cut_and_a_cut_never_beats_an_end(store: Store) -> None:
    store.write(Batch(spans=[running()]))
    assert store.mark_interrupted([span_id(1)], T + SECOND) == 1
    assert only_execution(store).status is Status.INTERRUPTED
    store.write(Batch(spans=[llm()]))
    assert store.mark_interrupted([span_id(1)], T + SECOND) == 0
    store.write(Batch(spans=[running(status=Status.INTERRUPTED, ended_at=T + SECOND)]))
    assert store.span(span_id(1)) == llm()
    assert only_execution(store).status is Status.COMPLETED


def test_an_interrupted_call_has_an_end_and_an_unknown_cost(store: Store) -> None:
    store.write(Batch(spans=[running(1), running(2, T + SECOND)]))
    assert [span.id for span in store.running_spans()] == [span_id(1), span_id(2)]
    assert [span.id for span in store.running_spans([span_id(2), "unknown"])] == [span_id(2)]
    store.mark_interrupted([span_id(1), span_id(2)], T + SECOND // 2)
    assert store.running_spans() == []
    second = store.span(span_id(2))
    assert second is not None and second.ended_at == second.started_at
    assert only_execution(store).cost.unknown_calls == 2


def test_a_later_reading_of_a_call_replaces_it(store: Store) -> None:
    store.write(Batch(spans=[llm(1, tags={"team": "red"}, tool_calls=asks("search"))]))
    store.write(Batch(spans=[llm(1, agent="other", usage=Usage(input=7, output=1), cost=cost("0.5"), ended_at=T + 9)]))
    execution = only_execution(store)
    assert (execution.tokens.input, execution.cost.billed, execution.tool_calls) == (7, Decimal("0.5"), 0)
    assert execution.ended_at == T + 9
    assert [(row.key, row.cost.billed) for row in store.costs("agent")] == [("other", Decimal("0.5"))]
    assert [row.key for row in store.costs("tag:team")] == [None]


def test_a_call_that_moves_to_another_run_leaves_nothing_behind(store: Store) -> None:
    store.write(Batch(spans=[llm(1), llm(2, T + DAY, execution_id="run-2")]))
    store.write(Batch(spans=[llm(2, T + DAY, execution_id="run-1")]))
    execution = only_execution(store)
    assert (execution.id, execution.llm_calls, execution.ended_at) == ("run-1", 2, T + DAY + 2 * SECOND)
    store.write(Batch(spans=[llm(2, T + DAY, execution_id="run-3")]))
    first = store.find_execution("run-1")[0]
    assert (first.llm_calls, first.ended_at) == (1, T + 2 * SECOND)


def test_an_undeclared_run_follows_its_calls(store: Store) -> None:
    store.write(Batch(spans=[running(1)]))
    assert (only_execution(store).status, only_execution(store).ended_at) == (Status.RUNNING, None)
    store.write(Batch(spans=[failed(1)]))
    assert (only_execution(store).status, only_execution(store).error) == (Status.FAILED, "Rate limit reached")
    store.write(Batch(spans=[llm(2, T + 5 * SECOND)]))
    execution = only_execution(store)
    assert (execution.status, execution.error, execution.duration) == (Status.COMPLETED, None, 7 * SECOND)


def test_a_declared_run_ends_when_its_end_is_told(store: Store) -> None:
    store.write(Batch(executions=[declared()]))
    store.write(Batch(spans=[llm(1)]))
    assert only_execution(store).status is Status.RUNNING
    end = declared(Status.FAILED, ended_at=T + 9 * SECOND, error="ValueError")
    store.write(Batch(executions=[end]))
    store.write(Batch(executions=[declared()], spans=[llm(2, T + SECOND)]))
    execution = only_execution(store)
    assert (execution.status, execution.error, execution.duration) == (Status.FAILED, "ValueError", 9 * SECOND)
    store.write(Batch(executions=[declared(at=T + DAY)]))
    assert only_execution(store).status is Status.RUNNING


def test_what_is_declared_wins_over_what_calls_tell(store: Store) -> None:
    store.write(Batch(spans=[llm(1, agent="default", session_id="s1", execution_source="session")]))
    store.write(Batch(spans=[llm(2, agent="claude-code", input_preview="What is it?")]))
    assert (only_execution(store).agent, only_execution(store).source) == ("claude-code", "session")
    said = declared(agent="real", source="sdk", user="u", tags={"a": "1"}, attributes={"x": 1}, at=T - SECOND)
    store.write(Batch(executions=[said]))
    undeclared = Execution(
        id="run-1", agent="other", status=Status.RUNNING, started_at=T, source="late", tags={"b": "2"}
    )
    store.write(Batch(executions=[undeclared]))
    execution = only_execution(store)
    assert (execution.agent, execution.source, execution.session_id, execution.user) == ("real", "sdk", "s1", "u")
    assert (execution.tags, execution.attributes) == ({"a": "1", "b": "2"}, {"x": 1})
    assert (execution.started_at, execution.preview) == (T - SECOND, "What is it?")


def test_the_preview_is_the_question_of_the_first_call(store: Store) -> None:
    store.write(Batch(spans=[llm(2, T + SECOND, input_preview="second")]))
    store.write(Batch(spans=[llm(1, T, input_preview="first " * 100)]))
    assert only_execution(store).preview == ("first " * 100)[:200]
    store.write(Batch(spans=[llm(3, T - SECOND, input_preview="A title for this?", attributes={"side": "title"})]))
    assert only_execution(store).preview == ("first " * 100)[:200]


def test_hostile_text_and_numbers_are_stored_and_break_nothing(store: Store) -> None:
    nasty = "a\x00b\ud800c\x1b[31m"
    span = llm(
        1,
        name=nasty,
        agent=nasty,
        response_model="m" * 100_000,
        error=nasty,
        tags={nasty: nasty * 1000},
        attributes={"x": nasty, "n": float("nan")},
        tool_calls=asks(nasty, "t" * 10_000),
        usage=Usage(input=2**70, output=-5, raw={"big": 2**80}),
        cost=Cost(total=Decimal("1e30"), source=CostSource.PROVIDER),
        user="u\x00",
    )
    store.write(Batch(spans=[span], metrics=[Metric(execution_id="run-1", name="m", value=float("inf"), at=T)]))
    read = store.span(span_id(1))
    assert read is not None and read.usage is not None
    assert read.name.startswith("a\ufffdb") and read.usage.input is None
    assert only_execution(store).cost.unknown_calls == 1
    assert len(store.agent_summary(read.agent).models[0].model or "") == 200
    assert len(list(store.export_spans())) == 1


def test_keys_that_are_too_long_stay_distinct(store: Store) -> None:
    store.write(Batch(spans=[llm(1, execution_id="x" * 5000 + "a"), llm(2, execution_id="x" * 5000 + "b")]))
    assert len({execution.id for execution in store.executions()}) == 2


def test_positions_are_kept_and_dropped_with_their_files(store: Store) -> None:
    store.write(Batch(positions={"a.kj": 10, "b.kj": 20}))
    store.write(Batch(positions={"a.kj": 30}, finished_files=["b.kj"]))
    assert store.positions() == {"a.kj": 30}


def test_a_batch_is_written_whole_or_not_at_all(store: Store) -> None:
    store.write(Batch(spans=[llm(1)], positions={"a.kj": 1}))
    broken = llm(3)
    broken.started_at = None  # type: ignore[assignment]
    with pytest.raises((StoreError, TypeError)):
        store.write(Batch(spans=[llm(2), broken], positions={"a.kj": 2}))
    assert (only_execution(store).llm_calls, store.positions()) == (1, {"a.kj": 1})
    too_far = 2**70
    with pytest.raises((StoreError, OverflowError)):
        store.write(Batch(spans=[llm(2)], positions={"a.kj": too_far}))
    assert (only_execution(store).llm_calls, store.positions()) == (1, {"a.kj": 1})


def test_a_batch_larger_than_a_group_of_variables(store: Store) -> None:
    spans = [llm(number, T + number, execution_id=f"run-{number % 700}") for number in range(1500)]
    store.write(Batch(spans=spans))
    store.write(Batch(spans=spans))
    assert store.overview().llm_calls == 1500
    assert len(store.executions(limit=1000)) == 700
