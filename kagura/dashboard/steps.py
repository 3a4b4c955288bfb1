"""The steps of one run with their time and cost, and what stands out in them."""

from collections.abc import Sequence

from rich.console import Group, RenderableType

from kagura.dashboard.amounts import NOTHING, duration
from kagura.dashboard.bill import Bill
from kagura.dashboard.frame import Leaders, line
from kagura.dashboard.hints import Hint
from kagura.dashboard.period import Clock
from kagura.dashboard.text import safe
from kagura.dashboard.timeline import advice
from kagura.dashboard.tree import Node, marks, model_of, nodes
from kagura.model import Execution, Span, SpanKind, Status

MOST_STEPS = 20

_NAMES = {
    SpanKind.LLM: "LLM Call ({model})",
    SpanKind.EMBEDDING: "Embedding ({model})",
    SpanKind.TOOL: "Tool: {name}",
    SpanKind.MEMORY: "Memory: {name}",
    SpanKind.RETRIEVAL: "Retrieval: {name}",
    SpanKind.AGENT: "Agent: {name}",
    SpanKind.SPAN: "{name}",
}


def steps(run: Execution, spans: list[Span], clock: Clock, found: Sequence[Hint]) -> RenderableType:
    """`[my_agent] Execution Timeline`: the first steps, the total, then hints."""
    rows = [_step(node, clock.now()) for node in nodes(spans)]
    left = len(rows) - MOST_STEPS
    if left > 0:
        rows = [*rows[:MOST_STEPS], (f"{left} more steps", "see --trace")]
    end = run.ended_at or clock.now()
    rows.append(("Total", _value(end - run.started_at, str(Bill.of(spans)), run.status)))
    title = line((f"[{safe(run.agent)}] Execution Timeline:", "bold"))
    return Group(title, Leaders(rows, tree=True), *advice(found))


def _step(node: Node, now: int) -> tuple[str, str]:
    span = node.span
    name = _NAMES[span.kind].format(model=model_of(span), name=safe(span.name, 80)) + marks(node)
    return name, _value((span.ended_at or now) - span.started_at, str(Bill.of([span])), span.status)


def _value(took: int, bill: str, status: Status) -> str:
    cost = "" if bill == NOTHING else f"  [{bill}]"
    standing = "" if status is Status.COMPLETED else f"  {status.value.upper()}"
    return f"{duration(took)}{cost}{standing}"
