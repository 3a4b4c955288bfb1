"""The start and the end of a run: into the local journal, or to a proxy elsewhere."""

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer

from kagura.cli.proxies import RunProxy
from kagura.config import Settings
from kagura.errors import KaguraError
from kagura.journal import JournalWriter, Reported
from kagura.model import Event, JsonObject, now_us

SEND_SECONDS = 5.0
"""How long a run waits at its end until the proxy elsewhere has taken its report."""
SPOOL_SEGMENT = 1 << 20
LONGEST_COMMAND = 500

_NAMES_SECRET = re.compile(r"(?i)-{0,2}[\w-]*(?:key|token|secret|passw(?:or)?d)[\w-]*(=|$)")
_IS_SECRET = re.compile(r"\b(?:sk|pk|rk|gsk|xai|hf|ghp|gho|glpat|AIza|AKIA)[-_]?[\w-]{16,}|(?<=://)[^/\s@]+(?=@)")
HIDDEN = "[hidden]"


def shown(command: list[str]) -> str:
    """A command line for people, without what looks like a password or a key."""
    words: list[str] = []
    follows = False
    for word in command:
        named = _NAMES_SECRET.match(word)
        if follows and not word.startswith("-"):
            words.append(HIDDEN)
        elif named and named[1]:
            words.append(word[: named.end()] + HIDDEN)
        else:
            clean = _IS_SECRET.sub(HIDDEN, word)
            words.append(clean if clean != word else shlex.quote(word))
        follows = bool(named and not named[1] and word.startswith("-"))
    return " ".join(words)[:LONGEST_COMMAND]


class Report:
    """Tells that a run has begun, and how it ended. What cannot be told is said on stderr, and stops nothing."""

    def __init__(self, settings: Settings, proxy: RunProxy, execution_id: str, data: JsonObject) -> None:
        self._execution_id, self._data = execution_id, data
        self._sender: Any = None
        folder, size = settings.journal_dir, settings.journal.segment_size
        if proxy.is_remote:
            from kagura.observability.sending import Sender

            folder, size = settings.home / "spool", SPOOL_SEGMENT
            self._sender = Sender(proxy.root, folder)
        self._folder = folder
        self._writer = JournalWriter(folder, size)
        self.started_at = now_us()
        self._write("execution.start", {})

    def end(self, status: str, error: str | None) -> None:
        """Tell how the run ended."""
        more = {"error": error} if error else {}
        self._write("execution.end", {"status": status, "started_at": self.started_at, **more})
        self._writer.close()
        if self._sender is None:
            return
        if not self._sender.flush(SEND_SECONDS):
            typer.echo(
                f"kagura: the proxy does not answer; the end of the run waits in {self._folder} for the next one",
                err=True,
            )
        self._sender.stop()

    def _write(self, kind: str, more: JsonObject) -> None:
        event = Event(type=kind, at=now_us(), execution_id=self._execution_id, data=self._data | more)
        try:
            self._writer.append(Reported(event=event))
        except KaguraError as error:
            typer.echo(f"kagura: the run is not recorded: {error}", err=True)
        else:
            if self._sender is not None:
                self._sender.wake()


class Outcome:
    """How the program ended: failed, until it is known."""

    def __init__(self, started_at: int) -> None:
        self.code = 1
        self.started_at = started_at
        self.ended_at: int | None = None

    @property
    def status(self) -> str:
        """The execution's status."""
        return "completed" if self.code == 0 else "failed"

    @property
    def error(self) -> str | None:
        """What the execution's error says."""
        return f"exit code {self.code}" if self.code else None


@contextmanager
def reported(settings: Settings, proxy: RunProxy, execution_id: str, data: JsonObject) -> Iterator[Outcome]:
    """Report the start of a run, and its end with what the block has found out."""
    report = Report(settings, proxy, execution_id, data)
    outcome = Outcome(report.started_at)
    try:
        yield outcome
    finally:
        outcome.ended_at = now_us()
        report.end(outcome.status, outcome.error)
