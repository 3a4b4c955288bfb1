"""`kagura monitor --trace ID --span N`: all that is known of one part of a run, or its bytes."""

import sys
from enum import StrEnum
from typing import TYPE_CHECKING

import typer

from kagura.errors import InputError

if TYPE_CHECKING:
    from kagura.dashboard.period import Clock
    from kagura.dashboard.source import Source
    from kagura.model import Span
    from kagura.store.views import Trace

NAMED = 5


class Raw(StrEnum):
    """Sides of a call."""

    REQUEST = "request"
    ANSWER = "answer"


def show_span(
    source: "Source", clock: "Clock", trace: "Trace | None", which: str, raw: Raw | None, *, as_json: bool
) -> None:
    """Print a span with all that was said in it; with `raw`, one side of it byte for byte."""
    from kagura.dashboard.begin import BEGIN
    from kagura.dashboard.output import print_json
    from kagura.dashboard.tui.whole import particulars, text_of
    from kagura.store import SpanContents

    if trace is None:
        raise InputError("no run is recorded yet", BEGIN)
    span = _chosen(trace, which)
    contents = source.contents(span.id) or SpanContents()
    if raw is not None:
        return _write(contents.raw_request if raw is Raw.REQUEST else contents.raw_response, raw)
    if as_json:
        from kagura.store.export import content_object, span_object

        return print_json(span_object(span) | content_object(span, contents))
    return typer.echo(text_of(particulars(span, contents), "", clock))


def _chosen(trace: "Trace", which: str) -> "Span":
    """The span that a number of an LLM call or the beginning of an id means."""
    from kagura.dashboard.runs import all_spans
    from kagura.dashboard.text import safe
    from kagura.dashboard.tree import nodes

    spans = all_spans(trace)
    calls = [node for node in nodes(spans) if node.call is not None]
    numbered = [node.span for node in calls if str(node.call) == which.removeprefix("#")]
    if numbered:
        return numbered[-1]
    found = [span for span in spans if span.id == which] or [
        span for span in spans if which and span.id.startswith(which)
    ]
    if len(found) == 1:
        return found[0]
    named = ", ".join(safe(span.id, 40) for span in (found or spans)[:NAMED])
    last = max((node.call or 0 for node in calls), default=0)
    numbers = f"LLM calls have the numbers 1 to {last}; " if last else ""
    what = (
        f"the ids of {len(found)} spans begin with {safe(which)!r}" if found else f"the run has no span {safe(which)!r}"
    )
    raise InputError(what, f"{numbers}its spans are {named}.")


def _write(data: bytes | None, raw: Raw) -> None:
    """The bytes as they are; on a terminal without what it would obey."""
    from kagura.dashboard.tui.raw import NOT_KEPT

    if data is None:
        raise InputError(f"the raw {raw.value} of this span is not kept", NOT_KEPT[raw.value])
    if sys.stdout.isatty():
        from kagura.dashboard.tui.detail import Detail, Paragraph

        typer.echo(Detail([Paragraph(data.decode("utf-8", "replace"))], None).text)
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
