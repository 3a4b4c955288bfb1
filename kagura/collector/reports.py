"""Exports of OpenTelemetry in the journal → spans with usage and cost, as yet in no execution."""

import logging
from collections.abc import Iterator

from kagura.collector.interpretation import Interpreter
from kagura.collector.joins import Arrival
from kagura.collector.span_events import TYPE
from kagura.journal import Telemetry
from kagura.model import Event, JsonObject
from kagura.otel.decoding import LOGS, TRACES, read_logs, read_spans
from kagura.otel.incoming import Incoming, from_span
from kagura.otel.incoming_logs import from_log
from kagura.otel.incoming_said import Conversations

log = logging.getLogger(__name__)


_EARLIEST = 946_684_800_000_000
"""The year 2000: before it began no clock that is set."""
_DAY = 86_400_000_000


class Reports:
    """Reads exports; what log records say of a call is brought to its span."""

    def __init__(self, interpreter: Interpreter) -> None:
        self._interpreter = interpreter
        self._conversations = Conversations()

    def arrivals(self, record: Telemetry) -> Iterator[Arrival]:
        """The spans that an export holds. Never raises: what cannot be understood is left out, and said."""
        for told in self._told(record):
            data = _in_time(told.data, record.received_at)
            event = Event(type=TYPE, at=data["started_at"], execution_id=told.id, data=data)
            reported = self._interpreter.interpret_event(event)
            if reported:
                yield Arrival(told, reported.span, reported.contents)

    def _told(self, record: Telemetry) -> Iterator[Incoming]:
        try:
            if record.signal == TRACES:
                for span in read_spans(record.encoding, record.body):
                    yield self._conversations.span(from_span(span))
            elif record.signal == LOGS:
                yield from self._logged(record)
        except Exception:
            log.exception("what an OpenTelemetry exporter sent could not be understood")

    def _logged(self, record: Telemetry) -> Iterator[Incoming]:
        spoken: dict[str, None] = {}
        for line in read_logs(record.encoding, record.body):
            told = from_log(line)
            if told:
                yield told
            elif id := self._conversations.log(line):
                spoken[id] = None
        for id in spoken:
            yield self._conversations.again(id)


def _in_time(data: JsonObject, received_at: int) -> JsonObject:
    """What is reported, by the time of receipt where the program's clock cannot be right: its durations still are.

    A span of tomorrow would stand above all others for ever, and one of 1970 below.
    """
    began, ended = data["started_at"], data["ended_at"]
    if _EARLIEST <= began <= received_at + _DAY:
        return data
    duration = ended - began if ended >= _EARLIEST and 0 <= ended - began <= _DAY else 0
    return data | {"started_at": received_at - duration, "ended_at": received_at, "first_chunk_at": None}
