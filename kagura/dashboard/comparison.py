"""Two runs side by side: their figures, their turns, their tools."""

import difflib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import zip_longest

import msgspec

from kagura.dashboard.bill import Bill
from kagura.dashboard.runs import all_spans
from kagura.dashboard.tree import answer, first_attempt, model_of
from kagura.model import Execution, Span, SpanKind, Status
from kagura.store.prompts import Prompt
from kagura.store.views import Trace


class Turn(msgspec.Struct, frozen=True):
    """One LLM call of a run, all its attempts together."""

    span_id: str
    """Of its last attempt."""
    model: str
    input: int | None
    output: int | None
    duration: int | None
    cost: Bill
    attempts: int
    status: Status
    question: str | None
    answer: str | None
    prompt: Prompt | None


class Figures(msgspec.Struct, frozen=True):
    """What a run came to."""

    duration: int | None
    cost: Bill
    llm_calls: int
    tool_calls: int
    input: int
    cached: int
    output: int
    errors: int


class Side(msgspec.Struct, frozen=True):
    """One of the two runs."""

    run: Execution
    figures: Figures
    turns: list[Turn]
    tools: Counter[str]

    @classmethod
    def of(cls, trace: Trace, prompts: Mapping[str, Prompt]) -> "Side":
        """A run with those that it started."""
        spans = all_spans(trace)
        turns = list(_turns(spans, prompts))
        tools = Counter(span.name for span in spans if span.kind is SpanKind.TOOL)
        return cls(trace.execution, _figures(trace.execution, spans, turns, tools), turns, tools)


def _turns(spans: Sequence[Span], prompts: Mapping[str, Prompt]) -> Iterator[Turn]:
    calls: dict[str, list[Span]] = {}
    for span in sorted(spans, key=lambda span: (span.started_at, span.id)):
        if span.kind is SpanKind.LLM:
            calls.setdefault(first_attempt(span), []).append(span)
    for attempts in calls.values():
        last = attempts[-1]
        yield Turn(
            span_id=last.id,
            model=model_of(last),
            input=last.usage.input if last.usage else None,
            output=last.usage.output if last.usage else None,
            duration=last.duration,
            cost=Bill.of(attempts),
            attempts=len(attempts),
            status=last.status,
            question=last.input_preview,
            answer=answer(last),
            prompt=prompts.get(last.id),
        )


def _figures(run: Execution, spans: Sequence[Span], turns: Sequence[Turn], tools: Counter[str]) -> Figures:
    used = [span.usage for span in spans if span.usage and span.kind in {SpanKind.LLM, SpanKind.EMBEDDING}]
    return Figures(
        duration=run.duration,
        cost=Bill.of(spans),
        llm_calls=len(turns),
        tool_calls=tools.total(),
        input=sum(usage.input or 0 for usage in used),
        cached=sum(usage.cache_read or 0 for usage in used),
        output=sum(usage.output or 0 for usage in used),
        errors=sum(span.status is Status.FAILED for span in spans),
    )


class Comparison(msgspec.Struct, frozen=True):
    """Two runs."""

    a: Side
    b: Side

    def turns(self) -> Iterator[tuple[Turn | None, Turn | None]]:
        """The first turns of both, the second ones, and so on; `None` where a run has no more."""
        return zip_longest(self.a.turns, self.b.turns)

    def tools(self) -> list[tuple[str, int, int]]:
        """The tools of both with their calls in each, most used first."""
        both = self.a.tools + self.b.tools
        return [(name, self.a.tools[name], self.b.tools[name]) for name, _ in both.most_common()]


def same_prompt(a: Turn | None, b: Turn | None) -> bool | None:
    """Whether two turns sent the same messages; `None` where that is not known, since content was not kept."""
    if a is None or b is None or a.prompt is None or b.prompt is None:
        return None
    return a.prompt.messages == b.prompt.messages


def change(before: float | Decimal | None, after: float | Decimal | None) -> str:
    """By how much a figure changed: `+26%`; empty where there is nothing to compare."""
    if not before or after is None or before == after:
        return ""
    share = float(after) / float(before) - 1
    return f"{100 * share:+,.0f}%" if share < 9.995 else f"{share + 1:,.0f}×"


def prompt_lines(parts: Sequence[bytes]) -> list[str]:
    """Kept messages as lines of text: of JSON one line a value, of long strings one a line."""
    lines: list[str] = []
    for part in parts:
        try:
            lines += _lines(msgspec.json.decode(part), "")
        except (msgspec.DecodeError, RecursionError):
            lines += part.decode("utf-8", "replace").splitlines()
    return lines


def _lines(value: object, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _lines(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for inner in value:
            yield from _lines(inner, path)
    else:
        for line in str(value).splitlines() or [""]:
            yield f"{path}: {line}"


MOST_LINES = 20_000
"""Lines of a prompt beyond which a comparison would take minutes; the rest is not compared."""


def differing_lines(a: Sequence[str], b: Sequence[str]) -> Iterator[str]:
    """What differs, as `diff -U1` shows it, without its head."""
    found = difflib.unified_diff(a[:MOST_LINES], b[:MOST_LINES], n=1, lineterm="")
    return (line for number, line in enumerate(found) if number > 1)
