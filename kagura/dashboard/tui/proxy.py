"""What the proxy says of itself: its troubles, and how far the calls in flight have come."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from kagura.config import Settings
from kagura.dashboard.amounts import plural
from kagura.dashboard.text import safe
from kagura.dashboard.tui.feed import Progress

if TYPE_CHECKING:
    import http.client

PATIENCE_SECONDS = 0.5
HEALTH_EVERY = 3.0
"""Seconds between two looks at the proxy's health."""
ABSENT_EVERY = 5.0
"""Seconds until a proxy that did not answer is asked again."""

_LARGEST = 1 << 20
"""Bytes of an answer that are read; a proxy's own are far below."""
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104


class _Journal(msgspec.Struct):
    calls_unrecorded: int = 0
    last_failure: str | None = None


class _Collector(msgspec.Struct):
    running: bool = True
    waiting_bytes: int = 0


class Health(msgspec.Struct):
    """As much of `/kagura/health` as is looked at."""

    version: str
    status: str = "ok"
    home: str = ""
    journal: _Journal = msgspec.field(default_factory=_Journal)
    collector: _Collector = msgspec.field(default_factory=_Collector)


class ProxyWatch:
    """Asks the proxy of this machine's settings, seldom, and never for long."""

    def __init__(self, settings: Settings, monotonic: Callable[[], float] = time.monotonic) -> None:
        host = _LOOPBACK.get(settings.proxy.host, settings.proxy.host)
        self._address = (host, settings.proxy.port)
        self._home = str(settings.home)
        self._monotonic = monotonic
        self._health: Health | None = None
        self._health_due = self._asked_due = 0.0
        self._connection: http.client.HTTPConnection | None = None
        self.expects = False
        """Whether the store knows of calls in flight."""

    def troubles(self) -> list[str]:
        """What is wrong with the recording, in words; nothing where no proxy of this home runs."""
        if self._monotonic() >= self._health_due:
            self._health_due = self._monotonic() + HEALTH_EVERY
            self._health = self._ask("/kagura/health", Health)
        health = self._health
        return _troubles(health) if health and health.home == self._home else []

    def flights(self) -> dict[str, Progress]:
        """The calls in flight by the ids of their spans."""
        if not self.expects:
            return {}
        return self._ask("/kagura/inflight", dict[str, Progress]) or {}

    def _ask(self, path: str, kind: Any) -> Any:
        """What the proxy answers; `None` where it does not, and then it is left alone for a while."""
        if self._monotonic() < self._asked_due:
            return None
        data = self._get(path, again=self._connection is not None)
        if data is None:
            self._asked_due = self._monotonic() + ABSENT_EVERY
            return None
        try:
            return msgspec.json.decode(data, type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None

    def _get(self, path: str, *, again: bool) -> bytes | None:
        """An answer's body; a connection that was kept may have ended meanwhile, and then another one is tried."""
        import http.client  # the first answer goes without it, and is there sooner

        connection = self._connection or http.client.HTTPConnection(*self._address, timeout=PATIENCE_SECONDS)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            data = answer.read(_LARGEST)
        except (OSError, http.client.HTTPException):
            connection.close()
            self._connection = None
            return self._get(path, again=False) if again else None
        self._connection = connection
        if answer.status != 200 or len(data) == _LARGEST:
            self.close()
            return b""
        return data

    def close(self) -> None:
        """Let the connection go."""
        if self._connection:
            self._connection.close()
            self._connection = None


def _troubles(health: Health) -> list[str]:
    found = []
    if health.status != "ok" or health.journal.last_failure:
        reason = safe(health.journal.last_failure or health.status)
        found.append(f"the proxy passes calls on but does not record them: {reason}")
    if health.journal.calls_unrecorded:
        found.append(f"{plural(health.journal.calls_unrecorded, 'call')} could not be recorded by the proxy")
    if not health.collector.running:
        found.append("the proxy's collector does not run: calls wait in the journal")
    return found
