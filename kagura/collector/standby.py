"""The wait for something to do, light: neither the store nor its libraries are loaded before there is."""

import threading
from collections.abc import Callable

from kagura.config import Settings
from kagura.journal import collector_lock, journal_files

IDLE_SECONDS = 0.15
LOCK_SECONDS = 1.0


def stand_by(settings: Settings, stop: threading.Event) -> Callable[[], None] | None:
    """Wait for the right to collect, then for a journal file, a rule of alerts or a receiver that wants to be served.

    Returns what gives the right back; `None` where `stop` came first.
    """
    while (release := collector_lock(settings.journal_dir)) is None:
        if stop.wait(LOCK_SECONDS):
            return None
    always = bool(settings.alerts.rules) or settings.otlp.endpoint is not None
    while not always and not journal_files(settings.journal_dir):
        if stop.wait(IDLE_SECONDS):
            release()
            return None
    return release
