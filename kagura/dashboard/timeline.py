"""The timeline of one run: offsets, the tree of what happened, tokens and cost of each part, a summary."""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from kagura.dashboard.amounts import NOTHING, count, duration, money
from kagura.dashboard.bill import COMPLETION_UNITS, PROMPT_UNITS, Bill, part_of
from kagura.dashboard.frame import ERROR_STYLE, STATUS_STYLES, line
from kagura.dashboard.hints import Hint
from kagura.dashboard.period import Clock
from kagura.dashboard.text import safe
from kagura.dashboard.tree import Node, answer, branch, first_attempt, marks, model_of, nodes, remembered
from kagura.model import Execution, Span, SpanKind, Status

END_WORDS = {
    Status.RUNNING: "Running",
    Status.COMPLETED: "Completed",
    Status.FAILED: "Failed",
    Status.INTERRUPTED: "Interrupted",
}
"""How the last row of a run's timeline says where it stands."""

_TITLES = {
    SpanKind.AGENT: "Agent: {name}",
    SpanKind.EMBEDDING: "Embedding [{model}]",
    SpanKind.TOOL: "Tool Call: {name}",
    SpanKind.MEMORY: "Memory {title} {records}",
    SpanKind.RETRIEVAL: "Retrieval: {name} {records}",
    SpanKind.SPAN: "{name}",
}
_SUMMARY = (
    ("LLM Calls", SpanKind.LLM),
    ("Tool Calls", SpanKind.TOOL),
    ("Memory Ops", SpanKind.MEMORY),
    ("Embeddings", SpanKind.EMBEDDING),
    ("Retrievals", SpanKind.RETRIEVAL),
)


def timeline(run: Execution, spans: list[Span], clock: Clock, found: Sequence[Hint] = ()) -> list[RenderableType]:
    """The rows of `kagura monitor --trace`; hints stand at its end. Only the id and hints are ever wrapped, not cut."""
    end = run.ended_at or clock.now()
    rows: list[RenderableType] = [
        Text.assemble((f"Execution Trace: {safe(run.agent, 200)}", "bold"), f" ({safe(run.id)})", overflow="fold"),
        line(("Started: ", "dim"), clock.stamp(run.started_at)),
        line(("Duration: ", "dim"), duration(end - run.started_at), *_standing(run.status)),
        line(("Cost: ", "dim"), str(Bill.of(spans))),
    ]
    if run.session_id:
        rows.append(line(("Session: ", "dim"), safe(run.session_id)))
    if run.tags:
        rows.append(line(("Tags: ", "dim"), safe(", ".join(f"{name}={value}" for name, value in run.tags.items()))))
    if run.error:
        rows.append(line(("Error: ", "dim"), (safe(run.error), ERROR_STYLE)))
    tree = list(nodes(spans))
    legend = " (∥ ran beside others)" if any(node.beside for node in tree) else ""
    rows += [line(""), line(("Timeline:", "bold"), (legend, "dim")), _row(0, "┌─ ", "Agent Started")]
    for node in tree:
        rows += _node_rows(node, run.started_at, clock.now())
    last = f"Agent {END_WORDS[run.status]}"
    rows.append(_row(end - run.started_at, "└─ ", last, STATUS_STYLES[run.status]))
    return [*rows, line(""), *summary(spans), *advice(found)]


def _standing(status: Status) -> tuple[tuple[str, str], ...]:
    return () if status is Status.COMPLETED else ((f" {status.value.upper()}", STATUS_STYLES[status]),)


def _row(offset: int | None, tree: str, text: str, style: str = "") -> Text:
    left = "" if offset is None else f"{max(offset, 0) / 1_000_000:.1f}s"
    return line(f"{left:>7} ", (tree, "dim"), (text, style))


def _node_rows(node: Node, origin: int, now: int) -> Iterator[Text]:
    span, stem = node.span, "│  " * (node.depth + 1)
    style = STATUS_STYLES[span.status] if span.status is not Status.COMPLETED else ""
    yield _row(span.started_at - origin, f"{stem}{branch(node)}", title(node), style)
    for name, value, value_style in _details(span, now):
        yield line(f"{'':7} ", (f"{stem}│    ", "dim"), (f"{name}: ", "dim"), (value, value_style))


def title(node: Node) -> str:
    """What a span is called: `LLM Call #1 [gpt-4o]`, `Tool Call: search_tool`, `Memory Lookup (3 messages)`."""
    span = node.span
    if node.call is not None:
        text = f"LLM Call #{node.call} [{model_of(span)}]"
    else:
        name = safe(span.name, 200)
        text = _TITLES[span.kind].format(
            name=name, title=name.replace("_", " ").title(), model=model_of(span), records=remembered(span)
        )
    return text.strip() + marks(node)


def _details(span: Span, now: int) -> Iterator[tuple[str, str, str]]:
    called = span.kind in {SpanKind.LLM, SpanKind.EMBEDDING}
    if called:
        yield from _usage_details(span)
    elif span.input_preview:
        yield "Args", safe(span.input_preview), ""
    if span.ended_at is None and span.status is Status.RUNNING:
        yield "Running", duration(now - span.started_at), STATUS_STYLES[Status.RUNNING]
    elif span.kind is not SpanKind.MEMORY and span.duration is not None:
        yield "Duration", duration(span.duration) + _first_token(span), ""
    text = answer(span) if called else span.output_preview and safe(span.output_preview)
    if text:
        yield "Response" if called else "Result", text, ""
    if span.status in {Status.FAILED, Status.INTERRUPTED} or span.error:
        yield "Error", failure(span), ERROR_STYLE


def _first_token(span: Span) -> str:
    waited = span.time_to_first_chunk
    return f" (first token {duration(waited)})" if span.stream and waited is not None else ""


def failure(span: Span) -> str:
    """Why a span did not succeed, with the HTTP status where one was not 2xx."""
    status = f"HTTP {span.http_status} " if span.http_status and span.http_status >= 300 else ""
    kind = f"{span.error_type}: " if span.error_type and span.error_type not in (span.error or "") else ""
    return safe(f"{status}{kind}{span.error or span.outcome or span.status.value}")


def _usage_details(span: Span) -> Iterator[tuple[str, str, str]]:
    usage, cost = span.usage, span.cost
    estimated = bool(cost and cost.estimated)
    if usage and usage.input is not None:
        cached = f", {count(usage.cache_read)} cached" if usage.cache_read else ""
        written = f", {count(usage.cache_write)} written to cache" if usage.cache_write else ""
        price = _price(part_of(cost, PROMPT_UNITS), estimated)
        yield "Prompt", f"{count(usage.input)} tokens{cached}{written}{price}", ""
    if usage and usage.output is not None and span.kind is SpanKind.LLM:
        thought = f", {count(usage.reasoning)} reasoning" if usage.reasoning else ""
        price = _price(part_of(cost, COMPLETION_UNITS), estimated)
        yield "Completion", f"{count(usage.output)} tokens{thought}{price}", ""
    for extra in cost.lines if cost else []:
        if extra.unit not in PROMPT_UNITS | COMPLETION_UNITS:
            yield (
                safe(extra.unit, 40),
                f"{extra.quantity:f} × {money(extra.rate * (extra.factor or 1))} = {money(extra.amount)}",
                "",
            )
    if cost and cost.total is not None and not cost.lines:
        yield "Cost", f"{money(cost.total, estimated=estimated)} (as the provider billed it)", ""
    if cost and (cost.total is None or cost.unpriced):
        units = f" (no price of {safe(', '.join(cost.unpriced))})" if cost.unpriced else ""
        yield "Cost", ("unknown" if cost.total is None else "incomplete") + units, ""


def _price(amount: Decimal | None, estimated: bool) -> str:
    return "" if amount is None else f" ({money(amount, estimated=estimated)})"


def summary(spans: list[Span]) -> list[Text]:
    """Calls by kind with their time and cost."""
    rows = [line(("Summary:", "bold"))]
    for name, kind in _SUMMARY:
        own = [span for span in spans if span.kind is kind]
        if own or kind is SpanKind.LLM:
            calls = len({first_attempt(span) for span in own})
            facts = [duration(busy_time(own))] if own else []
            bill = str(Bill.of(own))
            facts += [bill] if bill != NOTHING else []
            facts += [_retries(len(own) - calls)] if len(own) > calls else []
            rows.append(line(f"- {name}: {calls}" + (f" ({', '.join(facts)})" if facts else "")))
    errors = sum(span.status is Status.FAILED for span in spans)
    if errors:
        rows.append(line((f"- Errors: {errors}", ERROR_STYLE)))
    return rows


def _retries(number: int) -> str:
    return "1 retry" if number == 1 else f"{number} retries"


def advice(found: Sequence[Hint]) -> Iterator[RenderableType]:
    """Hints, below an empty row each; they are wrapped, since a remedy that is cut is none."""
    for hint in found:
        rows = Table.grid(padding=(0, 1, 0, 0))
        rows.add_column(no_wrap=True, style="yellow")
        rows.add_column(overflow="fold")
        rows.add_row("⚠️", Text(hint.finding))
        rows.add_row("💡", Text(hint.advice))
        yield line("")
        yield rows


def busy_time(spans: Iterable[Span]) -> int:
    """Microseconds that the spans took, one added to the other."""
    return sum(span.duration or 0 for span in spans)
