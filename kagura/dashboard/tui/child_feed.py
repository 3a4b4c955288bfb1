"""Answers of a reader in a process of its own: the screen stays quick whatever the store does."""

import threading
from collections.abc import Mapping

import msgspec

from kagura.dashboard.tui.feed import Reply
from kagura.dashboard.tui.spawning import ReaderProcess
from kagura.errors import ConfigError
from kagura.store.questions import Failed, Question

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
