"""From a program to the local journal: nothing that goes wrong here ever reaches the program."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from kagura.config import Settings, load
from kagura.journal import JournalWriter, Reported
from kagura.model import Event, JsonObject

_log = logging.getLogger("kagura.observability")

CONTENT = ("input", "output")
"""Fields of an event that hold what was said, which `capture.content: none` keeps out of every file."""


def _journal(settings: Settings) -> Path:
    return settings.journal_dir


class Reporter:
    """Appends events to the journal of the settings in force when the first one comes. Threads may share it."""

    def __init__(
        self,
        settings: Callable[[], Settings] = load,
        folder: Callable[[Settings], Path] = _journal,
        segment_size: int | None = None,
    ) -> None:
        self._load = settings
        self._folder = folder
        self._segment_size = segment_size
        self._settings: Settings | None = None
        self._writer: JournalWriter | None = None
        self._failing = False
        self._without_content = False
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
                event = make(self.settings())
                if event is None:
                    return False
                self._append(event)
        except Exception as error:
            self._failed(error)
            return False
        self._failing = False
        return True

    def write(self, type: str, at: int, execution_id: str, data: JsonObject) -> None:
        """Write an event, the quick way; of what was said nothing where `capture.content` is `none`."""
        try:
            with self._lock:
                if self._writer is None:
                    self._without_content = self.settings().capture.content == "none"
                if self._without_content:
                    for name in CONTENT:
                        data.pop(name, None)
                self._append(Event(type=type, at=at, execution_id=execution_id, data=data))
        except Exception as error:
            self._failed(error)
        else:
            self._failing = False

    def _append(self, event: Event) -> None:
        if self._writer is None:
            settings = self.settings()
            self._writer = JournalWriter(self._folder(settings), self._segment_size or settings.journal.segment_size)
        self._writer.append(Reported(event=event))

    def _failed(self, error: Exception) -> None:
        level = logging.DEBUG if self._failing else logging.WARNING
        self._failing = True
        _log.log(level, "not recorded: %s", error)

    def close(self) -> None:
        """Let the journal go; the next event opens it again."""
        with self._lock:
            if self._writer is not None:
                self._writer.close()
                self._writer = None
