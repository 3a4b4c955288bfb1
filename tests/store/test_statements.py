"""Rows by their keys, however many, and runs of which nothing is stored."""

import pytest

from kagura.store import Batch, Store
from kagura.store.schema import spans
from kagura.store.statements import rows_of
from tests.store.things import llm, span_id


@pytest.mark.parametrize("number", [1, 8, 9, 65, 501])
def test_rows_come_once_each_and_in_order_for_any_number_of_keys(store: Store, number: int) -> None:
    store.write(Batch(spans=[llm(n) for n in range(1, number + 1)]))
    wanted = [span_id(n) for n in range(1, number + 2)]
    with store.writing() as connection:
        rows = list(rows_of(connection, spans, wanted, ("id", "status")))
    assert [row["id"] for row in rows] == wanted[:-1]
    assert {row["status"] for row in rows} == {"completed"}


def test_no_keys_give_no_rows(store: Store) -> None:
    with store.writing() as connection:
        assert list(rows_of(connection, spans, [])) == []


def test_runs_without_spans_are_told_from_those_with_some(store: Store) -> None:
    store.write(Batch(spans=[llm(1, execution_id="known"), llm(2, execution_id="x" * 300)]))
    assert store.without_spans(["known", "x" * 300, "new"]) == {"new"}
