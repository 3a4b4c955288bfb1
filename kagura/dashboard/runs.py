"""A run with the runs that it started, as one tree of spans."""

from typing import TYPE_CHECKING

import msgspec

from kagura.model import PARENT_SPAN, Execution, Span, SpanKind

if TYPE_CHECKING:
    from kagura.store.views import Trace


def all_spans(trace: "Trace") -> list[Span]:
    """The spans of a run; each run it started hangs below an agent span of its own, where the run said it stood."""
    spans = list(trace.spans)
    for child in trace.children:
        top = _as_span(child.execution)
        inner = all_spans(child)
        known = {span.id for span in inner}
        spans.append(top)
        spans += [
            span if span.parent_id in known else msgspec.structs.replace(span, parent_id=top.id) for span in inner
        ]
    return spans


def _as_span(run: Execution) -> Span:
    return Span(
        id=f"run {run.id}",
        execution_id=run.id,
        kind=SpanKind.AGENT,
        name=run.agent,
        agent=run.agent,
        status=run.status,
        started_at=run.started_at,
        parent_id=run.attributes.get(PARENT_SPAN),
        ended_at=run.ended_at,
        error=run.error,
    )
