"""Attempts are counted as what they are, and results that can be fetched again are known again."""

from decimal import Decimal

from kagura.model import Status
from kagura.store import Batch, Store
from tests.store.things import DAY, SECOND, T, cost, failed, llm, running, span_id


def test_attempts_of_one_step_are_one_call_and_all_their_costs(store: Store) -> None:
    first = failed(1, cost=cost("0.002", estimated=True))
    second = failed(2, T + SECOND, attempt=2, first_attempt_id=span_id(1))
    third = llm(3, T + 2 * SECOND, attempt=3, first_attempt_id=span_id(1))
    store.write(Batch(spans=[first, second, third]))
    (row,) = store.executions()
    assert (row.llm_calls, row.retries, row.errors, row.spans) == (1, 2, 2, 3)
    assert (row.cost.billed, row.cost.estimated) == (Decimal("0.001"), Decimal("0.002"))
    overview = store.overview()
    assert (overview.llm_calls, overview.retries, overview.errors) == (1, 2, 2)
    (model,) = [model for model in store.agent_summary("my_agent").models if model.model == "gpt-4o-2024-08-06"]
    assert model.calls == 1
    for by in ("model", "user", "agent"):
        assert sum(row.calls for row in store.costs(by)) == 1
    assert [row["attempt"] for row in store.export_spans()] == [1, 2, 3]
    assert [row["first_attempt_id"] for row in store.export_spans()] == [None, span_id(1), span_id(1)]


def test_a_call_that_turns_out_to_be_a_retry_leaves_the_count(store: Store) -> None:
    store.write(Batch(spans=[llm(1), llm(2, execution_id="run-2")]))
    assert store.overview().llm_calls == 2
    store.write(Batch(spans=[llm(2, attempt=2, first_attempt_id=span_id(1))]))
    (row,) = store.executions()
    assert (row.id, row.llm_calls, row.retries) == ("run-1", 1, 1)
    assert store.overview().llm_calls == 1


def test_unfinished_spans_come_with_what_followed_on_them(store: Store) -> None:
    again = llm(2, T + SECOND, attempt=2, first_attempt_id=span_id(1))
    store.write(Batch(spans=[failed(1), again, llm(3), running(4), llm(5, status=Status.INTERRUPTED)]))
    assert [span.id for span in store.unfinished_spans(100)] == [span_id(n) for n in (1, 4, 5, 2)]
    assert [span.id for span in store.unfinished_spans(0)] == []


def test_results_are_known_again_and_the_last_word_counts(store: Store) -> None:
    store.write(Batch(spans=[llm(1)], results={"openai resp_1": span_id(1), "x" * 5000: span_id(2)}))
    store.write(Batch(results={"openai resp_1": span_id(3)}))
    assert store.result_spans(["openai resp_1", "x" * 5000, "nobody"]) == {
        "openai resp_1": span_id(3),
        "x" * 5000: span_id(2),
    }
    assert list(store.known_spans([span_id(1), span_id(9)])) == [span_id(1)]


def test_results_go_with_retention(store: Store) -> None:
    store.write(Batch(results={"a": span_id(1)}))
    store.prune(days=30, content_days=None)
    assert store.result_spans(["a"])
    store.prune(days=30, content_days=None, now=T + 10_000 * DAY)
    assert not store.result_spans(["a"])
