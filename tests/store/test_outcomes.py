"""What an undeclared run came to: a table of what happened in it, in the order in which it ended."""

from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import text

from kagura.model import Span, SpanKind, Status
from kagura.store import Batch, Store
from kagura.store.migrations import MIGRATIONS, migrate
from tests.store.things import SECOND, T, llm, span_id, tool

OK, FAILED, CUT = Status.COMPLETED, Status.FAILED, Status.INTERRUPTED


def ended(number: int, status: Status, **changes: Any) -> Span:
    error = f"error of {number}" if status is FAILED else None
    at = T + number * SECOND
    return llm(number, at, **{"ended_at": at, "status": status, "error": error, "endpoint": "messages"} | changes)


def request(number: int, status: Status, **changes: Any) -> Span:
    """A request that calls no model, such as for a list of models."""
    return ended(number, status, **{"kind": SpanKind.SPAN, "endpoint": "models", "response_model": None} | changes)


def side(number: int, status: Status, what: str = "title", **changes: Any) -> Span:
    return ended(number, status, attributes={"side": what}, **changes)


def agent(number: int, status: Status, **changes: Any) -> Span:
    return ended(number, status, kind=SpanKind.AGENT, endpoint=None, **changes)


CASES = {
    "a list of models": ([request(1, OK)], OK, None),
    "the provider cannot be reached": ([request(1, FAILED)], FAILED, 1),
    "models are asked for again": ([request(1, FAILED), request(2, OK)], OK, None),
    "models cannot be had, the call works": ([request(1, FAILED), ended(2, OK)], OK, None),
    "the call works, then models cannot be had": ([ended(1, OK), request(2, FAILED)], OK, None),
    "the call fails, then models can be had": ([ended(1, FAILED), request(2, OK)], FAILED, 1),
    "tokens are counted": ([request(1, OK, endpoint="count_tokens", attributes={"side": "count"})], OK, None),
    "tokens cannot be counted": (
        [request(1, FAILED, endpoint="count_tokens", attributes={"side": "count"}, http_status=400)],
        FAILED,
        1,
    ),
    "a probe that hears `not found`": ([request(1, FAILED, attributes={"side": "probe"}, http_status=404)], OK, None),
    "a probe that reaches nobody": ([request(1, FAILED, attributes={"side": "probe"})], FAILED, 1),
    "all calls are refused": ([ended(1, FAILED, http_status=401), ended(2, FAILED, http_status=401)], FAILED, 2),
    "all calls are cancelled": ([ended(1, CUT), ended(2, CUT)], CUT, None),
    "a call is refused, then cancelled": ([ended(1, FAILED), ended(2, CUT)], CUT, None),
    "a retry works": ([ended(1, FAILED), ended(2, OK, attempt=2, first_attempt_id=span_id(1))], OK, None),
    "the last call fails": ([ended(1, OK), ended(2, FAILED)], FAILED, 2),
    "the title fails, the work is done": ([ended(1, OK), side(2, FAILED)], OK, None),
    "the title comes, the work fails": ([ended(1, FAILED), side(2, OK)], FAILED, 1),
    "only the title was asked for": ([side(1, FAILED)], FAILED, 1),
    "embeddings fail": ([ended(1, OK), ended(2, FAILED, kind=SpanKind.EMBEDDING)], FAILED, 2),
    "a tool fails": ([ended(1, OK), tool(2, status=FAILED, error="no")], OK, None),
    "only a tool, and it fails": ([tool(1, status=FAILED, error="no")], OK, None),
    "the agent fails after its call": ([ended(1, OK), agent(2, FAILED)], FAILED, 2),
    "the agent gets over a failed call": ([ended(1, FAILED), agent(2, OK)], OK, None),
    "a sub-agent fails": ([ended(1, OK), agent(2, FAILED, parent_id=span_id(9))], OK, None),
    "a sub-agent that was inferred fails": ([ended(1, OK), agent(2, FAILED, inferred=True)], OK, None),
}


@pytest.fixture
def sqlite() -> Any:
    with Store.open("sqlite://") as store:
        yield store


@pytest.mark.parametrize("case", CASES)
def test_what_a_run_came_to_in_whatever_order_it_was_recorded(case: str, sqlite: Store) -> None:
    spans, status, error_of = CASES[case]
    error = f"error of {error_of}" if error_of else None
    for order in permutations(spans):
        for span in order:
            sqlite.write(Batch(spans=[span]))
        assert outcome(sqlite) == (status, error)
        sqlite.write(Batch(removed=[span.id for span in spans]))


def test_the_same_is_found_when_a_span_is_taken_away(store: Store) -> None:
    for spans, status, error_of in CASES.values():
        store.write(Batch(spans=[*spans, ended(7, FAILED)]))
        store.write(Batch(removed=[span_id(7)]))
        assert outcome(store) == (status, f"error of {error_of}" if error_of else None)
        store.write(Batch(removed=[span.id for span in spans]))


def test_an_older_database_keeps_what_it_knew_of_last_calls(store: Store) -> None:
    store.write(Batch(spans=[ended(1, OK), request(2, FAILED, execution_id="run-2")]))
    with store.writing() as connection:
        connection.execute(text("ALTER TABLE executions DROP COLUMN last_call_weight"))
        connection.execute(text("UPDATE schema_version SET version = 8"))
        migrate(connection, MIGRATIONS[:8])
    store.write(Batch(spans=[request(3, FAILED), request(4, FAILED, execution_id="run-2")]))
    runs = {run.id: run.status for run in store.executions()}
    assert runs == {"run-1": OK, "run-2": FAILED}


def outcome(store: Store) -> tuple[Status, str | None]:
    (run,) = store.executions()
    return run.status, run.error
