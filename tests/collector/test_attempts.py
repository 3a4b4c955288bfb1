"""A request that is sent again after it went wrong is another attempt of one step, not a second step."""

from decimal import Decimal
from typing import Any

import pytest

from kagura.journal import Ended, JournalWriter, Started
from kagura.model import Outcome, Span, Status
from kagura.store import ExecutionRow, Store
from tests.collector.recorded import SECOND, Recorder, T, sse

ASKED = {"model": "gpt-4o", "messages": [{"role": "user", "content": "How many?"}]}
ANSWER = {
    "id": "chatcmpl-1",
    "model": "gpt-4o-2024-08-06",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Four."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1000, "completion_tokens": 200, "total_tokens": 1200},
}
LIMITED = {"error": {"message": "Rate limit reached", "type": "rate_limit_error"}}

Pair = tuple[Started, Ended]


def refused(recorder: Recorder, at: int = T, **fields: Any) -> Pair:
    start = recorder.ask(ASKED, at=at, **fields)
    return start, recorder.answer(start, LIMITED, status=429)


def answered(recorder: Recorder, at: int, request: Any = ASKED, **fields: Any) -> Pair:
    start = recorder.ask(request, at=at, **fields)
    return start, recorder.answer(start, ANSWER)


def attempts(recorder: Recorder) -> list[tuple[int, str | None]]:
    return [(span.attempt, span.first_attempt_id) for span in recorder.spans()]


def executions(recorder: Recorder) -> list[ExecutionRow]:
    with Store.open(recorder.settings.db_url, read_only=True) as store:
        return store.executions()


def test_attempts_are_numbered_joined_and_counted_as_one_call(recorder: Recorder) -> None:
    """Fact: SDK retries resend an identical body, with no idempotency key and often no count."""
    recorder.store(*refused(recorder), *refused(recorder, T + 2 * SECOND), *answered(recorder, T + 5 * SECOND))
    first = recorder.spans()[0]
    assert attempts(recorder) == [(1, None), (2, first.id), (3, first.id)]
    assert [span.execution_source for span in recorder.spans()] == ["call", "retry", "retry"]
    (run,) = executions(recorder)
    assert run.id == first.execution_id
    assert (run.llm_calls, run.retries, run.errors, run.status) == (1, 2, 2, Status.COMPLETED)
    assert run.cost.billed == Decimal("0.0045")


def test_a_cut_stream_and_its_repetition_are_one_step_that_costs_both(recorder: Recorder) -> None:
    """Fact: after a cut stream claude-code and codex resend the same turn."""
    start = recorder.ask(ASKED, execution_id="run-1", execution_source="header")
    chunk = {"id": "c", "model": "gpt-4o", "choices": [{"index": 0, "delta": {"content": "Fo"}}]}
    cut = recorder.answer(start, sse(chunk), outcome=Outcome.UPSTREAM_ERROR, error="connection reset")
    again = answered(recorder, T + 2 * SECOND, execution_id="run-1", execution_source="header")
    recorder.store(start, cut, *again)
    assert attempts(recorder) == [(1, None), (2, start.id)]
    (run,) = executions(recorder)
    assert (run.llm_calls, run.retries) == (1, 1)
    assert run.cost.billed == Decimal("0.0045")
    assert run.cost.estimated > 0


@pytest.mark.parametrize(
    ("at", "changes"),
    [
        (T + 2 * SECOND, {"request": ASKED | {"temperature": 0}}),
        (T + 2 * SECOND, {"execution_id": "another"}),
        (T + 2 * SECOND, {"target": "/v1/responses"}),
        (T + 2 * SECOND, {"provider": "groq"}),
        (T + 2 * SECOND, {"agent": "another"}),
        (T + 2 * SECOND, {"headers": (("user-agent", "another/1.0"),)}),
        (T + 122 * SECOND, {}),
        (T + SECOND // 2, {}),
    ],
    ids=["body", "execution", "endpoint", "provider", "agent", "client", "too late", "before the end"],
)
def test_other_requests_are_steps_of_their_own(recorder: Recorder, at: int, changes: dict[str, Any]) -> None:
    recorder.store(*refused(recorder, execution_id="one"), *answered(recorder, at, **{"execution_id": "one"} | changes))
    assert attempts(recorder) == [(1, None), (1, None)]


def test_equal_requests_that_go_well_are_no_retries(recorder: Recorder) -> None:
    recorder.store(*answered(recorder, T), *answered(recorder, T + 2 * SECOND))
    assert attempts(recorder) == [(1, None), (1, None)]
    assert len(executions(recorder)) == 2


def test_each_failure_has_one_next_attempt(recorder: Recorder) -> None:
    """Five equal requests at once, two of them refused: two retries, and a later repetition is a call of its own."""
    both = [refused(recorder, T + n) for n in range(2)]
    well = [answered(recorder, T + 10 + n) for n in range(3)]
    again = [answered(recorder, T + 3 * SECOND + n) for n in range(3)]
    recorder.store(*(record for pair in (*both, *well, *again) for record in pair))
    firsts = [start.id for start, _ in both]
    assert attempts(recorder) == [*[(1, None)] * 5, (2, firsts[0]), (2, firsts[1]), (1, None)]


def test_a_client_that_gave_up_may_be_back_before_its_leaving_is_noticed(recorder: Recorder) -> None:
    start = recorder.ask(ASKED)
    left = recorder.answer(start, status=None, outcome=Outcome.CLIENT_CLOSED, after=60 * SECOND)
    recorder.store(start, *answered(recorder, T + 60 * SECOND - 50_000), left)
    assert attempts(recorder) == [(1, None), (2, start.id)]


def test_attempts_are_known_by_a_new_collector(recorder: Recorder) -> None:
    first = refused(recorder)
    recorder.store(*first)
    second = refused(recorder, T + 2 * SECOND)
    recorder.store(*second)
    recorder.store(*answered(recorder, T + 5 * SECOND))
    recorder.store(*answered(recorder, T + 8 * SECOND))
    id = first[0].id
    assert attempts(recorder) == [(1, None), (2, id), (3, id), (1, None)]


def test_an_attempt_that_runs_keeps_its_number_in_a_new_collector(recorder: Recorder) -> None:
    first = refused(recorder)
    recorder.store(*first)
    start, end = answered(recorder, T + 2 * SECOND)
    writer = JournalWriter(recorder.settings.journal_dir)
    writer.append(start)
    recorder.store()
    assert attempts(recorder) == [(1, None), (2, first[0].id)]
    writer.append(end)
    recorder.store()
    writer.close()
    (_, second) = recorder.spans()
    assert (second.attempt, second.first_attempt_id, second.status) == (2, first[0].id, Status.COMPLETED)
    (run,) = executions(recorder)
    assert (run.llm_calls, run.retries, run.running_calls) == (1, 1, 0)


@pytest.mark.parametrize("together", [True, False])
def test_the_next_attempt_may_be_read_first(recorder: Recorder, together: bool) -> None:
    """Two proxies keep a journal each, and the collector reads one after the other."""
    first, second = refused(recorder), refused(recorder, T + 2 * SECOND)
    third = answered(recorder, T + 5 * SECOND)
    if together:
        recorder.store(*second, *third, *first)
    else:
        writer = JournalWriter(recorder.settings.journal_dir)
        writer.append(first[0])
        recorder.store(*second)
        recorder.store(*third)
        writer.append(first[1])
        recorder.store()
        writer.close()
    id = first[0].id
    assert attempts(recorder) == [(1, None), (2, id), (3, id)]
    (run,) = executions(recorder)
    assert (run.llm_calls, run.retries) == (1, 2)


def test_a_retry_is_told_in_the_export(recorder: Recorder) -> None:
    recorder.store(*refused(recorder), *answered(recorder, T + 2 * SECOND))
    with Store.open(recorder.settings.db_url, read_only=True) as store:
        rows = list(store.export_spans())
    assert [(row["attempt"], row["first_attempt_id"]) for row in rows] == [(1, None), (2, rows[0]["id"])]


def costs(spans: list[Span]) -> list[Decimal | None]:
    return [span.cost.total if span.cost else None for span in spans]


def test_what_an_attempt_was_billed_stays_its_own(recorder: Recorder) -> None:
    start = recorder.ask(ASKED)
    failed = ANSWER | {"error": {"message": "filtered", "type": "content_filter"}}
    recorder.store(start, recorder.answer(start, failed), *answered(recorder, T + 3 * SECOND))
    assert attempts(recorder) == [(1, None), (2, start.id)]
    assert costs(recorder.spans()) == [Decimal("0.0045"), Decimal("0.0045")]
    assert executions(recorder)[0].cost.billed == Decimal("0.009")
