"""The reader in a process of its own: the screen stays quick whatever the store does, and both start side by side.

`python -m kagura.dashboard.tui.child` reads frames from standard input: first the flags, then questions, and writes a
reply to each; it ends when its input does. A frame is its length (little-endian u32) and as many bytes of msgpack.
"""

import contextlib
import gc
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import msgspec

from kagura import __version__
from kagura.dashboard.tui.feed import UPDATE, Reply
from kagura.errors import KaguraError
from kagura.store.questions import Failed, Question

Flags = dict[str, str | None]
"""`config`, `home` and `db` as the command line gave them; the environment is inherited."""

_LENGTH = struct.Struct("<I")
_TOLD = 300
"""Characters of a dead reader's last words."""


class ChildFeed:
    """A feed whose answers another process gives; where it dies, the next question starts it again."""

    def __init__(self, flags: Mapping[str, str | None]) -> None:
        self._flags = dict(flags)
        self._turn = threading.Lock()
        self._decoder = msgspec.msgpack.Decoder(Reply)
        self._last_words = tempfile.TemporaryFile()  # noqa: SIM115
        self._process: subprocess.Popen[bytes] | None = self._spawn()

    def _spawn(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-P", "-m", "kagura.dashboard.tui.child"]
        # -P: no module of the current folder is taken for one of ours. Its own session: what the terminal sends to its
        # processes is for the screen alone.
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._last_words,
            start_new_session=True,
        )
        assert process.stdin
        _write(process.stdin, msgspec.msgpack.encode(self._flags))
        return process

    def ask(self, question: Question) -> Reply:
        """The reply to one question; the reader's death is one as well."""
        with self._turn:
            if self._process is None:
                self._process = self._spawn()
            pipe_in, pipe_out = self._process.stdin, self._process.stdout
            assert pipe_in and pipe_out
            try:
                _write(pipe_in, msgspec.msgpack.encode(question))
                data = _read(pipe_out)
            except OSError:
                data = None
            if data is None:
                return Reply(answer=Failed(message="the reader of the store has ended", remedy=self._bury()))
            return self._decoder.decode(data)

    def _bury(self) -> str:
        """Forget the dead process; what it said last."""
        self._end()
        self._last_words.seek(0)
        said = self._last_words.read().decode("utf-8", "replace").strip()
        self._last_words.truncate(0)
        return said.rpartition("\n")[2][:_TOLD]

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                if pipe:
                    pipe.close()
        try:
            process.wait(1)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def close(self) -> None:
        """End the process; a question that is still being answered is given up."""
        process = self._process
        if process and not self._turn.acquire(timeout=0.2):
            process.kill()
            self._turn.acquire()
        self._end()
        self._last_words.close()


def _write(pipe: IO[bytes], data: bytes) -> None:
    pipe.write(_LENGTH.pack(len(data)) + data)
    pipe.flush()


def _read(pipe: IO[bytes]) -> bytes | None:
    """The next frame; `None` at the end."""
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    data = pipe.read(length)
    return data if len(data) == length else None


def serve(questions: IO[bytes], replies: IO[bytes]) -> None:
    """Answer questions until there are no more."""
    from kagura.config import load
    from kagura.dashboard.tui.reader import Reader

    flags = msgspec.msgpack.decode(_read(questions) or b"\x80", type=Flags)
    config = flags.pop("config", None)
    settings = load(Path(config) if config else None, flags=flags)
    reader = Reader(settings)
    decoder: msgspec.msgpack.Decoder[Question] = msgspec.msgpack.Decoder(Question)
    while (data := _read(questions)) is not None:
        try:
            reply = reader.ask(decoder.decode(data))
        except msgspec.MsgspecError:
            reply = Reply(answer=Failed(message=f"kagura {__version__} does not know this question", remedy=UPDATE))
        _write(replies, msgspec.msgpack.encode(reply))
        gc.enable()
    reader.close()


if __name__ == "__main__":
    gc.disable()  # until the first answer: what is being loaded is no garbage
    try:
        serve(sys.stdin.buffer, sys.stdout.buffer)
    except KaguraError as wrong:
        sys.exit(wrong.message)
    except BrokenPipeError:
        pass
