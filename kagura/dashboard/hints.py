"""Hints: what stands out in a run, each from one rule with its numbers."""

from collections import Counter
from collections.abc import Iterable

import msgspec

from kagura.dashboard.amounts import percent
from kagura.dashboard.tree import signature
from kagura.model import Execution, Span, SpanKind, Status

SLOW_SHARE = 0.7
"""The share of a run's time from which LLM calls are worth a word."""

REPEATS = 3
"""How often the same tool call is made before it is worth a word."""


class Hint(msgspec.Struct, frozen=True):
    """What was noticed, and what may help."""

    rule: str
    """`llm_time`, `repeated_tool_call`."""
    finding: str
    advice: str


def hints(run: Execution, spans: list[Span]) -> list[Hint]:
    """What stands out in a run that has ended."""
    if run.status is Status.RUNNING or not run.duration:
        return []
    return [*_llm_time(run.duration, spans), *_repeated_tool_calls(spans)]


def _llm_time(whole: int, spans: list[Span]) -> Iterable[Hint]:
    """LLM calls take most of a run that does something else as well."""
    calls = [span for span in spans if span.kind is SpanKind.LLM]
    share = covered(calls) / whole
    if share >= SLOW_SHARE and len(calls) < len(spans):
        yield Hint(
            "llm_time",
            f"LLM calls taking {percent(min(share, 1), 1)} of time",
            "Consider caching or using faster model",
        )


def _repeated_tool_calls(spans: list[Span]) -> Iterable[Hint]:
    """The same tool got the same arguments again and again."""
    calls = Counter((span.name, span.input_preview) for span in spans if span.kind is SpanKind.TOOL)
    for (name, arguments), times in calls.most_common(3):
        if times >= REPEATS and arguments:
            call = signature(name, arguments)
            yield Hint("repeated_tool_call", f"The same tool call {times} times: {call}", "Consider keeping its result")


def covered(spans: Iterable[Span]) -> int:
    """Microseconds in which at least one of the spans was under way."""
    total, reached = 0, None
    for start, end in sorted((span.started_at, span.ended_at) for span in spans if span.ended_at is not None):
        begin = start if reached is None else max(start, reached)
        total += max(end - begin, 0)
        reached = end if reached is None else max(end, reached)
    return total
