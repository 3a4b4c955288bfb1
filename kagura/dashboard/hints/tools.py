"""Rules on tools: calls that were made before."""

from collections import defaultdict
from collections.abc import Iterator

from kagura.dashboard.amounts import duration
from kagura.dashboard.hints.evidence import Evidence, Rule, Said
from kagura.dashboard.tree import signature
from kagura.model import Execution, Span, SpanKind

REPEATS = 3
MOST = 3
"""Different calls that are named."""


def _repeated_tool_call(_: Execution, spans: list[Span], __: Evidence) -> Iterator[Said]:
    calls: dict[tuple[str, str], list[Span]] = defaultdict(list)
    for span in spans:
        if span.kind is SpanKind.TOOL and span.input_preview:
            calls[span.name, span.input_preview].append(span)
    often = sorted(calls.items(), key=lambda item: (-len(item[1]), item[0]))[:MOST]
    for (name, arguments), same in often:
        if len(same) >= REPEATS:
            took = sum(span.duration or 0 for span in same[1:])
            again = f" ({duration(took)} for the repeats)" if took >= 100_000 else ""
            yield Said(f"The same tool call {len(same)} times{again}: {signature(name, arguments)}")


REPEATED_TOOL_CALL = Rule(
    "repeated_tool_call",
    f"one tool gets the same arguments {REPEATS} times",
    "Consider keeping its result",
    _repeated_tool_call,
)
