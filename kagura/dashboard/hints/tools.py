"""Rules on tools: calls that were made before."""

from collections import defaultdict
from collections.abc import Iterator

from kagura.dashboard.amounts import duration
from kagura.dashboard.hints.evidence import Evidence, Rule, Said
from kagura.dashboard.tree import signature
from kagura.model import Execution, Span, SpanKind, Status

REPEATS = 3
CUT = 200
"""Characters of arguments from which on the end may be cut off, and nobody knows whether they are the same."""
MOST = 3
"""Different calls that are named."""


def _repeated_tool_call(_: Execution, spans: list[Span], __: Evidence) -> Iterator[Said]:
    calls: dict[tuple[str, str], list[Span]] = defaultdict(list)
    for span in spans:
        if span.kind is SpanKind.TOOL and span.input_preview and len(span.input_preview) < CUT:
            calls[span.name, span.input_preview].append(span)
    alike = [(key, _with_one_result(same)) for key, same in calls.items()]
    often = sorted(alike, key=lambda item: (-len(item[1]), item[0]))[:MOST]
    for (name, arguments), same in often:
        if len(same) >= REPEATS:
            took = sum(span.duration or 0 for span in same[1:])
            again = f" ({duration(took)} for the repeats)" if took >= 100_000 else ""
            yield Said(f"The same tool call {len(same)} times{again}: {signature(name, arguments)}")


def _with_one_result(calls: list[Span]) -> list[Span]:
    """Those of the calls that gave the same, as far as it was kept: who asks until something changes does well."""
    by_result: dict[tuple[str | None, Status], list[Span]] = defaultdict(list)
    for span in calls:
        by_result[span.output_preview, span.status].append(span)
    return max(by_result.values(), key=len)


REPEATED_TOOL_CALL = Rule(
    "repeated_tool_call",
    f"one tool gets the same arguments {REPEATS} times and gives the same result",
    "Consider keeping its result",
    _repeated_tool_call,
)
