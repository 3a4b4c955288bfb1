"""The reader in a process of its own: the screen stays quick whatever the store does, and both start side by side.

`python -m kagura.dashboard.tui.child` reads frames from standard input: first the flags as JSON, to which it replies
when it has read the settings, then questions, and writes a reply to each; it ends when its input does. Questions and
replies are msgpack.
"""

import gc
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import msgspec

from kagura import __version__
from kagura.dashboard.tui.feed import UPDATE, Reply
from kagura.dashboard.tui.spawning import ReaderProcess, read_frame, write_frame
from kagura.errors import ConfigError, KaguraError
from kagura.store.questions import Failed, Gone, Question

Flags = dict[str, str | None]
"""`config`, `home` and `db` as the command line gave them; the environment is inherited."""

_TOLD = 300
"""Characters of a dead reader's last words."""


class ChildFeed:
    """A feed whose answers another process gives; where it dies, the next question starts it again."""

    def __init__(self, flags: Mapping[str, str | None], started: ReaderProcess | None = None) -> None:
        self._flags = dict(flags)
        self._turn = threading.Lock()
        self._decoder = msgspec.msgpack.Decoder(Reply)
        self._process: ReaderProcess | None = started or ReaderProcess(flags)
        self._ready = False

    def check(self) -> None:
        """Wait until the settings were read. Raises ConfigError where they cannot be used."""
        with self._turn:
            failed = self._settled()
        if failed:
            raise ConfigError(failed.message, failed.remedy)

    def ask(self, question: Question) -> Reply:
        """The reply to one question; the reader's death is one as well."""
        with self._turn:
            failed = self._settled()
            return Reply(answer=failed) if failed else self._reply(msgspec.msgpack.encode(question))

    def _settled(self) -> Failed | None:
        """What is wrong with the settings of the process that runs, or is started now."""
        if self._process is None:
            self._process, self._ready = ReaderProcess(self._flags), False
        if self._ready:
            return None
        answer = self._reply(None).answer
        if isinstance(answer, Failed):
            self._end()
            return answer
        self._ready = True
        return None

    def _reply(self, question: bytes | None) -> Reply:
        assert self._process
        if question is not None:
            self._process.tell(question)
        data = self._process.hear()
        if data is None:
            said = self._end().rpartition("\n")[2][:_TOLD]
            return Reply(answer=Failed(message="the reader of the store has ended", remedy=said))
        return self._decoder.decode(data)

    def _end(self) -> str:
        process, self._process = self._process, None
        return process.bury() if process else ""

    def close(self) -> None:
        """End the process; a question that is still being answered is given up."""
        process = self._process
        if process and not self._turn.acquire(timeout=0.2):
            process.kill()
            self._turn.acquire()
        self._end()


def serve(questions: IO[bytes], replies: IO[bytes]) -> None:
    """Answer questions until there are no more."""
    from kagura.config import load

    flags = msgspec.json.decode(read_frame(questions) or b"{}", type=Flags)
    config = flags.pop("config", None)
    try:
        settings = load(Path(config) if config else None, flags=flags)
    except KaguraError as error:
        return _tell(replies, Reply(answer=Failed(message=error.message, remedy=error.remedy)))
    _tell(replies, Reply(answer=Gone()))
    from kagura.dashboard.tui.reader import Reader

    reader = Reader(settings)
    decoder: msgspec.msgpack.Decoder[Question] = msgspec.msgpack.Decoder(Question)
    while (data := read_frame(questions)) is not None:
        try:
            reply = reader.ask(decoder.decode(data))
        except msgspec.MsgspecError:
            reply = Reply(answer=Failed(message=f"kagura {__version__} does not know this question", remedy=UPDATE))
        _tell(replies, reply)
        gc.enable()
    return reader.close()


def _tell(replies: IO[bytes], reply: Reply) -> None:
    write_frame(replies, msgspec.msgpack.encode(reply))


if __name__ == "__main__":
    gc.disable()  # until the first answer: what is being loaded is no garbage
    try:
        serve(sys.stdin.buffer, sys.stdout.buffer)
    except KaguraError as wrong:
        sys.exit(wrong.message)
    except BrokenPipeError:
        pass
