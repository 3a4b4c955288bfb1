"""The relay's way into the journal: a failure is counted and said aloud, and never reaches a call."""

import logging
import time
from collections import deque
from collections.abc import Callable

from kagura.errors import JournalError
from kagura.journal import Ended, JournalWriter, Record, Reported, Started, Telemetry
from kagura.model import Event

_log = logging.getLogger("kagura.proxy")
LOG_INTERVAL = 60.0
"""Seconds between two log lines about the same trouble."""
MAX_WAITING = 16_777_216
"""Bytes of ended calls that wait in memory for a journal that cannot be written."""
_OVERHEAD = 2048
"""What a record takes beside its bodies."""


class Recorder:
    """Writes records; keeps ended calls while the journal cannot, and counts what could not be kept."""

    def __init__(self, journal: JournalWriter, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._journal = journal
        self._monotonic = monotonic
        self._silent_until = 0.0
        self._waiting: deque[Started | Ended] = deque()
        self._waiting_bytes = 0
        self.failures = 0
        """Times that a record could not be written."""
        self.calls_lost = 0
        """Calls whose end could not be written, nor be kept until it can."""
        self.last_failure: str | None = None
        """What is wrong now; `None` once a record was written again."""

    def started(self, record: Started) -> bool:
        """Write a call's start; whether it was kept."""
        return self._write(record)

    def ended(self, record: Ended, start: Started | None) -> None:
        """Write a call's end, and its start too where that could not be written in its time."""
        records: list[Started | Ended] = [record] if start is None else [start, record]
        while records and self._write(records[0]):
            del records[0]
        size = sum(map(_size, records))
        if self._waiting_bytes + size > MAX_WAITING:
            self.calls_lost += 1
            return
        self._waiting += records
        self._waiting_bytes += size

    @property
    def calls_waiting(self) -> int:
        """Ended calls that wait in memory."""
        return sum(isinstance(record, Ended) for record in self._waiting)

    def reported(self, event: Event) -> bool:
        """Write an event; whether it was kept."""
        return self._write(Reported(event=event))

    def telemetry(self, record: Telemetry) -> bool:
        """Write what an OpenTelemetry exporter sent; whether it was kept."""
        return self._write(record)

    def close(self) -> None:
        """Let the journal go, with a last try for what waits."""
        self._catch_up()
        if self._waiting:
            self.calls_lost += self.calls_waiting
            _log.error("%d calls are not recorded: the journal could not be written to the end", self.calls_waiting)
        self._journal.close()

    def _write(self, record: Record) -> bool:
        try:
            self._journal.append(record)
        except JournalError as error:
            self._failed(error)
            return False
        self.last_failure = None
        if self._waiting:
            self._catch_up()
        return True

    def _catch_up(self) -> None:
        """Write what waits, as far as that goes."""
        while self._waiting:
            try:
                self._journal.append(self._waiting[0])
            except JournalError as error:
                self._failed(error)
                return
            self._waiting_bytes -= _size(self._waiting.popleft())

    def _failed(self, error: JournalError) -> None:
        self.failures += 1
        self.last_failure = error.message
        now = self._monotonic()
        if now >= self._silent_until:
            self._silent_until = now + LOG_INTERVAL
            _log.error("calls go on but are not recorded; %d wait in memory: %s", self.calls_waiting, error)


def _size(record: Started | Ended) -> int:
    """Bytes that a record takes in memory, roughly."""
    answer = record.response_body.data if isinstance(record, Ended) else b""
    return _OVERHEAD + len(answer) + (len(record.request_body.data) if record.request_body else 0)
