"""From a program to the local journal: nothing that goes wrong here ever reaches the program."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from kagura.config import Settings, load
from kagura.journal import JournalWriter, Reported
from kagura.model import Event

_log = logging.getLogger("kagura.observability")


def _journal(settings: Settings) -> Path:
    return settings.journal_dir


class Reporter:
    """Appends events to the journal of the settings in force when the first one comes. Threads may share it."""

    def __init__(self, settings: Callable[[], Settings] = load, folder: Callable[[Settings], Path] = _journal) -> None:
        self._load = settings
        self._folder = folder
        self._settings: Settings | None = None
        self._writer: JournalWriter | None = None
        self._failing = False
        self.forked()

    def forked(self) -> None:
        """Have a lock of its own in a child process, where the parent's may be held for ever.

        It can be taken twice by one thread: a generator that is collected in the middle of a write ends its span.
        """
        self._lock = threading.RLock()

    def settings(self) -> Settings:
        """The settings. Raises ConfigError where they cannot be read."""
        if self._settings is None:
            self._settings = self._load()
        return self._settings

    def report(self, make: Callable[[Settings], Event | None]) -> bool:
        """Write the event that `make` builds, if it builds one; whether that was done.

        A failure, also one of `make`, is logged, the first of a row of them as a warning.
        """
        try:
            with self._lock:
                settings = self.settings()
                event = make(settings)
                if event is None:
                    return False
                if self._writer is None:
                    self._writer = JournalWriter(self._folder(settings), settings.journal.segment_size)
                self._writer.append(Reported(event=event))
        except Exception as error:
            level = logging.DEBUG if self._failing else logging.WARNING
            self._failing = True
            _log.log(level, "not recorded: %s", error)
            return False
        self._failing = False
        return True

    def close(self) -> None:
        """Let the journal go; the next event opens it again."""
        with self._lock:
            if self._writer is not None:
                self._writer.close()
                self._writer = None
