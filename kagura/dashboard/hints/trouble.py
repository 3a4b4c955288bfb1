"""Rules on trouble: calls that had to be sent again, answers that were cut off."""

from collections.abc import Iterator

from kagura.dashboard.amounts import duration, percent, plural
from kagura.dashboard.hints.evidence import Evidence, Rule, Said, covered, llm_calls
from kagura.model import Execution, Span, SpanKind, Status

MANY_RETRIES = 3
RETRY_SHARE = 0.1
OVERLOADED = frozenset({429, 529})
"""HTTP statuses by which providers say that it was too much: rate limits, and Anthropic's "overloaded"."""

CUT_REASONS = frozenset({"length", "max_tokens", "max_output_tokens", "model_context_window_exceeded"})
"""What the dialects call an answer that ended at the limit, in lower case."""


def _retries(_: Execution, spans: list[Span], __: Evidence) -> Iterator[Said]:
    attempts = [span for span in spans if span.kind in {SpanKind.LLM, SpanKind.EMBEDDING}]
    again = [span for span in attempts if span.attempt > 1]
    limited = [span for span in attempts if span.http_status in OVERLOADED]
    most = max(len(again), len(limited))
    if most < MANY_RETRIES or most / len(attempts) < RETRY_SHARE:
        return
    lost = covered(span for span in attempts if span.status is not Status.COMPLETED)
    parts = [f"{len(again)} of {plural(len(attempts), 'request')} were sent again"] if again else []
    if limited:
        parts.append(f"{plural(len(limited), 'time')} the provider refused for its rate limit")
    yield Said(f"{', '.join(parts)}; {duration(lost)} went into failed ones")


RETRIES = Rule(
    "retries",
    f"at least {MANY_RETRIES} requests, and {RETRY_SHARE:.0%} of all, were sent again or met a rate limit",
    "Consider fewer calls at a time, longer pauses, or a higher limit",
    _retries,
)


def _cut_off(_: Execution, spans: list[Span], __: Evidence) -> Iterator[Said]:
    calls = llm_calls(spans)
    cut = [span for span in calls if (span.finish_reason or "").lower() in CUT_REASONS]
    if cut:
        share = f" ({percent(len(cut), len(calls))})" if len(calls) > 1 else ""
        yield Said(f"{len(cut)} of {plural(len(calls), 'answer')}{share} ended at the token limit")


CUT_OFF = Rule(
    "cut_off",
    "an answer ended at the token limit",
    "Raise the limit (max_tokens), or ask for less at a time",
    _cut_off,
)
