"""The files of a journal folder, read from any position."""

import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from kagura.errors import JournalError
from kagura.journal.records import HEAD_SIZE, MAGIC, Record, decode, frames, is_torn
from kagura.journal.writer import SUFFIX

CHUNK = 1 << 20
"""Bytes read at a time; a longer frame is read whole."""


class JournalFile:
    """One file of the journal."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name
        self.writer = "-".join(path.name.split("-")[1:3])
        """The process that writes it; one writer may have several files."""

    def size(self) -> int:
        """Bytes in the file now."""
        return self.path.stat().st_size

    def writer_lives(self) -> bool:
        """Whether the process that writes it still holds it."""
        fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(fd)
        return False

    def records(self, position: int = 0) -> Iterator[tuple[int, Record | None]]:
        """Records from `position` on, each with the position behind it; stops at a torn frame.

        A whole frame that holds no record we know gives `None`. Raises JournalError where the file is none of ours.
        """
        with os.fdopen(os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW), "rb") as file:
            if position < len(MAGIC):
                if file.read(len(MAGIC)) != MAGIC:
                    if os.fstat(file.fileno()).st_size < len(MAGIC):
                        return
                    raise JournalError(f"{self.path}: not a journal file", "Move it out of the journal folder.")
                position = len(MAGIC)
            want = CHUNK
            while True:
                file.seek(position)
                data = memoryview(file.read(want))
                start = position
                for end, payload in frames(data):
                    position = start + end
                    yield position, _known(payload)
                if len(data) < want:
                    return
                # A frame that did not fit is read again with more room; an empty gain at full room is damage.
                want = CHUNK if position > start else want * 4
                if want > 4 * (1 << 30):
                    return

    def damaged_at(self, position: int) -> bool:
        """Whether what stands at `position` is neither the end of the file nor a frame that was cut off there."""
        with os.fdopen(os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW), "rb") as file:
            file.seek(position)
            return not is_torn(file.read(HEAD_SIZE), os.fstat(file.fileno()).st_size - position)

    def remove(self) -> None:
        """Delete the file."""
        self.path.unlink(missing_ok=True)

    def set_aside(self) -> Path:
        """Rename the file so that nobody reads it again and nothing in it is lost; returns its new path."""
        return self.path.rename(self.path.with_suffix(".unread"))


def _known(payload: memoryview) -> Record | None:
    try:
        return decode(payload)
    except JournalError:
        return None


def journal_files(folder: Path) -> list[JournalFile]:
    """The journal files of a folder, oldest first; links and foreign files are passed over."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [
        JournalFile(Path(entry.path))
        for entry in entries
        if entry.name.endswith(SUFFIX)
        and not entry.name.startswith(".")
        and stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode)
    ]


def waiting_bytes(folder: Path) -> int:
    """Bytes in the journal files of a folder, those included that were read but cannot be deleted yet."""
    return sum(file.size() for file in journal_files(folder))
