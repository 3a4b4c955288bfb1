"""Exports of OpenTelemetry in the journal → spans with usage and cost, as yet in no execution."""

import logging
from collections.abc import Iterator

from kagura.collector.interpretation import Interpreter
from kagura.collector.joins import Arrival
from kagura.collector.span_events import TYPE
from kagura.journal import Telemetry
from kagura.model import Event
from kagura.otel.decoding import LOGS, TRACES, read_logs, read_spans
from kagura.otel.incoming import Incoming, from_span
from kagura.otel.incoming_logs import from_log

log = logging.getLogger(__name__)


def arrivals(record: Telemetry, interpreter: Interpreter) -> Iterator[Arrival]:
    """The spans that an export holds. Never raises: what cannot be understood is left out, and said."""
    for told in _told(record):
        event = Event(type=TYPE, at=told.at or record.received_at, execution_id=told.id, data=told.data)
        reported = interpreter.interpret_event(event)
        if reported:
            yield Arrival(told, reported.span, reported.contents)


def _told(record: Telemetry) -> Iterator[Incoming]:
    try:
        if record.signal == TRACES:
            for span in read_spans(record.encoding, record.body):
                yield from_span(span)
        elif record.signal == LOGS:
            for line in read_logs(record.encoding, record.body):
                told = from_log(line)
                if told:
                    yield told
    except Exception:
        log.exception("what an OpenTelemetry exporter sent could not be understood")
