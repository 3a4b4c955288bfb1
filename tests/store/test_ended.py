from decimal import Decimal
from typing import Any

import pytest

from kagura.model import Span, SpanKind
from kagura.store import Batch, Store
from kagura.store.questions import EndedQuery
from tests.store.things import SECOND, T, cost, failed, llm, running


def numbers(spans: list[Span]) -> list[int]:
    return [int(span.id, 16) for span in spans]


@pytest.fixture
def calls(store: Store) -> Store:
    spans = [
        llm(1, T),
        llm(2, T + SECOND, ended_at=T + 9 * SECOND, cost=cost("0.5")),
        failed(3, T + 2 * SECOND),
        running(4, T + 3 * SECOND),
        llm(5, T + 4 * SECOND, agent="other", session_id="s-1", request_model="Claude-3", response_model=None),
        llm(6, T + 5 * SECOND, kind=SpanKind.TOOL, name="lint", usage=None, cost=None),
    ]
    store.write(Batch(spans=spans))
    return store


def test_the_latest_come_in_the_order_of_their_ends(calls: Store) -> None:
    assert numbers(calls.latest_ended(EndedQuery(), 10)) == [1, 3, 5, 2]
    assert numbers(calls.latest_ended(EndedQuery(), 2)) == [3, 5]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"agent": "other"}, [5]),
        ({"session": "s-1"}, [5]),
        ({"session": "run-1", "agent": "other"}, [5]),
        ({"model": "claude"}, [5]),
        ({"model": "%"}, []),
        ({"errors": True}, [3]),
        ({"min_cost": Decimal("0.5")}, [2]),
        ({"min_duration": 5 * SECOND}, [2]),
        ({"every_kind": True}, [1, 3, 5, 6, 2]),
    ],
)
def test_all_conditions_hold_together(calls: Store, query: dict[str, Any], found: list[int]) -> None:
    assert numbers(calls.latest_ended(EndedQuery(**query), 10)) == found


def test_since(calls: Store) -> None:
    assert numbers(calls.ended_since(EndedQuery(), started=T, ended=T + 6 * SECOND)) == [5, 2]
    assert numbers(calls.ended_since(EndedQuery(), started=T + 2 * SECOND, ended=T)) == [3, 5]


def test_the_oldest_that_runs(calls: Store) -> None:
    assert calls.oldest_running(T) == T + 3 * SECOND
    assert calls.oldest_running(T + 4 * SECOND) is None
