"""The spans of a run as a tree, in the order in which they began, and what each is called."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from kagura.dashboard.amounts import plural
from kagura.dashboard.text import safe
from kagura.model import Span, SpanKind

_RECORD_COUNT = "gen_ai.memory.record.count"


@dataclass(frozen=True)
class Node:
    """A span with its place: `depth` 0 hangs on the run itself, `call` counts the run's LLM calls from 1."""

    span: Span
    depth: int
    call: int | None


def nodes(spans: Iterable[Span]) -> Iterator[Node]:
    """Every span once, parents before children, siblings as they began; a span whose parent is not there is at the top.

    Spans that are one another's parents, which foreign ids allow, are shown at the top as well.
    """
    ordered = sorted(spans, key=lambda span: (span.started_at, span.id))
    known = {span.id for span in ordered}
    calls = {span.id: number for number, span in enumerate((s for s in ordered if s.kind is SpanKind.LLM), 1)}
    children: dict[str | None, list[Span]] = defaultdict(list)
    for span in ordered:
        children[span.parent_id if span.parent_id in known else None].append(span)
    seen: set[str] = set()
    for top in [*children[None], *ordered]:
        stack = [(top, 0)]
        while stack:
            span, depth = stack.pop()
            if span.id not in seen:
                seen.add(span.id)
                yield Node(span, depth, calls.get(span.id))
                stack += [(child, depth + 1) for child in reversed(children[span.id])]


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
