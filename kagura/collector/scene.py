"""The spans around those of a batch: as they are stored, with what the batch has changed."""

from collections import defaultdict

from kagura.model import Span, SpanKind
from kagura.store import Batch, Store

REACH_US = 600_000_000
"""So long before the earliest span of a batch may those have begun that it is compared with: calls last minutes."""

MODEL_KINDS = (SpanKind.LLM, SpanKind.EMBEDDING)
REPORT = "otel"
"""The attribute that says where a span that a program reported by OpenTelemetry comes from."""


def is_call(span: Span) -> bool:
    """Whether the relay saw the span as a call of a model, to its end."""
    return span.outcome is not None and span.kind in MODEL_KINDS


def is_report(span: Span) -> bool:
    """Whether only a program's telemetry speaks of this call of a model."""
    return span.outcome is None and span.kind in MODEL_KINDS and REPORT in span.attributes


class Scene:
    """One batch's view of the executions that it touches."""

    def __init__(self, store: Store, batch: Batch) -> None:
        self._store = store
        self._batch = batch
        self._runs: dict[str, dict[str, Span]] = {}
        self._given: dict[str, Span] = {}
        self._given_in: dict[str, dict[str, Span]] = defaultdict(dict)
        self._gone: set[str] = set(batch.removed)
        begun = [span.started_at for span in batch.spans]
        self._since = max(0, min(begun, default=0) - REACH_US)
        for span in batch.spans:
            self._note(span)

    def _note(self, span: Span) -> None:
        before = self._given.get(span.id)
        if before is not None:
            self._given_in[before.execution_id].pop(span.id, None)
        self._given[span.id] = self._given_in[span.execution_id][span.id] = span

    def run(self, execution_id: str) -> dict[str, Span]:
        """The spans of an execution by id, but for those that began long before the batch's."""
        run = self._runs.get(execution_id)
        if run is None:
            run = self._runs[execution_id] = self._read(execution_id, self._since)
        return run

    def whole(self, execution_id: str) -> list[Span]:
        """All spans of an execution."""
        return list(self._read(execution_id, 0).values())

    def _read(self, execution_id: str, since: int) -> dict[str, Span]:
        stored = self._store.spans_since(execution_id, since)
        known = {span.id: span for span in stored if span.id not in self._given} | self._given_in[execution_id]
        return {id: span for id, span in known.items() if id not in self._gone}

    def add(self, span: Span) -> None:
        """Put a new or a changed span into the batch."""
        self._note(span)
        self._batch.spans.append(span)
        if span.execution_id in self._runs:
            self._runs[span.execution_id][span.id] = span

    def change(self, span: Span) -> None:
        """Have a span written that was changed."""
        if self._given.get(span.id) is not span:
            self.add(span)

    def remove(self, span: Span) -> None:
        """Take a span out: it turned out to be another."""
        self._gone.add(span.id)
        self._batch.removed.append(span.id)
        self._runs.get(span.execution_id, {}).pop(span.id, None)

    def move(self, span: Span, execution_id: str, source: str) -> None:
        """Give a span to another execution."""
        self._runs.get(span.execution_id, {}).pop(span.id, None)
        self._given_in[span.execution_id].pop(span.id, None)
        span.execution_id, span.execution_source = execution_id, source
        if self._given.get(span.id) is span:
            self._given_in[execution_id][span.id] = span
            if execution_id in self._runs:
                self._runs[execution_id][span.id] = span
        else:
            self.add(span)
