"""Events on their way to a proxy elsewhere: from the spool, in batches, tried again until the proxy has them.

Events are written to `$KAGURA_HOME/spool` first, as they would be to the journal. What a process could not send,
because the proxy was away or the process died, the next one with the same home sends. An event that is sent twice
changes nothing: the store knows it.
"""

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from kagura.observability.trouble import report_trouble

if TYPE_CHECKING:
    from kagura.journal import JournalFile
    from kagura.model import Event

BATCH_SECONDS = 0.2
"""How long events are gathered before they go."""
BATCH_EVENTS = 500
ALIVE_SECONDS = 10.0
"""How often the proxy is told that executions which run still do; after a minute without, it holds them for dead."""
RETRY_SECONDS = (0.2, 0.5, 1, 2, 5, 10)
GONE = "its process ended without saying how"


class Sender:
    """Sends what stands in a spool folder to a proxy, on a thread of its own."""

    def __init__(self, proxy: str, spool: Path, running: Callable[[], Iterable[str]] = tuple) -> None:
        self._url = f"{proxy.rstrip('/')}/kagura/v1/events"
        self._spool = spool
        self._running = running
        """The executions that this process runs."""
        self._told_at = -ALIVE_SECONDS
        self._own: set[str] = set()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._turn = threading.Lock()
        self._positions: dict[str, int] = {}
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name="kagura sender", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """There is something to send."""
        if not self._wake.is_set():
            self._wake.set()

    def flush(self, seconds: float) -> bool:
        """Send what there is now; whether that was done in the time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self._turn.acquire(timeout=max(0.0, deadline - time.monotonic())):
                try:
                    if self._send_all(timeout=max(0.05, deadline - time.monotonic())):
                        return True
                finally:
                    self._turn.release()
            time.sleep(min(0.05, max(0.0, deadline - time.monotonic())))
        return False

    def stop(self) -> None:
        """End the thread; what was not sent stays in the spool."""
        self._stopping.set()
        self._wake.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(ALIVE_SECONDS)
            if self._stopping.wait(BATCH_SECONDS):
                return
            self._wake.clear()
            with self._turn:
                sent = self._send_all(timeout=10) and self._tell_alive(timeout=10)
            if not sent:
                self._stopping.wait(RETRY_SECONDS[min(self._failures, len(RETRY_SECONDS)) - 1])
                self._wake.set()

    def _tell_alive(self, timeout: float) -> bool:
        """Say which executions still run, where that is due; False where the proxy did not take it."""
        from http.client import HTTPException

        from kagura.model import Event, now_us

        at = time.monotonic()
        if at - self._told_at < ALIVE_SECONDS:
            return True
        alive = [Event(type="execution.alive", at=now_us(), execution_id=id) for id in self._running()]
        try:
            if alive:
                self._post(alive, timeout)
                self._told_at = at
        except (OSError, HTTPException):
            return False
        return True

    def _send_all(self, timeout: float) -> bool:
        """Send everything in the spool; False where the proxy did not take it."""
        from http.client import HTTPException

        from kagura.journal import journal_files

        try:
            files = journal_files(self._spool)
            alive = {file.name for file in files if _lives(file)}
            mine = f"{os.getpid()}-"
            self._own |= {file.writer for file in files if file.name in alive and file.writer.startswith(mine)}
            for file in files:
                # What another process still writes is its own to send.
                if file.name not in alive or file.writer in self._own:
                    self._send_file(file, done=file.name not in alive, timeout=timeout)
        except (OSError, HTTPException) as error:
            self._failures += 1
            if self._failures == 1:
                report_trouble(error)
            return False
        self._failures = 0
        return True

    def _send_file(self, file: "JournalFile", *, done: bool, timeout: float) -> None:
        orphan = done and file.writer not in self._own
        batch: list[Event] = []
        running: dict[str, Event] = {}
        position = begin = self._positions.get(file.name, 0)
        for position, event in _events(file, begin):
            batch.append(event)
            if orphan:
                _follow(running, event)
            if len(batch) >= BATCH_EVENTS:
                self._post(batch, timeout)
                batch = []
                if not orphan:
                    self._positions[file.name] = position
        batch += [_interrupted(event) for event in running.values()]
        if batch:
            self._post(batch, timeout)
        self._positions[file.name] = position
        if done:
            file.remove()
            self._positions.pop(file.name, None)

    def _post(self, events: "list[Event]", timeout: float) -> None:
        """Have the proxy take events. Raises OSError where it does not, or is not there."""
        from urllib.error import HTTPError
        from urllib.request import ProxyHandler, Request, build_opener

        import msgspec

        body = msgspec.json.encode(events)
        request = Request(self._url, body, {"content-type": "application/json"})  # noqa: S310
        try:
            with build_opener(ProxyHandler({})).open(request, timeout=timeout) as answer:
                answer.read()
        except HTTPError as error:
            if error.code == 413 and len(events) > 1:
                middle = len(events) // 2
                self._post(events[:middle], timeout)
                self._post(events[middle:], timeout)
            elif error.code in (400, 413):
                # It will not be taken the next time either, and must not hold up all that follows.
                report_trouble(error)
            else:
                raise


def _lives(file: "JournalFile") -> bool:
    try:
        return file.writer_lives()
    except FileNotFoundError:
        return False


def _events(file: "JournalFile", position: int) -> "Iterator[tuple[int, Event]]":
    """The events of a file from a position on, each with the position behind it."""
    from kagura.journal import Reported

    for end, record in file.records(position):
        if isinstance(record, Reported):
            yield end, record.event


def _follow(running: "dict[str, Event]", event: "Event") -> None:
    if event.type == "execution.start":
        running[event.execution_id] = event
    elif event.type == "execution.end":
        running.pop(event.execution_id, None)


def _interrupted(start: "Event") -> "Event":
    """The end of an execution whose process is gone without one."""
    from kagura.model import Event, now_us

    data = {"agent": start.data.get("agent"), "status": "interrupted", "started_at": start.at, "error": GONE}
    return Event(type="execution.end", at=now_us(), execution_id=start.execution_id, data=data)
