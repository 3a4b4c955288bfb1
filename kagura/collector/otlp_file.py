"""Spans of the store as lines of OTLP/JSON, as OpenTelemetry's file exporter writes them.

https://opentelemetry.io/docs/specs/otel/protocol/file-exporter/: each line is one request.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from kagura.collector.otlp_spans import OutgoingSpans
from kagura.config import Settings
from kagura.model import Span, Status
from kagura.otel.encoding import OutgoingSpan
from kagura.otel.outgoing_wire import request_json, resource_attributes
from kagura.store import Store
from kagura.store.export import Chosen
from kagura.store.views import ExecutionRow

LINE = 100
"""Spans of one line."""
REMEMBERED = 10_000
"""Executions that are known to be written; one that comes again after so many others is written once more."""


def otlp_lines(
    settings: Settings,
    store: Store,
    chosen: Chosen,
    *,
    executions: bool,
    content: bool,
    counted: Callable[[int], None],
) -> Iterator[bytes]:
    """The chosen spans with the executions that they belong to, or with `executions` the chosen executions alone.

    `counted` is told how many rows were read.
    """
    outgoing = OutgoingSpans(settings, store, content=content, with_received=True)
    resource = resource_attributes(settings.otlp.resource)
    made = chosen_spans(outgoing, store, chosen, executions=executions, counted=counted)
    while line := list(islice(made, LINE)):
        yield request_json(line, resource) + b"\n"


def chosen_spans(
    outgoing: OutgoingSpans,
    store: Store,
    chosen: Chosen,
    *,
    executions: bool,
    counted: Callable[[int], None],
    ended: bool = False,
) -> Iterator[OutgoingSpan]:
    """The chosen spans by start, each behind the execution that it belongs to; with `executions` those alone.

    With `ended`, those that still run are left out.
    """
    pages = _executions if executions else _spans
    return pages(outgoing, store, chosen, counted, ended)


def _executions(
    outgoing: OutgoingSpans, store: Store, chosen: Chosen, counted: Callable[[int], None], ended: bool
) -> Iterator[OutgoingSpan]:
    for page in store.execution_pages(chosen):
        yield from (made for _, made in outgoing.executions(row for row in page if not (ended and _runs(row))))
        counted(len(page))


def _spans(
    outgoing: OutgoingSpans, store: Store, chosen: Chosen, counted: Callable[[int], None], ended: bool
) -> Iterator[OutgoingSpan]:
    written: OrderedDict[str, None] = OrderedDict()
    for page in store.span_pages(chosen):
        if not chosen.of_spans_only:
            new = [id for id in _execution_ids(page) if id not in written]
            rows = store.executions_by_id(new).values()
            yield from (made for _, made in outgoing.executions(row for row in rows if not (ended and _runs(row))))
            written.update(dict.fromkeys(new))
            while len(written) > REMEMBERED:
                written.popitem(last=False)
        yield from (made for _, made in outgoing.spans(span for span in page if not (ended and _runs(span))))
        counted(len(page))


def _runs(row: Span | ExecutionRow) -> bool:
    return row.status is Status.RUNNING


def _execution_ids(page: Iterable[Span]) -> list[str]:
    return list(dict.fromkeys(span.execution_id for span in page))
