"""Rules on time: models that take most of it, first tokens that are long in coming."""

from collections.abc import Iterator
from statistics import median

from kagura.dashboard.amounts import duration, percent
from kagura.dashboard.hints.evidence import Evidence, Rule, Said, covered, llm_calls
from kagura.model import Execution, Span, SpanKind

SLOW_SHARE = 0.7
"""The share of a run's time from which LLM calls are worth a word."""

SLOW_TOKEN = 3_000_000
STREAMS = 3
WAITING_SHARE = 0.5


def _llm_time(run: Execution, spans: list[Span], _: Evidence) -> Iterator[Said]:
    calls = [span for span in spans if span.kind is SpanKind.LLM]
    share = covered(calls) / (run.duration or 1)
    if share >= SLOW_SHARE and len(calls) < len(spans):
        yield Said(f"LLM calls taking {percent(min(share, 1), 1)} of time")


LLM_TIME = Rule(
    "llm_time",
    f"LLM calls take {SLOW_SHARE:.0%} of a run that does something else as well",
    "Consider caching or using faster model",
    _llm_time,
)


def _slow_first_token(_: Execution, spans: list[Span], __: Evidence) -> Iterator[Said]:
    waits = [
        (span.time_to_first_chunk, span.duration)
        for span in llm_calls(spans)
        if span.stream and span.time_to_first_chunk is not None and span.duration
    ]
    if len(waits) < STREAMS:
        return
    usual, share = median(wait for wait, _ in waits), sum(wait for wait, _ in waits) / sum(took for _, took in waits)
    if usual >= SLOW_TOKEN and share >= WAITING_SHARE:
        yield Said(
            f"The first token took {duration(round(usual))} at the median of {len(waits)} streams, "
            f"{percent(min(share, 1), 1)} of their time"
        )


SLOW_FIRST_TOKEN = Rule(
    "slow_first_token",
    f"in at least {STREAMS} streams the median wait for the first token is {SLOW_TOKEN // 1_000_000} s or more, and "
    "half of their time",
    "Consider less reasoning effort, a shorter prompt, or a faster model",
    _slow_first_token,
)
