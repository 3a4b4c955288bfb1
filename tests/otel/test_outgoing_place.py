"""Where spans stand: in the caller's trace where there is one, else in one that follows from the execution."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from kagura.model import Execution, Span, Status
from kagura.otel.outgoing_ids import Caller, read_traceparent, root_id_of, sent_id, trace_id_of
from kagura.otel.outgoing_place import Places, origin_of
from tests.store.things import T, declared, llm, span_id, tool

TRACE, CALLER = "a" * 32, "b" * 16


class Known:
    """What a store would find."""

    def __init__(self, spans: Iterable[Span] = (), executions: Iterable[Execution] = ()) -> None:
        self._spans = {span.id: span for span in spans}
        self._executions = {execution.id: execution for execution in executions}

    def spans(self, ids: Iterable[str]) -> dict[str, Span]:
        return {id: self._spans[id] for id in ids if id in self._spans}

    def executions(self, ids: Iterable[str]) -> dict[str, Execution]:
        return {id: self._executions[id] for id in ids if id in self._executions}

    def first_traced(self, execution_ids: Iterable[str], own: Callable[[str], str]) -> dict[str, Span]:
        wanted = set(execution_ids)
        known = [span for span in self._spans.values() if span.trace_id and span.execution_id in wanted]
        return {span.execution_id: span for span in reversed(known) if span.trace_id != own(span.execution_id)}


def traced(number: int = 1, trace: str = TRACE, caller: str = CALLER, **changes: Any) -> Span:
    """A call whose request carried its caller's traceparent."""
    headers = {"traceparent": f"00-{trace}-{caller}-01"}
    return llm(number, trace_id=trace, attributes={"target": "/v1/x", "headers": headers}, **changes)


def placed(span: Span, *others: Span, runs: Iterable[Execution] = ()) -> tuple[str, str | None]:
    """The trace and the parent of a span that the store holds with others."""
    places = Places(Known([span, *others], runs))
    places.know([span])
    found = places.of_span(span)
    assert found.span_id == span.id
    return found.trace_id, found.parent_id


def test_without_a_caller_all_stands_below_its_execution() -> None:
    run = declared()
    trace, root = placed(llm(1), runs=[run])
    assert (trace, root) == (trace_id_of("run-1"), root_id_of("run-1"))
    assert placed(tool(2, inferred=True), runs=[run]) == (trace, root)
    places = Places(Known([], [run]))
    assert places.of_execution(run) == (trace, root, None)


def test_ids_follow_from_the_execution_alone() -> None:
    assert trace_id_of("run-1") == trace_id_of("run-1") != trace_id_of("run-2")
    assert (len(trace_id_of("x")), len(root_id_of("x")), len(sent_id("no id"))) == (32, 16, 16)
    assert sent_id(span_id(7)) == span_id(7)
    assert sent_id("0" * 16) != "0" * 16


def test_a_call_stands_below_the_span_that_made_it() -> None:
    assert placed(traced()) == (TRACE, CALLER)
    other = traced(2, trace="c" * 32, caller="d" * 16)
    assert placed(other, traced(), runs=[declared()]) == placed(other, traced()) == ("c" * 32, "d" * 16)


def test_what_lies_below_such_a_call_follows_it() -> None:
    call = traced(1)
    below = tool(2, parent_id=call.id)
    further = tool(3, parent_id=below.id)
    assert placed(below, call) == (TRACE, call.id)
    assert placed(further, below, call) == (TRACE, below.id)


def test_a_tool_of_such_an_execution_stands_below_the_call_that_asked_for_it() -> None:
    call = traced(1)
    assert placed(tool(2, inferred=True, attributes={"asked_by": call.id}), call) == (TRACE, call.id)
    assert placed(tool(3, inferred=True), call) == (TRACE, CALLER)


def test_such_an_execution_has_no_span_of_its_own_unless_somebody_declared_it() -> None:
    undeclared = Execution(id="run-1", agent="a", status=Status.COMPLETED, started_at=T)
    assert Places(Known([traced()], [undeclared])).of_execution(undeclared) is None
    found = Places(Known([traced()], [declared()])).of_execution(declared())
    assert found == (trace_id_of("run-1"), root_id_of("run-1"), None)


def test_the_sdk_is_no_other_program() -> None:
    own = traced(1, trace=trace_id_of("run-1"), caller=span_id(9), parent_id=span_id(9))
    assert placed(own, tool(9), runs=[declared()]) == (trace_id_of("run-1"), span_id(9))
    assert placed(traced(1, trace=trace_id_of("run-1")), runs=[declared()])[1] == root_id_of("run-1")


def test_a_parent_that_nobody_knows_yet_is_named_all_the_same() -> None:
    assert placed(llm(1, parent_id=span_id(9))) == (trace_id_of("run-1"), span_id(9))


def test_child_executions_stand_in_the_trace_of_the_first() -> None:
    runs = [
        declared(id="top"),
        declared(id="middle", parent_execution_id="top"),
        declared(id="low", parent_execution_id="middle"),
    ]
    places = Places(Known([], runs))
    found = [places.of_execution(run) for run in reversed(runs)]
    assert found == [
        (trace_id_of("top"), root_id_of("low"), root_id_of("middle")),
        (trace_id_of("top"), root_id_of("middle"), root_id_of("top")),
        (trace_id_of("top"), root_id_of("top"), None),
    ]
    assert placed(llm(1, execution_id="low"), runs=runs) == (trace_id_of("top"), root_id_of("low"))


def test_cycles_end() -> None:
    spans = [tool(1, parent_id=span_id(2)), tool(2, parent_id=span_id(1)), tool(3, parent_id=span_id(3))]
    runs = [declared(id="run-1", parent_execution_id="run-2"), declared(id="run-2", parent_execution_id="run-1")]
    for span in spans:
        assert len(placed(span, *spans, runs=runs)[0]) == 32
    assert Places(Known(spans, runs)).of_execution(runs[0])


def test_what_came_in_over_otlp_keeps_its_ids_and_those_of_others_point_to_them() -> None:
    origin = {"trace_id": TRACE, "span_id": CALLER, "parent_id": "c" * 16}
    told = tool(1, trace_id=TRACE, attributes={"otel": origin})
    found = Places(Known([told])).of_span(told)
    assert found == (TRACE, CALLER, "c" * 16)
    assert placed(tool(2, inferred=True, parent_id=told.id), told) == (TRACE, CALLER)
    assert placed(tool(3, inferred=True), told) == (TRACE, CALLER)
    undeclared = Execution(id="run-1", agent="a", status=Status.COMPLETED, started_at=T)
    assert Places(Known([told], [undeclared])).of_execution(undeclared) is None


def test_a_call_that_was_told_of_as_well_stays_the_relays() -> None:
    call = traced(1)
    call.attributes["otel"] = {"trace_id": TRACE, "span_id": "d" * 16}
    assert origin_of(call) is None
    assert placed(call) == (TRACE, CALLER)


def test_where_all_is_sent_a_call_takes_the_place_of_its_report() -> None:
    def told(number: int, span: str, **changes: Any) -> Span:
        return tool(number, trace_id=TRACE, attributes={"otel": {"trace_id": TRACE, "span_id": span}}, **changes)

    agent = told(1, "1" * 16)
    call = traced(2, parent_id=agent.id)
    call.attributes["otel"] = {"trace_id": TRACE, "span_id": CALLER, "parent_id": "1" * 16}
    below = told(3, "3" * 16, parent_id=call.id)
    below.attributes["otel"]["parent_id"] = CALLER
    places = Places(Known([agent, call, below]), with_received=True)
    assert places.of_span(agent) == (TRACE, "1" * 16, None)
    assert places.of_span(call) == (TRACE, call.id, "1" * 16)
    assert places.of_span(below) == (TRACE, "3" * 16, call.id)
    call.parent_id = None
    assert places.of_span(call) == (TRACE, call.id, None)
    assert Places(Known([agent, call, below])).of_span(call) == (TRACE, call.id, CALLER)


def test_what_a_log_told_of_is_in_no_trace_yet() -> None:
    told = tool(1, attributes={"otel": {"event": "claude_code.tool_result"}})
    assert origin_of(told) is None
    assert placed(told, runs=[declared()]) == (trace_id_of("run-1"), root_id_of("run-1"))


@pytest.mark.parametrize(
    "header",
    [
        "",
        "00",
        f"ff-{TRACE}-{CALLER}-01",
        f"00-{'0' * 32}-{CALLER}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{CALLER}",
        f"00-{'g' * 32}-{CALLER}-01",
        None,
        7,
    ],
)
def test_a_malformed_traceparent_says_nothing(header: object) -> None:
    assert read_traceparent(header) is None


def test_traceparents_of_today_and_tomorrow_are_read() -> None:
    assert read_traceparent(f"00-{TRACE}-{CALLER}-00") == Caller(TRACE, CALLER)
    assert read_traceparent(f" 01-{TRACE.upper()}-{CALLER}-01-more") == Caller(TRACE, CALLER)
