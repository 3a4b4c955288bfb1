"""One process's journal file: opened for append, locked for as long as the process lives."""

import fcntl
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path

from kagura.errors import JournalError
from kagura.journal.records import MAGIC, Record, encode

SUFFIX = ".kj"

LOOK_NS = 20_000_000
"""So often at most it is looked whether somebody deleted the file: asking the system costs as much as writing."""

_forks = 0
"""How often this process was forked off another one."""


def _forked() -> None:
    global _forks
    _forks += 1


os.register_at_fork(after_in_child=_forked)


class JournalWriter:
    """Appends records, one `write` each; a file is begun with the first record and after `segment_size` bytes.

    A record that cannot be written raises JournalError, leaves no half frame behind where the disk allows, and the
    next record tries again. The lock on the newest file tells readers that its writer lives.
    """

    def __init__(self, folder: Path, segment_size: int = 67_108_864) -> None:
        self._folder = folder
        self._segment_size = segment_size
        self._fd = -1
        self._size = 0
        self._damaged = False
        self._looked_at = 0
        self._began_at = 0
        self._identify()

    def _identify(self) -> None:
        """Name this process as a writer: its files share the name, so readers know that they belong together."""
        self._process = _forks
        self._name = f"{os.getpid()}-{secrets.token_hex(6)}"
        self._files = 0

    def append(self, record: Record) -> None:
        """Write one record. Raises JournalError where it cannot be kept."""
        parts = encode(record)
        length = len(parts[0]) + len(parts[1])
        try:
            if self._is_spent():
                self._begin()
            written = os.writev(self._fd, parts)
            if written != length:
                self._finish(b"".join(parts)[written:])
        except OSError as error:
            self._undo()
            raise JournalError(f"{self._folder}: cannot write the journal: {error}") from error
        self._size += length

    def _is_spent(self) -> bool:
        """Whether another file is due: none yet, this one full, damaged, a parent process's, or deleted by somebody."""
        if self._fd < 0 or self._size >= self._segment_size or self._damaged or self._process != _forks:
            return True
        at = time.monotonic_ns()
        if at - self._looked_at < LOOK_NS:
            return False
        self._looked_at = at
        self._damaged = os.fstat(self._fd).st_nlink == 0
        return self._damaged

    def _finish(self, rest: bytes) -> None:
        while rest:
            rest = rest[os.write(self._fd, rest) :]

    def _undo(self) -> None:
        """Cut a half-written frame off, so that later records stay readable."""
        if self._fd < 0:
            return
        try:
            os.ftruncate(self._fd, self._size)
        except OSError:
            self._damaged = True

    def _begin(self) -> None:
        """Open a fresh file; the old one, if any, is let go for the collector to remove."""
        previous, own = self._fd, self._process == _forks
        if not own:
            self._identify()
        private_folder(self._folder)
        self._files += 1
        # Files are read in the order of their names: a clock that is set back must not put an end before its start.
        self._began_at = max(time.time_ns(), self._began_at + 1)
        name = f"{self._began_at:020d}-{self._name}-{self._files}{SUFFIX}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        # Readers look only at names with the suffix: the file gets it once it is locked.
        hidden = self._folder / f".{name}"
        fd = os.open(hidden, flags, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.write(fd, MAGIC)
            hidden.rename(self._folder / name)
        except OSError:
            os.close(fd)
            hidden.unlink(missing_ok=True)
            raise
        self._fd, self._size, self._damaged = fd, len(MAGIC), False
        if previous >= 0:
            self._let_go(previous, own)

    @staticmethod
    def _let_go(fd: int, own: bool) -> None:
        if own:
            fcntl.flock(fd, fcntl.LOCK_UN)
        os.close(fd)

    def close(self) -> None:
        """Let the file go."""
        if self._fd >= 0:
            self._let_go(self._fd, self._process == _forks)
            self._fd = -1


def private_folder(folder: Path) -> Path:
    """Make the folder, and those above it, with mode 0700 where they are missing. Raises OSError where that fails."""
    if not folder.is_dir():
        private_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def try_lock(path: Path) -> Callable[[], None] | None:
    """Take the lock of a file, made where missing; returns the release, or None where another holds it."""
    private_folder(path.parent)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    return lambda: os.close(fd)


def collector_lock(folder: Path) -> Callable[[], None] | None:
    """Take the right to read a journal folder into the store; None where another process has it."""
    return try_lock(folder / "collector.lock")


def collector_runs(folder: Path) -> bool:
    """Whether a process holds that right."""
    if not (folder / "collector.lock").exists():
        return False
    release = collector_lock(folder)
    if release is None:
        return True
    release()
    return False
