"""Whether this process records, and the way from a span to the journal.

A finished span is one `write`, done at once, so that a crash loses none. That a span has begun is written only once it
has been open for `ANNOUNCE_SECONDS`: short ones cost half, long ones show as running, or as interrupted after a crash.
"""

import os
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from kagura.observability.context import Run, Scope, current, now_us
from kagura.observability.trouble import report_trouble

if TYPE_CHECKING:
    from pathlib import Path

    from kagura.config import Settings
    from kagura.observability.reporter import Reporter
    from kagura.observability.sending import Sender

ANNOUNCE_SECONDS = 0.1
CLOSE_SECONDS = 1.0
SPOOL_SEGMENT = 1 << 20
"""Bytes of a file of the spool, which is deleted once all of it was sent."""

_TRUE = {"1", "true", "yes", "on"}


class Open(Protocol):
    """A span that has begun."""

    id: str
    started_at: int

    def announce(self) -> None:
        """Report that it runs."""


def _nothing() -> None:
    """Nothing."""


class Recorder:
    """The one recorder of a process: off until it is asked for."""

    when_enabled: Callable[[], None] = staticmethod(_nothing)
    """What else is to happen when recording begins."""

    def __init__(self, environ: Callable[[], Any] = lambda: os.environ) -> None:
        self._environ = environ
        self._on: bool | None = None
        self._flags: dict[str, Any] = {}
        self._proxy: str | None = None
        self._reporter: Reporter | None = None
        self._metric_at = 0
        self.ambient: Scope | None = None
        """The execution that the environment names (`kagura run`)."""
        self.open: dict[str, Open] = {}
        """Spans that have begun and were not announced yet."""
        self._sender: Sender | None = None
        self.running: dict[str, dict[str, Any]] = {}
        """Executions that have begun and not ended, and the data of their end as far as it is known."""
        self.forked()
        os.register_at_fork(after_in_child=self.forked)

    def forked(self) -> None:
        """Begin anew in a child process: threads and locks of the parent are not there."""
        self._lock = threading.RLock()
        self._wake = threading.Event()
        self._watching = False
        """Whether the announcer looks at the open spans soon."""
        self._announcer: threading.Thread | None = None
        self.open = {}
        self.running = {}
        self._sender = None
        if self._reporter is not None:
            self._reporter.forked()

    @property
    def on(self) -> bool:
        """Whether spans are recorded."""
        on = self._on
        return self._decide() if on is None else on

    def _decide(self) -> bool:
        environ = self._environ()
        said = environ.get("KAGURA_ENABLED", "").strip().lower()
        # Whoever started this process with `kagura run` asked for it to be recorded.
        if said in _TRUE or (not said and environ.get("KAGURA_EXECUTION_ID")):
            self.enable()
        else:
            self._on = False
        return bool(self._on)

    def enable(self, home: "Path | str | None" = None, proxy: str | None = None) -> None:
        """Record from now on; settings are read with the first event."""
        with self._lock:
            self._close()
            environ = self._environ()
            self._flags = {} if home is None else {"home": str(home)}
            self._proxy = proxy or environ.get("KAGURA_PROXY") or None
            named = environ.get("KAGURA_EXECUTION_ID")
            self.ambient = Scope(Run(named, environ.get("KAGURA_AGENT") or "default"), None) if named else None
            self._on = True
        self.when_enabled()

    def disable(self) -> None:
        """Record nothing from now on."""
        with self._lock:
            self._on = False
            self._close()
            self.ambient = None

    def _close(self) -> None:
        if self._reporter is not None:
            self._reporter.close()
        self._reporter = None
        if self._sender is not None:
            self._sender.flush(CLOSE_SECONDS)
            self._sender.stop()
        self._sender = None

    @property
    def proxy(self) -> str | None:
        """The address to which events go instead of the local journal."""
        return self._proxy

    def settings(self) -> "Settings":
        """The settings in force. Raises ConfigError where they cannot be read."""
        return self.reporter().settings()

    def reporter(self) -> "Reporter":
        """The way into the journal, or into the spool from which events are sent to a proxy."""
        if self._reporter is None:
            with self._lock:
                if self._reporter is None:
                    self._reporter = self._new_reporter()
        return self._reporter

    def _new_reporter(self) -> "Reporter":
        from kagura.config import load
        from kagura.observability.reporter import Reporter

        flags = self._flags
        spooled = self._proxy is not None
        return Reporter(
            lambda: load(flags=flags, environ=self._environ()),
            lambda settings: settings.home / "spool" if spooled else settings.journal_dir,
            SPOOL_SEGMENT if spooled else None,
        )

    def scope(self) -> Scope | None:
        """Where the caller stands."""
        return current.get() or self.ambient

    def report(self, type: str, execution_id: str, data: dict[str, Any], at: int | None = None) -> None:
        """Write an event. Never raises."""
        if self._on:
            (self._reporter or self.reporter()).write(type, at or now_us(), execution_id, data)
            if self._proxy is not None:
                self._send()

    def _send(self) -> None:
        """Have what is in the spool sent."""
        if self._sender is None:
            with self._lock:
                if self._sender is None:
                    self._sender = self._new_sender()
        if self._sender is not None:
            self._sender.wake()

    def _new_sender(self) -> "Sender | None":
        from kagura.errors import ConfigError
        from kagura.observability.sending import Sender

        try:
            return Sender(self._proxy or "", self.settings().home / "spool", lambda: list(self.running))
        except (ConfigError, RuntimeError):
            # The first has been said; the second comes at the end of a program, when no thread can begin any more.
            return None

    def flush(self, seconds: float) -> bool:
        """Have all that was recorded sent to the proxy; whether it is there. Without a proxy nothing waits."""
        sender = self._sender
        return sender is None or sender.flush(seconds)

    def close_down(self, reason: str, seconds: float) -> None:
        """Report what still runs as interrupted, and send what waits. Never raises."""
        try:
            if self._on:
                self.announce()
                for id, data in list(self.running.items()):
                    self.report("execution.end", id, data | {"status": "interrupted", "error": reason})
                self.running.clear()
                self.flush(seconds)
        except Exception as error:
            report_trouble(error)

    def metric_instant(self) -> int:
        """The present instant, later than the last one given: numbers of one name are told apart by their time."""
        with self._lock:
            self._metric_at = max(now_us(), self._metric_at + 1)
            return self._metric_at

    def opened(self, span: Open) -> None:
        """Announce a span that stays open for long."""
        self.open[span.id] = span
        if not self._watching:
            self._watching = True
            if self._announcer is None:
                self._start_announcer()
            self._wake.set()

    def _start_announcer(self) -> None:
        with self._lock:
            if self._announcer is None:
                self._announcer = threading.Thread(target=self._announce, name="kagura spans", daemon=True)
                self._announcer.start()

    def _announce(self) -> None:
        wake = self._wake
        while True:
            wake.wait()
            time.sleep(ANNOUNCE_SECONDS)
            wake.clear()
            self._watching = False
            self.announce(now_us() - round(ANNOUNCE_SECONDS * 1_000_000))
            if self.open:
                self._watching = True
                wake.set()

    def announce(self, before: int | None = None) -> None:
        """Write that the open spans run which began before that instant; all of them where none is given."""
        for span in list(self.open.values()):
            if (before is None or span.started_at <= before) and self.open.pop(span.id, None) is not None:
                span.announce()


recorder = Recorder()
"""The recorder of this process."""
