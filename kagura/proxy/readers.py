"""Reader processes that answer the questions of monitors elsewhere: started when they are asked, ended when idle.

The proxy passes questions and replies on as bytes: it loads neither the store nor what decodes them.
"""

import asyncio
import os
import struct
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress

READER = "kagura.dashboard.tui.child"
"""The module that answers: flags as JSON in, then questions, and a reply to each; in frames of a little-endian u32 and
as many bytes."""
MOST_READERS = 4
MAX_REPLY = 64 * 1024 * 1024
ANSWER_SECONDS = 20.0
IDLE_SECONDS = 60.0
RETIRED_SECONDS = 10.0
"""A reader that was not asked for so long gives way to a new monitor: an open one asks every few seconds."""
_LENGTH = struct.Struct("<I")
_NO_FLAGS = b"{}"


class BusyError(Exception):
    """As many monitors read as there may be."""


class EndedError(Exception):
    """The reader has ended, or does not answer; the next question starts another one."""


class Reader:
    """One reader process, asked one question at a time; a thread waits for it, the proxy's loop never does."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._turn = asyncio.Lock()
        self.asked_at = time.monotonic()

    @property
    def is_busy(self) -> bool:
        """Whether a question is being answered."""
        return self._turn.locked()

    async def ask(self, question: bytes) -> bytes:
        """The reply. Raises EndedError where there is none."""
        async with self._turn:
            late = asyncio.get_running_loop().call_later(ANSWER_SECONDS, self.kill)
            try:
                return await asyncio.to_thread(self._exchange, question)
            except asyncio.CancelledError:
                self.kill()  # its late reply would be taken for that of the next question
                raise
            finally:
                late.cancel()
                self.asked_at = time.monotonic()

    def _exchange(self, question: bytes) -> bytes:
        process = self._process
        try:
            if process is None:
                process = self._process = self._spawn()
                _write(process, _NO_FLAGS)
                _read(process)  # its settings are read
            _write(process, question)
            return _read(process)
        except (OSError, EOFError, ValueError) as error:
            self.end()
            raise EndedError from error

    def _spawn(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-P", "-m", READER]
        pipe = subprocess.PIPE
        # Its own session: Ctrl-C in the terminal is for the proxy alone.
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, env=self._environment, start_new_session=True)

    def kill(self) -> None:
        """Let a question that is being answered fail."""
        if self._process is not None:
            self._process.kill()

    def end(self) -> None:
        """End the process; it only reads, so nothing is lost."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                if pipe:
                    pipe.close()


def _write(process: subprocess.Popen[bytes], data: bytes) -> None:
    assert process.stdin
    process.stdin.write(_LENGTH.pack(len(data)) + data)
    process.stdin.flush()


def _read(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout
    head = process.stdout.read(_LENGTH.size)
    length = _LENGTH.unpack(head)[0] if len(head) == _LENGTH.size else 0
    if not 0 < length <= MAX_REPLY:
        raise EOFError
    data = process.stdout.read(length)
    if len(data) < length:
        raise EOFError
    return data


class Readers:
    """A reader for each monitor, by the id that the monitor gave itself."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._environment = environment
        self._readers: dict[str, Reader] = {}
        self._sweeping: asyncio.TimerHandle | None = None

    async def ask(self, viewer: str, question: bytes, own: Mapping[str, str]) -> bytes:
        """The reply for one monitor; `own` are settings of a reader that is started. Raises BusyError, EndedError."""
        reader = self._readers.get(viewer)
        if reader is None:
            self._make_room()
            reader = self._readers[viewer] = Reader({**self._environment, **own})
        if self._sweeping is None:
            self._sweep()
        return await reader.ask(question)

    def _make_room(self) -> None:
        if len(self._readers) < MOST_READERS:
            return
        viewer, oldest = min(self._readers.items(), key=lambda row: (row[1].is_busy, row[1].asked_at))
        if oldest.is_busy or time.monotonic() - oldest.asked_at < RETIRED_SECONDS:
            raise BusyError
        self._readers.pop(viewer).end()

    def _sweep(self) -> None:
        """End readers that nobody asks any more; look again for as long as there are some."""
        now = time.monotonic()
        idle = [name for name, row in self._readers.items() if not row.is_busy and now - row.asked_at > IDLE_SECONDS]
        for viewer in idle:
            self._readers.pop(viewer).end()
        loop = asyncio.get_running_loop()
        self._sweeping = loop.call_later(IDLE_SECONDS / 4, self._sweep) if self._readers else None

    def close(self) -> None:
        """End all of them."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None
        for reader in self._readers.values():
            if reader.is_busy:
                reader.kill()  # the thread that waits for it then does the rest
            else:
                reader.end()
        self._readers.clear()
