from kagura.dashboard.hints import covered, hints
from kagura.model import SpanKind, Status
from tests.dashboard.samples import SECOND, at, llm, my_run, my_spans, span


def test_model_calls_that_take_most_of_the_time_are_worth_a_word() -> None:
    run = my_run(ended_at=at(17, 45, 23) + 5_730_000)
    [hint] = hints(run, my_spans())
    assert hint.finding == "LLM calls taking 75% of time"
    assert hint.advice == "Consider caching or using faster model"


def test_below_seventy_percent_nothing_is_said() -> None:
    assert hints(my_run(ended_at=at(17, 45, 23) + 6_150_000), my_spans()) == []


def test_a_run_of_model_calls_alone_has_nothing_to_compare() -> None:
    assert hints(my_run(), [llm("a", 0, 7, 1, 1, "")]) == []


def test_a_run_that_still_runs_is_not_judged() -> None:
    assert hints(my_run(status=Status.RUNNING, ended_at=None), my_spans()) == []


def test_the_same_tool_call_three_times_is_worth_a_word() -> None:
    def searches(*questions: str) -> list[str]:
        calls = [
            span(str(n), SpanKind.TOOL, "search", n, 1, input_preview=f'{{"q": "{question}"}}')
            for n, question in enumerate(questions)
        ]
        return [hint.finding for hint in hints(my_run(), calls)]

    assert searches("a", "a", "b", "a") == ['The same tool call 3 times: search(q="a")']
    assert searches("a", "a", "b", "c") == []


def test_calls_at_the_same_time_cover_it_once() -> None:
    spans = [llm("a", 0, 2, 1, 1, ""), llm("b", 1, 3, 1, 1, ""), llm("c", 1.5, 0.1, 1, 1, ""), llm("d", 6, 1, 1, 1, "")]
    assert covered(spans) == 5 * SECOND
