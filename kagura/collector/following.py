"""The journal, followed: which records are new, which calls are open, which files are done."""

import logging
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from kagura.journal import Ended, JournalFile, Record, Reported, Started, Telemetry, exchange, journal_files
from kagura.model import Event, Exchange

log = logging.getLogger(__name__)

LEASE_SECONDS = 60.0
"""So long a run of a process elsewhere is believed to go on after the last sign of its life."""


class Follower:
    """Reads every file of a journal folder from its stored position on.

    Records are handed out once; `positions` says how far each file was read. The caller stores both together.
    """

    def __init__(self, folder: Path, positions: dict[str, int], clock: Callable[[], float] = time.monotonic) -> None:
        self.positions = positions
        self.open_calls: dict[str, tuple[JournalFile, Started]] = {}
        self.open_runs: dict[str, JournalFile] = {}
        """Declared executions that have begun and not ended, and the file that says so."""
        self.open_spans: dict[str, tuple[JournalFile, str]] = {}
        """Reported spans that have begun and not ended, the file that says so, and their execution."""
        self._leases: dict[str, float] = {}
        """Executions whose process gives signs of life itself, and until when it is believed to live."""
        self._folder = folder
        self._clock = clock
        self._unreadable: set[str] = set()
        self._complete: set[str] = set()
        self._writers_gone: set[str] = set()

    def recall(self, is_running: Callable[[Collection[str]], Collection[str]]) -> None:
        """Find the calls and runs that were open when the last collector stopped.

        `is_running` says which of the given span ids the store still holds as running: a call whose end was read from
        a file that is gone by now is not among them.
        """
        for file in journal_files(self._folder):
            limit = self.positions.get(file.name, 0)
            if limit:
                for position, record in self._records(file, 0):
                    if position > limit:
                        break
                    if isinstance(record, Ended):
                        self.open_calls.pop(record.id, None)
                    else:
                        self._note(file, record)
        running = set(is_running(list(self.open_calls)))
        self.open_calls = {id: call for id, call in self.open_calls.items() if id in running}

    def news(self) -> Iterator[Started | Exchange | Event | Telemetry]:
        """What was not handed out before, file by file: calls that began, calls that ended, events, exports."""
        files = journal_files(self._folder)
        alive = {file.name: self._lives(file) for file in files}
        live_writers = {file.writer for file in files if alive[file.name]}
        for file in files:
            for position, record in self._records(file, self.positions.get(file.name, 0)):
                self.positions[file.name] = position
                if record is None:
                    self._unreadable.add(file.name)
                    continue
                noted = self._note(file, record)
                if noted is not None:
                    yield noted
            if not alive[file.name]:
                self._complete.add(file.name)
        self._writers_gone = {file.writer for file in files} - live_writers

    def _note(self, file: JournalFile, record: Record | None) -> Started | Exchange | Event | Telemetry | None:
        if isinstance(record, Started):
            self.open_calls[record.id] = (file, record)
            return record
        if isinstance(record, Ended):
            if record.id in self.open_calls:
                return exchange(self.open_calls.pop(record.id)[1], record)
            log.error("%s ends call %s, of which there is no beginning", file.path, record.id)
        if isinstance(record, Reported):
            self._note_run(file, record.event)
            return record.event
        return record if isinstance(record, Telemetry) else None

    def _note_run(self, file: JournalFile, event: Event) -> None:
        if event.type == "execution.start":
            self.open_runs[event.execution_id] = file
        elif event.type == "execution.end":
            self.open_runs.pop(event.execution_id, None)
            self._leases.pop(event.execution_id, None)
        elif event.type == "execution.alive" and event.execution_id in self.open_runs:
            self._leases[event.execution_id] = self._clock() + LEASE_SECONDS
        elif event.type == "span" and isinstance(id := event.data.get("id"), str):
            if event.data.get("ended_at") is None:
                self.open_spans[id] = file, event.execution_id
            else:
                self.open_spans.pop(id, None)

    def orphaned_calls(self) -> list[Started]:
        """Calls that will never end: their process is gone and its files are read."""
        return [start for file, start in self.open_calls.values() if self._gone(file)]

    def orphaned_runs(self) -> list[str]:
        """Declared executions whose process is gone without saying how they ended."""
        return [id for id, file in self.open_runs.items() if self._lost(id, file)]

    def orphaned_spans(self) -> list[str]:
        """Reported spans whose process is gone without saying how they ended."""
        return [id for id, (file, run) in self.open_spans.items() if self._lost(run, file)]

    def _lost(self, run: str, file: JournalFile) -> bool:
        """Whether the process of an execution is gone: it says no more that it lives, or its own file is let go."""
        lease = self._leases.get(run)
        return self._gone(file) if lease is None else lease < self._clock()

    def _gone(self, file: JournalFile) -> bool:
        return file.writer in self._writers_gone and file.name in self._complete

    def forget(self, calls: Collection[str], runs: Collection[str]) -> None:
        """These orphans were dealt with."""
        for id in calls:
            self.open_calls.pop(id, None)
        for id in runs:
            self.open_runs.pop(id, None)
            self._leases.pop(id, None)

    def forget_spans(self, spans: Collection[str]) -> None:
        """These orphaned spans were dealt with."""
        for id in spans:
            self.open_spans.pop(id, None)

    def finished_files(self) -> list[JournalFile]:
        """Files that were read to their end, that nobody writes any more and that no open call needs."""
        runs_and_spans = (*self.open_runs.values(), *(file for file, _ in self.open_spans.values()))
        needed = {file.name for file, _ in self.open_calls.values()} | {file.name for file in runs_and_spans}
        return [
            file
            for file in journal_files(self._folder)
            if file.name in self._complete and file.name not in needed and file.writer
        ]

    def remove(self, file: JournalFile) -> None:
        """Delete a finished file; one that holds what could not be read is set aside instead."""
        damaged = file.name in self._unreadable or file.damaged_at(self.positions.get(file.name, 0))
        if damaged:
            log.error("%s holds records that cannot be read; it is kept as %s", file.path, file.set_aside().name)
        else:
            file.remove()
        self._complete.discard(file.name)
        self._unreadable.discard(file.name)
        self.positions.pop(file.name, None)

    def _records(self, file: JournalFile, position: int) -> Iterator[tuple[int, Record | None]]:
        try:
            yield from file.records(position)
        except FileNotFoundError:
            return
        except Exception as error:
            log.error("%s cannot be read: %s", file.path, error)
            self._unreadable.add(file.name)

    def _lives(self, file: JournalFile) -> bool:
        try:
            return file.writer_lives()
        except OSError:
            return False
