"""Which trace a span is sent in, and below which span.

A call whose request carried the caller's `traceparent` stands in that trace, below that span. What lies below it
follows it. All else of an execution stands below the execution's own span, in a trace whose id follows from the
execution's, so that every part of it, whenever it is sent, finds the same trace.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from kagura.model import Execution, Span
from kagura.otel.conventions import RECEIVED
from kagura.otel.encoding import Place
from kagura.otel.outgoing_ids import Caller, read_traceparent, root_id_of, sent_id, trace_id_of

MAX_DEPTH = 32
"""Levels of spans, and of executions, that are followed upwards."""


class Lookup(Protocol):
    """What the placing of one span asks of the store."""

    def spans(self, ids: Iterable[str]) -> dict[str, Span]:
        """The spans of these ids."""

    def executions(self, ids: Iterable[str]) -> Mapping[str, Execution]:
        """The executions of these ids."""

    def first_traced(self, execution_ids: Iterable[str], own: Callable[[str], str]) -> Mapping[str, Span]:
        """The first span of each execution that has a trace id other than its `own`."""


def caller_of(span: Span) -> Caller | None:
    """Which span of another program made a call; `None` where kagura's own SDK did, or nobody said."""
    headers = span.attributes.get("headers")
    found = read_traceparent(headers.get("traceparent")) if isinstance(headers, dict) else None
    return None if found is None or found.trace_id == trace_id_of(span.execution_id) else found


def origin_of(span: Span) -> Caller | None:
    """The ids under which a span came in over OTLP.

    `None` for any other, for a call that the relay saw as well, and for what was told in a log record: no trace has it.
    """
    told = span.attributes.get(RECEIVED) if "target" not in span.attributes else None
    trace_id, span_id = (told.get("trace_id"), told.get("span_id")) if isinstance(told, dict) else (None, None)
    return Caller(trace_id, span_id) if isinstance(trace_id, str) and isinstance(span_id, str) else None


class Places:
    """Places spans and executions, remembering what it asked; good for one batch.

    `with_received` says that what came in over OTLP is sent as well, so that the tree is whole without its sender.
    """

    def __init__(self, lookup: Lookup, *, with_received: bool = False) -> None:
        self._lookup = lookup
        self._with_received = with_received
        self._spans: dict[str, Span | None] = {}
        self._executions: dict[str, Execution | None] = {}
        self._traced: dict[str, Span | None] = {}
        self._homes: dict[str, tuple[str, str, bool]] = {}

    def know(self, spans: Iterable[Span], executions: Iterable[Execution] = ()) -> None:
        """Ask for all that a batch will need at once."""
        batch = list(spans)
        self._spans |= {span.id: span for span in batch}
        self._executions |= {execution.id: execution for execution in executions}
        parents = {span.parent_id for span in batch if span.parent_id} - self._spans.keys()
        if parents:
            self._spans |= {**dict.fromkeys(parents), **self._lookup.spans(parents)}
        runs = {span.execution_id for span in batch} - self._executions.keys()
        if runs:
            self._executions |= {**dict.fromkeys(runs), **self._lookup.executions(runs)}
        self._look_for_callers(id for id, run in self._executions.items() if run is None or not run.declared)

    def _look_for_callers(self, execution_ids: Iterable[str]) -> None:
        new = [id for id in execution_ids if id not in self._traced]
        if new:
            found = self._lookup.first_traced(new, trace_id_of)
            self._traced |= {**dict.fromkeys(new), **found}

    def of_span(self, span: Span) -> Place:
        """Where a span stands; one that came in over OTLP, where it stood."""
        origin = origin_of(span)
        if origin:
            return Place(*origin, self._above_received(span))
        trace_id, parent_id = self._above(span, MAX_DEPTH)
        return Place(trace_id, sent_id(span.id), parent_id)

    def of_execution(self, execution: Execution) -> Place | None:
        """Where the span of an execution stands; `None` where its caller's trace has one in its place."""
        self._executions[execution.id] = execution
        trace_id, parent_id, is_callers = self._home(execution.id, MAX_DEPTH)
        if is_callers:
            return None
        above = execution.parent_execution_id
        over = self._home(above, MAX_DEPTH - 1)[1] if above and above != execution.id else None
        return Place(trace_id, parent_id, over)

    def _above_received(self, span: Span) -> str | None:
        """The parent of a span that came in over OTLP: a call of the relay where that took the place of its parent."""
        parent = self._span(span.parent_id) if span.parent_id else None
        if parent is not None and origin_of(parent) is None:
            return sent_id(parent.id)
        told = span.attributes[RECEIVED].get("parent_id")
        return told if isinstance(told, str) else None

    def _above(self, span: Span, depth: int) -> tuple[str, str | None]:
        """The trace and the parent of a span."""
        caller = caller_of(span)
        if caller and self._with_received and RECEIVED in span.attributes:
            # The span that made the call is not sent: the call took its place.
            parent = self._span(span.parent_id) if span.parent_id else None
            origin = origin_of(parent) if parent else None
            return caller.trace_id, origin.span_id if origin else span.parent_id and sent_id(span.parent_id)
        if caller:
            return caller.trace_id, caller.span_id
        home = self._home(span.execution_id, MAX_DEPTH)
        asked_by = span.attributes.get("asked_by") if home[2] else None
        parent_id = span.parent_id or (asked_by if isinstance(asked_by, str) else None)
        if parent_id is None or parent_id == span.id:
            return home[0], home[1]
        parent = self._span(parent_id) if depth else None
        if parent is None:
            return home[0], sent_id(parent_id)
        return origin_of(parent) or (self._above(parent, depth - 1)[0], sent_id(parent_id))

    def _home(self, execution_id: str, depth: int) -> tuple[str, str, bool]:
        """The trace of what nobody else placed in an execution, what it stands below, and whether that is a caller."""
        if execution_id not in self._homes:
            self._homes[execution_id] = self._find_home(execution_id, depth)
        return self._homes[execution_id]

    def _find_home(self, execution_id: str, depth: int) -> tuple[str, str, bool]:
        own = trace_id_of(execution_id)
        execution = self._execution(execution_id)
        if execution is None or not execution.declared:
            self._look_for_callers([execution_id])
            traced = self._traced[execution_id]
            caller = caller_of(traced) or origin_of(traced) if traced else None
            if caller:
                return caller.trace_id, caller.span_id, True
        above = execution.parent_execution_id if execution and depth else None
        if above and above != execution_id:
            return self._home(above, depth - 1)[0], root_id_of(execution_id), False
        return own, root_id_of(execution_id), False

    def _span(self, id: str) -> Span | None:
        if id not in self._spans:
            self._spans[id] = self._lookup.spans([id]).get(id)
        return self._spans[id]

    def _execution(self, id: str) -> Execution | None:
        if id not in self._executions:
            self._executions[id] = self._lookup.executions([id]).get(id)
        return self._executions[id]
