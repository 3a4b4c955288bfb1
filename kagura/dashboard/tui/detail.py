"""Everything about one span or run, as paragraphs that are broken into rows for the width at hand."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from rich.cells import cell_len, chop_cells
from rich.text import Text

from kagura.dashboard.amounts import count, duration, money
from kagura.dashboard.bill import Bill
from kagura.dashboard.frame import ERROR_STYLE, STATUS_STYLES
from kagura.dashboard.period import Clock
from kagura.dashboard.text import visible
from kagura.dashboard.timeline import failure, summary
from kagura.dashboard.tree import model_of
from kagura.dashboard.tui.messages import MORE, pretty, role_and_text
from kagura.dashboard.tui.strips import steady
from kagura.model import Execution, Span, SpanKind, Status
from kagura.store.questions import Particulars
from kagura.store.views import ExecutionRow

HEADING = "bold underline"
FOREIGN_CHARACTERS = 300_000
"""Of one text that are shown."""


class Paragraph(NamedTuple):
    """A text that may have many lines, all in one style."""

    text: str
    style: str = ""


class Detail:
    """Paragraphs as rows; the text keeps its blanks, and is harmless."""

    def __init__(self, paragraphs: Iterable[Paragraph], limit: int | None = FOREIGN_CHARACTERS) -> None:
        """At most `limit` characters of each are shown."""
        self._paragraphs = [Paragraph(_harmless(text, limit), style) for text, style in paragraphs]
        self._rows: list[tuple[str, str]] = []
        self._width = 0

    def fit(self, width: int) -> None:
        """Break the paragraphs for so many cells."""
        if width != self._width and width > 0:
            self._width = width
            self._rows = [(row, style) for text, style in self._paragraphs for row in _broken(text, width)]

    def __len__(self) -> int:
        return len(self._rows)

    def line(self, number: int, width: int) -> Text:
        """One row."""
        text, style = self._rows[number]
        return Text(text, style, no_wrap=True)

    def head(self, width: int) -> Text | None:
        """Everything scrolls."""
        return None

    def key(self, number: int) -> str:
        """Rows are only read."""
        return ""

    def moving(self, number: int, width: int) -> tuple[int, int] | None:
        """Text stays."""
        return None

    @property
    def text(self) -> str:
        """All of it, for the clipboard."""
        return "\n".join(paragraph.text for paragraph in self._paragraphs)


def _harmless(text: str, limit: int | None) -> str:
    left = 0 if limit is None else len(text) - limit
    shown = text if left <= 0 else f"{text[:limit]}\n… {count(left)} characters more: {MORE}"
    lines = shown.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(steady(visible(line.expandtabs(4))) for line in lines)


def _broken(text: str, width: int) -> Iterator[str]:
    for line in text.split("\n"):
        if line.isascii():
            yield from _ascii_rows(line, width)
        elif cell_len(line) <= width:
            yield line
        else:
            yield from chop_cells(line, width)


def _ascii_rows(line: str, width: int) -> Iterator[str]:
    """Rows that end with a word where one ends in their last third."""
    while len(line) > width:
        blank = line.rfind(" ", width * 2 // 3, width + 1)
        at = blank if blank > 0 else width
        yield line[:at]
        line = line[at + (blank > 0) :]
    yield line


def fact(name: str, value: str) -> Paragraph:
    """`Name: value`."""
    return Paragraph(f"{name}: {value}")


def _section(name: str, text: str, style: str = "") -> Iterator[Paragraph]:
    if text:
        yield Paragraph("")
        yield Paragraph(name, HEADING)
        yield Paragraph(text, style)


def run_detail(run: Execution, spans: Sequence[Span], clock: Clock) -> Detail:
    """What is known of a run as a whole."""
    return Detail(_run_paragraphs(run, spans, clock))


def _run_paragraphs(run: Execution, spans: Sequence[Span], clock: Clock) -> Iterator[Paragraph]:
    end = run.ended_at or clock.now()
    yield Paragraph(run.agent, "bold")
    yield Paragraph(run.status.value.upper(), STATUS_STYLES[run.status])
    yield fact("Id", run.id)
    yield fact("Started", clock.stamp(run.started_at))
    yield fact("Duration", duration(end - run.started_at))
    yield fact("Cost", str(Bill.of(spans)))
    for name, value in (
        ("Session", run.session_id),
        ("User", run.user),
        ("Parent run", run.parent_execution_id),
        ("Found by", run.source),
        ("Tags", ", ".join(f"{key}={value}" for key, value in run.tags.items())),
    ):
        if value:
            yield fact(name, value)
    if isinstance(run, ExecutionRow):
        tokens = run.tokens
        yield fact(
            "Tokens", f"{count(tokens.input)} in ({count(tokens.cache_read)} cached), {count(tokens.output)} out"
        )
        yield from _section("Question", run.preview or "")
    yield from _section("Error", run.error or "", ERROR_STYLE)
    yield Paragraph("")
    for row in summary(list(spans)):
        yield Paragraph(row.plain)


def span_detail(found: Particulars, clock: Clock, limit: int | None = FOREIGN_CHARACTERS) -> Detail:
    """What is known of a span, what it sent and got included."""
    return Detail([*_facts(found.span, clock), *_bill(found.span), *_contents(found), *_rest(found.span)], limit)


def _facts(span: Span, clock: Clock) -> Iterator[Paragraph]:
    called = span.kind in {SpanKind.LLM, SpanKind.EMBEDDING}
    yield Paragraph(span.name, "bold")
    marks = " (inferred from the calls around it)" if span.inferred else ""
    yield Paragraph(span.status.value.upper() + marks, STATUS_STYLES[span.status])
    yield fact("Kind", str(span.kind))
    yield fact("Started", clock.stamp(span.started_at))
    end = span.ended_at or clock.now()
    yield fact("Duration", duration(end - span.started_at))
    if span.time_to_first_chunk is not None:
        yield fact("First token", duration(span.time_to_first_chunk) + _speed(span))
    if called:
        yield fact("Model", model_of(span) + (f" (asked for {span.request_model})" if span.request_model else ""))
        where = (span.provider, span.endpoint, "streamed" if span.stream else None)
        yield fact("Provider", " · ".join(filter(None, where)))
    for name, value in (
        ("HTTP status", span.http_status),
        ("Finish reason", span.finish_reason),
        ("Attempt", span.attempt if span.attempt > 1 else None),
        ("User", span.user),
        ("Session", span.session_id),
        ("Tags", ", ".join(f"{key}={value}" for key, value in span.tags.items())),
        ("Span", span.id),
    ):
        if value:
            yield fact(name, str(value))
    if span.status in {Status.FAILED, Status.INTERRUPTED}:
        yield from _section("Error", failure(span) + (f"\n{span.error}" if span.error else ""), ERROR_STYLE)


def _speed(span: Span) -> str:
    """Tokens a second after the first, where they were streamed and counted."""
    if not (span.stream and span.usage and span.usage.output and span.duration and span.time_to_first_chunk):
        return ""
    flowing = span.duration - span.time_to_first_chunk
    return f", then {span.usage.output * 1_000_000 / flowing:.0f} tok/s" if flowing > 0 else ""


def _bill(span: Span) -> Iterator[Paragraph]:
    usage, cost = span.usage, span.cost
    if usage:
        parts = [
            f"{name.replace('_', ' ')}: {count(value)}"
            for name in usage.__struct_fields__
            if isinstance(value := getattr(usage, name), int) and value
        ]
        parts += [f"{name}: {number:f}" for name, number in usage.units.items()]
        yield from _section(f"Usage ({usage.source})", "\n".join(parts))
    if cost is None:
        return
    rows = [
        f"{line.unit}: {line.quantity:f} × {money(line.rate * (line.factor or 1) * 1_000_000)}/M = {money(line.amount)}"
        + (f" ({line.tier})" if line.tier else "")
        for line in cost.lines
    ]
    rows.append(f"Total: {money(cost.total, estimated=cost.estimated)}")
    rows += [f"Price: {cost.price_model or ''} {cost.price_version}"] if cost.price_version else []
    rows += [f"No price of: {', '.join(cost.unpriced)}"] if cost.unpriced else []
    yield from _section("Bill", "\n".join(rows))


def _contents(found: Particulars) -> Iterator[Paragraph]:
    span = found.span
    if found.left_out:
        yield from _section("Messages", f"{count(found.left_out)} earlier messages are not shown: {MORE}.", "dim")
    for kept in found.inputs:
        role, text = role_and_text(kept)
        yield from _section(role or "message", text or "(empty)")
    for kept in found.outputs:
        role, text = role_and_text(kept)
        yield from _section(f"answer: {role}" if role else "answer", text or "(empty)")
    if not found.inputs and not found.outputs:
        asked = span.kind in {SpanKind.LLM, SpanKind.EMBEDDING}
        yield from _section("Question" if asked else "Arguments", span.input_preview or "")
        yield from _section("Answer" if asked else "Result", span.output_preview or "")
    if found.parameters:
        yield from _section("Request without its messages", pretty(found.parameters))


def _rest(span: Span) -> Iterator[Paragraph]:
    yield from _section("Attributes", _attributes(span))


def _attributes(span: Span) -> str:
    rows = []
    for name, value in span.attributes.items():
        if isinstance(value, dict):
            rows.append(f"{name}:")
            rows += [f"  {key}: {inner}" for key, inner in value.items()]
        else:
            rows.append(f"{name}: {value}")
    return "\n".join(rows)
