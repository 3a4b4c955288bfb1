"""The relay's way into the journal: a failure is counted and said aloud, and never reaches a call."""

import logging
import time
from collections.abc import Callable

from kagura.errors import JournalError
from kagura.journal import Ended, JournalWriter, Record, Reported, Started, Telemetry
from kagura.model import Event

_log = logging.getLogger("kagura.proxy")
LOG_INTERVAL = 60.0
"""Seconds between two log lines about the same trouble."""


class Recorder:
    """Writes records; counts what could not be kept."""

    def __init__(self, journal: JournalWriter, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._journal = journal
        self._monotonic = monotonic
        self._silent_until = 0.0
        self.failures = 0
        """Records that could not be written."""
        self.calls_lost = 0
        """Calls whose end could not be written."""
        self.last_failure: str | None = None
        """What is wrong now; `None` once a record was written again."""

    def started(self, record: Started) -> bool:
        """Write a call's start; whether it was kept."""
        return self._write(record)

    def ended(self, record: Ended, start: Started | None) -> None:
        """Write a call's end, and its start too where that could not be written in its time."""
        if not ((start is None or self._write(start)) and self._write(record)):
            self.calls_lost += 1

    def reported(self, event: Event) -> bool:
        """Write an event; whether it was kept."""
        return self._write(Reported(event=event))

    def telemetry(self, record: Telemetry) -> bool:
        """Write what an OpenTelemetry exporter sent; whether it was kept."""
        return self._write(record)

    def close(self) -> None:
        """Let the journal go."""
        self._journal.close()

    def _write(self, record: Record) -> bool:
        try:
            self._journal.append(record)
        except JournalError as error:
            self._failed(error)
            return False
        self.last_failure = None
        return True

    def _failed(self, error: JournalError) -> None:
        self.failures += 1
        self.last_failure = error.message
        now = self._monotonic()
        if now >= self._silent_until:
            self._silent_until = now + LOG_INTERVAL
            _log.error("calls go on but are not recorded (%d records lost so far): %s", self.failures, error)
