"""The reader's process, started by the standard library alone: it loads the store while the screen loads itself."""

import json
import subprocess
import sys
import tempfile

from kagura.dashboard.tui.frames import read_frame, write_frame

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class ReaderProcess:
    """`python -m kagura.dashboard.tui.child`, which has been told the flags of the command line."""

    def __init__(self, flags: "Mapping[str, str | None]") -> None:
        self._last_words = tempfile.TemporaryFile()  # noqa: SIM115
        # -P: no module of the current folder is taken for one of ours. Its own session: what the terminal sends to its
        # processes is for the screen alone.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "kagura.dashboard.tui.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._last_words,
            start_new_session=True,
        )
        assert self._process.stdin and self._process.stdout
        self._questions, self._replies = self._process.stdin, self._process.stdout
        self.pid = self._process.pid
        self.tell(json.dumps(dict(flags)).encode())

    def tell(self, data: bytes) -> None:
        """Send a frame; a reader that has ended is noticed by what it does not say."""
        try:
            write_frame(self._questions, data)
        except OSError:
            return

    def hear(self) -> bytes | None:
        """The next frame, when it comes; `None` where the reader has ended."""
        try:
            return read_frame(self._replies)
        except OSError:
            return None

    def kill(self) -> None:
        """End it whatever it does."""
        self._process.kill()

    def bury(self) -> str:
        """Let it end, and give what it said last on standard error."""
        for pipe in (self._questions, self._replies):
            try:
                pipe.close()
            except OSError:
                continue
        try:
            self._process.wait(1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        with self._last_words as file:
            file.seek(0)
            return file.read().decode("utf-8", "replace").strip()
