from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from kagura.dashboard.hints import RULES, Evidence, Hint, covered, hints
from kagura.dashboard.hints.models import family
from kagura.model import Cost, CostLine, CostSource, Execution, Span, SpanKind, Status, Usage
from kagura.pricing import Catalog
from kagura.store.prompts import Prompt
from tests.dashboard.samples import SECOND, at, llm, my_run, my_spans, span

CATALOG = Catalog.load()


def found(rule: str, run: Execution, spans: list[Span], prompts: dict[str, Prompt] | None = None) -> list[Hint]:
    """What one rule says, with the bundled prices at hand."""
    seen = Evidence(prompts, lambda: CATALOG)
    return [hint for hint in hints(run, spans, seen) if hint.rule == rule]


def words(*numbers: int) -> bytes:
    """The hashes of so many different messages."""
    return b"".join(number.to_bytes(16, "big") for number in numbers)


def call(id: str, start: float, tokens: int, out: int = 100, model: str = "gpt-4o", **more: Any) -> Span:
    """A call with what the catalogue says that it cost."""
    usage = Usage(input=tokens, output=out, cache_read=more.pop("cache_read", 0))
    provider = more.pop("provider", "openai")
    began = at(17, 45, 23) + round(start * SECOND)
    cost = CATALOG.cost(provider, model, model, usage, began)
    facts: dict[str, Any] = {"provider": provider, "request_model": model, "usage": usage, "cost": cost}
    return llm(id, start, 1, tokens, out, "", **{**facts, **more})


# ---- llm_time


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


def test_calls_at_the_same_time_cover_it_once() -> None:
    spans = [llm("a", 0, 2, 1, 1, ""), llm("b", 1, 3, 1, 1, ""), llm("c", 1.5, 0.1, 1, 1, ""), llm("d", 6, 1, 1, 1, "")]
    assert covered(spans) == 5 * SECOND


# ---- slow_first_token


def streams(*waits: float, took: float = 5) -> list[Span]:
    return [
        llm(str(n), n * 6, took, 10, 10, "", stream=True, time_to_first_chunk=round(wait * SECOND))
        for n, wait in enumerate(waits)
    ]


def test_first_tokens_that_are_long_in_coming() -> None:
    [hint] = found("slow_first_token", my_run(), streams(4, 3.5, 3))
    assert hint.finding == "The first token took 3.5s at the median of 3 streams, 70% of their time"


@pytest.mark.parametrize("spans", [streams(9, 9), streams(2, 2.9, 9), streams(4, 4, 4, took=20)])
def test_two_streams_or_short_waits_or_long_answers_are_no_evidence(spans: list[Span]) -> None:
    assert found("slow_first_token", my_run(), spans) == []


# ---- repeated_call


def test_the_same_request_three_times() -> None:
    spans = [call(str(n), n, 1000) for n in range(4)]
    prompts = {str(n): Prompt(words(1, 2), b"p") for n in range(3)} | {"3": Prompt(words(1, 2), b"q")}
    [hint] = found("repeated_call", my_run(), spans, prompts)
    assert hint.finding == "The same request was sent 3 times to gpt-4o; the repeats cost $0.0070"
    assert hint.saving == Decimal("0.0070")


def test_retries_and_two_of_a_kind_are_no_repetition() -> None:
    prompts = {str(n): Prompt(words(1)) for n in range(3)}
    assert found("repeated_call", my_run(), [call("0", 0, 10), call("1", 1, 10)], prompts) == []
    again = [call("0", 0, 10), call("1", 1, 10), call("2", 2, 10, attempt=2)]
    assert found("repeated_call", my_run(), again, prompts) == []
    other = [call("0", 0, 10), call("1", 1, 10), call("2", 2, 10, model="gpt-4o-mini")]
    assert found("repeated_call", my_run(), other, prompts) == []


# ---- repeated_tool_call


def test_the_same_tool_call_three_times_is_worth_a_word() -> None:
    def searches(*questions: str) -> list[str]:
        calls = [
            span(str(n), SpanKind.TOOL, "search", n, 1, input_preview=f'{{"q": "{question}"}}')
            for n, question in enumerate(questions)
        ]
        return [hint.finding for hint in hints(my_run(), calls)]

    assert searches("a", "a", "b", "a") == ['The same tool call 3 times (2.0s for the repeats): search(q="a")']
    assert searches("a", "a", "b", "c") == []


def test_a_tool_that_is_asked_until_something_changes_is_no_waste() -> None:
    def asked(arguments: str, *results: str) -> list[Hint]:
        calls = [
            span(str(n), SpanKind.TOOL, "run_tests", n, 1, input_preview=arguments, output_preview=result)
            for n, result in enumerate(results)
        ]
        return found("repeated_tool_call", my_run(), calls)

    assert asked('{"all": true}', "3 failed", "1 failed", "passed") == []
    assert asked('{"all": true}', "3 failed", "3 failed", "1 failed", "3 failed")
    assert asked('{"text": "' + "x" * 200, "ok", "ok", "ok") == []


# ---- cache_never_hit


def conversation(cache_read: int | None = 0, step: float = 10, **more: Any) -> tuple[list[Span], dict[str, Prompt]]:
    """Four turns, each with all before it: 2,000, 4,000, 6,000 and 8,000 tokens."""
    spans = [call(str(n), n * step, 2000 * (n + 1), cache_read=cache_read, **more) for n in range(4)]
    return spans, {str(n): Prompt(words(*range(2 * n + 1)), b"p") for n in range(4)}


def test_a_prefix_that_repeats_and_is_never_cached() -> None:
    [hint] = found("cache_never_hit", my_run(), *conversation())
    # 2,000 + 4,000 + 6,000 of 20,000 tokens came again; each costs $1.25 less for a million when read from the cache.
    assert hint.saving == Decimal("12000") * Decimal("0.00000125")
    assert hint.finding == (
        "No prompt cache was hit by gpt-4o, though 60% of 20,000 prompt tokens had been sent before; "
        "cached, they would have cost about $0.0150 less"
    )


def test_writing_to_a_cache_is_taken_off_what_it_saves() -> None:
    model: dict[str, Any] = {"model": "claude-sonnet-4-5", "provider": "anthropic"}
    [hint] = found("cache_never_hit", my_run(), *conversation(**model))
    # 12,000 × $2.70 for a million saved by reading, 8,000 × $0.75 more for writing.
    assert hint.saving == Decimal("0.0324") - Decimal("0.0060")


@pytest.mark.parametrize(
    ("spans", "prompts"),
    [
        conversation(cache_read=None),
        conversation(cache_read=1500),
        conversation(step=400),
        (conversation()[0], {}),
        (conversation()[0], {str(n): Prompt(words(n), b"p") for n in range(4)}),
        (conversation()[0], {str(n): Prompt(words(*range(2 * n + 1)), bytes([n])) for n in range(4)}),
        (conversation()[0][:3], conversation()[1]),
    ],
    ids=["nobody said", "it was hit", "too late", "content not kept", "other prompts", "other parameters", "too few"],
)
def test_without_plain_evidence_nothing_is_said_of_caches(spans: list[Span], prompts: dict[str, Prompt]) -> None:
    assert found("cache_never_hit", my_run(), spans, prompts) == []


def test_without_a_price_the_finding_has_no_sum() -> None:
    [hint] = found("cache_never_hit", my_run(), *conversation(model="my-own", cost=None))
    assert hint.saving is None
    assert "$" not in hint.finding


# ---- growing_context


def test_a_prompt_that_grows_and_grows() -> None:
    spans = [call(str(n), n, tokens) for n, tokens in enumerate((4000, 8000, 12000, 16000, 20000))]
    [hint] = found("growing_context", my_run(), spans)
    assert hint.finding == "The prompt grew from 4,000 to 20,000 tokens in 5 calls, which sent 60,000 in all"


@pytest.mark.parametrize(
    "lengths", [(4000, 8000, 12000, 20000), (10, 20, 30, 40, 50), (9000, 9000, 9000, 9000, 20000), (1, 9, 1, 9, 30000)]
)
def test_few_calls_short_prompts_and_little_growth_are_no_evidence(lengths: tuple[int, ...]) -> None:
    assert found("growing_context", my_run(), [call(str(n), n, tokens) for n, tokens in enumerate(lengths)]) == []


def test_a_prompt_that_grows_and_comes_from_the_cache_is_as_it_should_be() -> None:
    lengths = (4000, 8000, 12000, 16000, 20000)
    cached = [call(str(n), n, tokens, cache_read=max(tokens - 4000, 0)) for n, tokens in enumerate(lengths)]
    assert found("growing_context", my_run(), cached)
    cached = [call(str(n), n, tokens, cache_read=tokens - 1000) for n, tokens in enumerate(lengths)]
    assert found("growing_context", my_run(), cached) == []


# ---- cheaper_model


def test_a_smaller_model_of_the_same_family() -> None:
    [hint] = found("cheaper_model", my_run(), [call("a", 0, 4000, 1000), call("b", 1, 4000, 1000)])
    assert hint.finding == "On gpt-4o-mini the same tokens would have cost $0.0024 instead of $0.0400"
    assert hint.advice == ("Whether it serves as well, a trial tells: kagura replay exec_abc123 --model gpt-4o-mini")
    assert hint.saving == Decimal("0.0400") - Decimal("0.0024")


@pytest.mark.parametrize(
    "spans",
    [
        [call("a", 0, 400, 10)],
        [call("a", 0, 40000), call("b", 1, 40000, model="gpt-4o-mini")],
        [call("a", 0, 40000, cost=Cost(total=Decimal(1), source=CostSource.PROVIDER))],
        [call("a", 0, 40000, model="gpt-4o-mini")],
        [call("a", 0, 40000, model="my-own")],
    ],
    ids=["too cheap to matter", "two models", "the provider's own bill", "the smallest", "no price"],
)
def test_of_other_models_only_where_the_comparison_is_plain(spans: list[Span]) -> None:
    assert found("cheaper_model", my_run(), spans) == []


@pytest.mark.parametrize(
    ("model", "kin", "stranger"),
    [
        ("gpt-5-2025-08-07", "gpt-5-mini", "gpt-5.1-mini"),
        ("gpt-4o", "gpt-4o-mini", "gpt-4o-mini-transcribe"),
        ("claude-opus-4-5", "claude-haiku-4-5-20251001", "claude-haiku-5-5"),
        ("gemini-2.5-pro", "gemini-2.5-flash-lite", "gemini-2.5-flash-image"),
    ],
)
def test_families(model: str, kin: str, stranger: str) -> None:
    assert family(model) == family(kin)
    assert family(model) != family(stranger)


# ---- retries, cut_off


def test_requests_that_had_to_be_sent_again() -> None:
    refused: dict[str, Any] = {"status": Status.FAILED, "http_status": 429, "cost": None}
    spans = [call(str(n), n * 2, 10, **refused) for n in range(3)]
    spans += [call(f"again {n}", n * 2 + 1, 10, attempt=2) for n in range(3)]
    [hint] = found("retries", my_run(), spans)
    assert hint.finding == (
        "3 of 6 requests were sent again, 3 times the provider refused for its rate limit; 3.0s went into failed ones"
    )
    assert found("retries", my_run(), spans[:2] + spans[3:5]) == []
    smooth = [call(f"smooth {n}", n, 10) for n in range(40)]
    assert found("retries", my_run(), spans + smooth) == []


def test_answers_that_were_cut_off() -> None:
    spans = [call("a", 0, 10, finish_reason="stop"), call("b", 1, 10, finish_reason="MAX_TOKENS")]
    [hint] = found("cut_off", my_run(), spans)
    assert hint.finding == "1 of 2 answers (50%) ended at the token limit"
    assert found("cut_off", my_run(), spans[:1]) == []


def test_a_clients_trial_calls_are_no_answers_that_were_cut_off() -> None:
    trials = [call(str(n), n, 10, finish_reason="max_tokens", attributes={"side": "probe"}) for n in range(3)]
    assert found("cut_off", my_run(), [call("a", 4, 10, finish_reason="end_turn"), *trials]) == []


# ---- all


def test_every_rule_says_when_it_speaks_and_what_helps() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES) == 9
    assert all(rule.when and rule.advice for rule in RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule.name))
def test_no_rule_stumbles_over_what_is_missing(rule: Any) -> None:
    bare: Callable[..., Span] = lambda id, **more: llm(id, 0, 1, 0, 0, "", usage=None, cost=None, **more)  # noqa: E731
    odd = [
        bare("a", request_model=None, provider=None),
        bare("b", ended_at=None),
        llm(
            "c",
            1,
            0,
            0,
            0,
            "",
            usage=Usage(),
            cost=Cost(lines=[CostLine(unit="x", quantity=Decimal(1), rate=Decimal(1))]),
        ),
    ]
    for spans in ([], odd):
        assert list(rule.judge(my_run(), spans, Evidence())) == []
