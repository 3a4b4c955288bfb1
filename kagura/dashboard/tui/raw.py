"""A call as it went over the wire: its request line, the headers that are kept, and the bodies."""

from collections.abc import Iterator

from kagura.dashboard.amounts import count
from kagura.dashboard.tui.detail import FOREIGN_CHARACTERS, HEADING, Detail, Paragraph
from kagura.dashboard.tui.messages import pretty
from kagura.model import Span, SpanKind
from kagura.store.questions import Kept, Particulars

REQUEST, ANSWER = "request", "answer"
NOT_KEPT = {
    REQUEST: "The raw request is not kept: `capture.content` is not `full`, `capture.raw_requests` is off, its body was"
    " cut or empty, or nobody sent one.",
    ANSWER: "The raw answer is not kept.",
}


def is_call(span: Span) -> bool:
    """Whether it went over the wire: what tools and agents do is seen in calls, and has no bytes of its own."""
    return span.kind in {SpanKind.LLM, SpanKind.EMBEDDING} or "target" in span.attributes


def raw_detail(found: Particulars, part: str, limit: int | None = FOREIGN_CHARACTERS) -> Detail:
    """One side of a call, as far as it is kept; JSON with its lines broken, the bytes themselves when it is saved."""
    return Detail([*_head(found.span, part), *_body(found, part)], limit)


def head_line(span: Span) -> str:
    """`POST /v1/chat/completions`; empty for what was no HTTP call."""
    words = (span.attributes.get("method"), span.attributes.get("target"))
    return " ".join(word for word in words if isinstance(word, str))


def _head(span: Span, part: str) -> Iterator[Paragraph]:
    status = f"HTTP status {span.http_status}" if span.http_status else ""
    line = head_line(span) if part == REQUEST else status
    if line:
        yield Paragraph(line, "bold")
    headers = span.attributes.get("headers")
    if isinstance(headers, dict) and headers:
        yield Paragraph("")
        yield Paragraph("Headers kept, of request and answer", HEADING)
        yield Paragraph("\n".join(f"{name}: {value}" for name, value in headers.items()))
    if line:
        yield Paragraph("")


def _body(found: Particulars, part: str) -> Iterator[Paragraph]:
    raw: Kept | None = found.raw_request if part == REQUEST else found.raw_response
    if raw is None:
        yield Paragraph(NOT_KEPT[part], "dim")
        return
    yield Paragraph(f"Raw {part}, {count(raw.size)} bytes", HEADING)
    yield Paragraph(pretty(raw))
