"""The watch beside the collector: looks at the rules every few seconds and sends what is due, in threads of its own.

Neither ever stands in the way of collecting: they have connections of their own, and whatever fails in them is logged
and tried again. Where a look is slow the pauses grow, so that looking takes a small share of the time only.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kagura.alerts.delivery import Delivery
from kagura.alerts.evaluation import Look, Patience, changes, look, rules_of
from kagura.alerts.rereading import Read, Rereading
from kagura.config import Settings
from kagura.errors import StoreError
from kagura.model import now_us
from kagura.store import Store

log = logging.getLogger(__name__)

SHARE = 0.05
"""How much of the time measuring may take."""

SLOWEST = 6
"""So many times longer than configured a pause gets at most."""

DELIVERY_SECONDS = 2.0
"""Seconds between two looks for messages that are due again."""

LAST_SECONDS = 5.0
"""How long the last look and what it has to say may keep a collector that ends."""

LOOK_BACK_US = 86_400_000_000
"""So far back a watch looks that starts anew: at what was recorded while nobody looked."""


class Watch:
    """Looks and delivers until it is stopped; told by the collector what was recorded."""

    def __init__(self, settings: Settings, now: Callable[[], int] = now_us, rereading: Rereading | None = None) -> None:
        self._settings, self._now, self._rereading = settings, now, rereading
        self._rules, self._patience = rules_of(settings.alerts), Patience()
        self._oldest: int | None = None
        self._lock = threading.Lock()
        self._stop, self._due = threading.Event(), threading.Event()
        self._failing: dict[str, str] = {}
        self._took = 0.0
        self._threads = [
            threading.Thread(target=self._run, args=(work,), name=f"kagura {name}", daemon=True)
            for name, work in (("alerts", self._look), ("alert delivery", self._deliver))
        ]

    def start(self) -> None:
        """Begin to look."""
        for thread in self._threads:
            thread.start()

    def recorded(self, oldest: int) -> None:
        """Take note that calls were stored, the oldest of which began then: its window is looked at again."""
        with self._lock:
            self._oldest = oldest if self._oldest is None else min(self._oldest, oldest)

    def stop(self) -> None:
        """Look a last time, so that a short run is looked at too, and end."""
        self._stop.set()
        self._due.set()
        deadline = time.monotonic() + LAST_SECONDS
        for thread in self._threads:
            thread.join(max(deadline - time.monotonic(), 0.1))

    def _run(self, work: Callable[[Store], None]) -> None:
        while True:
            try:
                with Store.open(self._settings.db_url) as store:
                    work(store)
                return
            except StoreError as error:
                log.warning("alerts wait: %s", error)
            except Exception:
                log.exception("alerts failed, and begin again")
            if self._stop.wait(self._settings.alerts.every):
                return

    def _look(self, store: Store) -> None:
        since = store.alerts_evaluated_at()
        if since is not None:
            self.recorded(max(since, self._now() - LOOK_BACK_US))
        while True:
            stopping = self._stop.is_set()
            self._reread()
            self.look_once(store)
            if stopping:
                return
            every = self._settings.alerts.every
            self._stop.wait(min(max(every, self._took / SHARE), every * SLOWEST))

    def _reread(self) -> None:
        found = self._rereading.changed() if self._rereading else None
        if found:
            self._settings, self._rules = found, rules_of(found.alerts)

    def look_once(self, store: Store) -> Look:
        """Measure, write what changed, and wake the delivery where there is something to say."""
        now = self._now()
        with self._lock:
            oldest, self._oldest = self._oldest, None
        began = time.monotonic()
        try:
            found = self._patience.of(look(store, self._rules, now, oldest))
            self._took = time.monotonic() - began
            written = store.settle_alerts(lambda states: changes(found, states, self._rules), now)
        except BaseException:
            if oldest is not None:
                self.recorded(oldest)
            raise
        self._note_failures(found.failures)
        if written.messages:
            self._due.set()
        return found

    def _note_failures(self, failures: dict[str, str]) -> None:
        for name, reason in failures.items():
            if name not in self._failing:
                log.warning("alert %s cannot be looked at: %s", name, reason)
        self._failing = failures

    def _deliver(self, store: Store) -> None:
        while not self._stop.is_set():
            self._due.clear()
            Delivery(store, self._settings, now=self._now).deliver()
            self._due.wait(DELIVERY_SECONDS)
        self._threads[0].join(LAST_SECONDS)
        Delivery(store, self._settings, now=self._now).deliver()


@contextmanager
def watching(settings: Settings, read: Read | None = None) -> Iterator[Callable[[int], None]]:
    """A watch for as long as the block runs; gives what is to be told, of each batch, when its oldest call began.

    With `read` the rules follow the configuration.
    """
    watch = Watch(settings, rereading=Rereading(settings, read) if read else None)
    watch.start()
    try:
        yield watch.recorded
    finally:
        watch.stop()
