"""A finished call in one line."""

from rich.cells import cell_len
from rich.text import Text

from kagura.dashboard.amounts import NOTHING, UNKNOWN, duration, money, tokens
from kagura.dashboard.frame import ERROR_STYLE, STATUS_STYLES, line
from kagura.dashboard.period import Clock
from kagura.dashboard.text import cut, safe
from kagura.dashboard.timeline import failure
from kagura.dashboard.tree import answer, signature
from kagura.model import Span, SpanKind, Status

AGENT_WIDTH, MODEL_WIDTH, WIDE_MODEL = 14, 20, 28
TOKENS_FROM, MODEL_FROM, WIDE_FROM = 74, 60, 120
"""Columns of the screen from which tokens, model, and long names of models have room."""


def call_line(span: Span, clock: Clock, width: int | None = None) -> Text:
    """Time of its end, agent, model or tool, tokens, duration, cost, and what came of it; whole without a `width`."""
    room = width or 10_000
    parts: list[str | tuple[str, str]] = [(clock.recent(span.ended_at or span.started_at), "dim"), " "]
    parts.append((_filled(span.agent, AGENT_WIDTH), "bold"))
    if room >= MODEL_FROM:
        parts += [" ", _filled(_what(span), WIDE_MODEL if room >= WIDE_FROM else MODEL_WIDTH)]
    if room >= TOKENS_FROM:
        parts += [" ", f"{_tokens(span):>15}"]
    parts += [f" {duration(span.duration):>7}", f" {_cost(span):>9}", "  "]
    parts.append((failure(span), ERROR_STYLE) if span.status is not Status.COMPLETED else (_said(span), "dim"))
    if span.attempt > 1:
        parts.append((f" (attempt {span.attempt})", STATUS_STYLES[Status.INTERRUPTED]))
    return line(*parts)


def _filled(text: str, width: int) -> str:
    """Exactly so many cells of a foreign string."""
    shown = cut(text, width)
    return shown + " " * (width - cell_len(shown))


def _what(span: Span) -> str:
    if span.kind in {SpanKind.LLM, SpanKind.EMBEDDING}:
        return span.response_model or span.request_model or span.endpoint or UNKNOWN
    return f"{span.kind.value} {span.name}"


def _tokens(span: Span) -> str:
    usage = span.usage
    if usage is None or (usage.input is None and usage.output is None):
        return ""
    return f"{tokens(usage.input)} → {tokens(usage.output)}"


def _cost(span: Span) -> str:
    if span.cost is None:
        return NOTHING
    return money(span.cost.total, estimated=span.cost.estimated)


def _said(span: Span) -> str:
    if span.kind in {SpanKind.LLM, SpanKind.EMBEDDING}:
        return answer(span) or ""
    return signature(span.name, span.input_preview) + (f" → {safe(span.output_preview)}" if span.output_preview else "")
