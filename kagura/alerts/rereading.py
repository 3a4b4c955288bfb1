"""Rules and channels follow config.yaml while the collector runs."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from kagura.config import Settings, settings_path
from kagura.errors import ConfigError

log = logging.getLogger(__name__)

SETTLED_SECONDS = 1.0
"""A file that was written a moment ago may be half of one."""

LOOK_SECONDS = 5.0
"""Seconds between two looks at the file where there are no rules yet."""

Read = Callable[[], Settings]


class Rereading:
    """Tells when `alerts:` was changed in the file. A broken file, or one that is gone, changes nothing."""

    def __init__(self, settings: Settings, read: Read, path: Path | None = None) -> None:
        self._settings, self._read = settings, read
        self._path = path or settings_path()[0]
        self._seen = self._mark()

    def _mark(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    def changed(self) -> Settings | None:
        """The settings with the alerts that hold from now on; `None` where they hold still. Never raises."""
        mark = self._mark()
        if mark is None or mark == self._seen or abs(time.time() - mark[0] / 1e9) < SETTLED_SECONDS:
            return None
        self._seen = mark
        try:
            alerts = self._read().alerts
        except ConfigError as error:
            log.error("the alerts stay as they were, the changed file cannot be used: %s", error)
            return None
        if alerts == self._settings.alerts:
            return None
        self._settings = msgspec.structs.replace(self._settings, alerts=alerts)
        log.info("alerts were read again from %s; rules: %s", self._path, ", ".join(alerts.rules) or "none")
        return self._settings


@contextmanager
def waiting_for_rules(settings: Settings, read: Read) -> Iterator[Callable[[int], None]]:
    """Where there are no rules yet: looks for the first with what is recorded, and then begins to watch."""
    with ExitStack() as at_the_end:
        rereading, due, watch = Rereading(settings, read), 0.0, None

        def recorded(oldest: int) -> None:
            nonlocal due, watch
            if watch is None and time.monotonic() >= due:
                due = time.monotonic() + LOOK_SECONDS
                found = rereading.changed()
                if found and found.alerts.rules:
                    from kagura.alerts.watch import watching

                    watch = at_the_end.enter_context(watching(found, read))
            if watch is not None:
                watch(oldest)

        yield recorded
