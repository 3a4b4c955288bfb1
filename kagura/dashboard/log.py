"""One run as a log: each row with the time of day at which it happened."""

from collections.abc import Iterator

from rich.text import Text

from kagura.dashboard.amounts import count, duration
from kagura.dashboard.bill import Bill
from kagura.dashboard.frame import ERROR_STYLE, STATUS_STYLES, line
from kagura.dashboard.period import Clock
from kagura.dashboard.text import safe
from kagura.dashboard.timeline import END_WORDS, failure
from kagura.dashboard.tree import Node, answer, attempt_mark, branch, model_of, nodes, remembered, signature
from kagura.model import Execution, Span, SpanKind, Status


def log(run: Execution, spans: list[Span], clock: Clock) -> list[Text]:
    """The rows of `kagura monitor --agent NAME --trace`."""
    rows = [_row(clock, run.started_at, "", f"{safe(run.agent)} started")]
    for node in nodes(spans):
        rows += _node_rows(node, clock)
    end = run.ended_at or clock.now()
    facts = ", ".join([duration(end - run.started_at), str(Bill.of(spans))])
    why = f": {safe(run.error)}" if run.error else ""
    closing = f"{END_WORDS[run.status]} ({facts}){why}"
    return [*rows, _row(clock, end, "  └─ ", closing, STATUS_STYLES[run.status])]


def _row(clock: Clock, at: int, tree: str, text: str, style: str = "") -> Text:
    return line((f"[{clock.time(at)}] ", "dim"), (tree, "dim"), (text, style))


def _node_rows(node: Node, clock: Clock) -> Iterator[Text]:
    span, stem = node.span, "  " + "│  " * node.depth
    yield _row(clock, span.started_at, f"{stem}{branch(node)}", _title(span) + attempt_mark(node))
    at = span.ended_at or clock.now()
    outcome = _outcome(span, at)
    if outcome:
        yield _row(clock, at, f"{stem}│  └─ ", *outcome)


def _title(span: Span) -> str:
    name = safe(span.name, 200)
    if span.kind in {SpanKind.LLM, SpanKind.EMBEDDING}:
        verb = "LLM call" if span.kind is SpanKind.LLM else "Embedding"
        tokens = f" ({count(span.usage.input)} tokens)" if span.usage and span.usage.input is not None else ""
        return f"{verb}: {model_of(span)}{tokens}"
    if span.kind is SpanKind.TOOL:
        return f"Tool: {signature(name, span.input_preview)}"
    if span.kind in {SpanKind.MEMORY, SpanKind.RETRIEVAL}:
        verb = f"Memory {name.replace('_', ' ')}" if span.kind is SpanKind.MEMORY else f"Retrieval {name}"
        found = remembered(span).strip("()")
        return verb + (f": {found} retrieved" if found and name in {"lookup", "search"} else f": {found}" * bool(found))
    return f"Agent: {name}" if span.kind is SpanKind.AGENT else name


def _outcome(span: Span, at: int) -> tuple[str, str] | None:
    if span.status is Status.RUNNING:
        return f"Running for {duration(at - span.started_at)}", STATUS_STYLES[Status.RUNNING]
    if span.status is not Status.COMPLETED:
        return f"Error: {failure(span)}", ERROR_STYLE
    if span.kind in {SpanKind.LLM, SpanKind.EMBEDDING}:
        text = answer(span)
        return (f"Response: {text}", "") if text else None
    return (f"Result: {safe(span.output_preview)}", "") if span.output_preview else None
