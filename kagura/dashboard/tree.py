"""The spans of a run as a tree, in the order in which they began, and what each is called."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from kagura.dashboard.amounts import plural
from kagura.dashboard.text import safe
from kagura.model import Span, SpanKind

_RECORD_COUNT = "gen_ai.memory.record.count"


@dataclass(frozen=True)
class Node:
    """A span with its place: `depth` 0 hangs on the run itself."""

    span: Span
    depth: int
    call: int | None
    """Which of the run's LLM calls it is, from 1 down the page; all attempts of one call have its number."""
    attempts: int = 1
    """How many attempts that call took."""
    beside: bool = False
    """It began before everything that stands before it on the same level had ended."""


def nodes(spans: Iterable[Span]) -> Iterator[Node]:
    """Every span once, parents before children, siblings as they began; a span whose parent is not there is at the top.

    Spans that are one another's parents, which foreign ids allow, are shown at the top as well.
    """
    ordered = sorted(spans, key=lambda span: (span.started_at, span.id))
    known = {span.id for span in ordered}
    attempts = Counter(first_attempt(span) for span in ordered if span.kind is SpanKind.LLM)
    calls: dict[str, int] = {}
    children: dict[str | None, list[Span]] = defaultdict(list)
    for span in ordered:
        children[span.parent_id if span.parent_id in known else None].append(span)
    beside = {span.id for siblings in children.values() for span in _overlapping(siblings)}
    seen: set[str] = set()
    for top in [*children[None], *ordered]:
        stack = [(top, 0)]
        while stack:
            span, depth = stack.pop()
            if span.id in seen:
                continue
            seen.add(span.id)
            call = calls.setdefault(first_attempt(span), len(calls) + 1) if span.kind is SpanKind.LLM else None
            yield Node(span, depth, call, attempts.get(first_attempt(span), 1), span.id in beside)
            stack += [(child, depth + 1) for child in reversed(children[span.id])]


def first_attempt(span: Span) -> str:
    """The id of the first attempt of the call that a span belongs to: its own where there was but one."""
    return span.first_attempt_id or span.id


def _overlapping(siblings: Sequence[Span]) -> Iterator[Span]:
    """Those that began while an earlier one was still under way."""
    reached: float = 0
    for span in siblings:
        if span.started_at < reached:
            yield span
        reached = max(reached, float("inf") if span.ended_at is None else span.ended_at)


def model_of(span: Span) -> str:
    """The model that answered, or else that was asked."""
    return safe(span.response_model or span.request_model or "unknown model", 80)


def remembered(span: Span) -> str:
    """How many records a memory or retrieval span moved: ` (3 messages)`; empty where nobody said."""
    number = span.attributes.get(_RECORD_COUNT)
    noun = "message" if span.kind is SpanKind.MEMORY else "document"
    return f"({plural(number, noun)})" if isinstance(number, int) else ""


def signature(name: str, arguments: Any) -> str:
    """A tool call as a line of code: `search_tool(query="...")`."""
    parsed = _parsed(arguments)
    if isinstance(parsed, dict):
        inner = ", ".join(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in parsed.items())
    else:
        inner = "" if parsed is None else str(parsed)
    return safe(f"{safe(name, 80)}({inner})")


def _parsed(arguments: Any) -> Any:
    if not isinstance(arguments, str) or len(arguments) > 100_000:
        return arguments
    try:
        return json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments


def answer(span: Span) -> str | None:
    """What came out of an LLM call, in one row: its first words in quotation marks, else the tools it asks for."""
    if span.output_preview:
        return f'"{safe(span.output_preview)}"'
    if span.tool_calls:
        return safe(", ".join(signature(call.name, call.arguments) for call in span.tool_calls[:5]))
    return None


def branch(node: Node) -> str:
    """What a node hangs on: `├─`, or `├∥` where it ran beside others of its level."""
    return "├∥ " if node.beside else "├─ "


def attempt_mark(node: Node) -> str:
    """Which attempt a call is, where it took several: ` (attempt 2 of 3)`."""
    number, most = node.span.attempt, max(node.attempts, node.span.attempt)
    return f" (attempt {number} of {most})" if most > 1 else ""


def marks(node: Node) -> str:
    """What is to be said behind a node's name: ` (attempt 2 of 3)`, ` (inferred)`, ` (title)`; often nothing."""
    side = node.span.attributes.get("side")
    said = f" ({safe(side, 40)})" if side else ""
    return attempt_mark(node) + (" (inferred)" if node.span.inferred else "") + said
