"""The collector beside a relay: a child process that is started again when it dies."""

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from kagura.config import Settings

log = logging.getLogger(__name__)

RESTART_SECONDS = (0.2, 1, 5, 15)
DRAIN_SECONDS = 15


def child_environment(settings: Settings, extra: Mapping[str, str] = {}) -> dict[str, str]:
    """The environment in which a child process finds the same home, store and configuration."""
    env = dict(os.environ) | {"KAGURA_HOME": str(settings.home)} | dict(extra)
    if settings.db:
        env["KAGURA_DB"] = settings.db
    return env


class CollectorProcess:
    """Starts the collector, watches it, and lets it store what is left at the end."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._stopping = threading.Event()
        self._process = self._spawn()
        self._watcher = threading.Thread(target=self._watch, name="collector watcher", daemon=True)
        self._watcher.start()

    def _spawn(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-P", "-m", "kagura.collector"]
        # Its own session: Ctrl-C in the terminal reaches the relay first, which then tells the collector.
        return subprocess.Popen(command, stdin=subprocess.PIPE, env=self._environment, start_new_session=True)

    def _watch(self) -> None:
        failures = 0
        while True:
            began = time.monotonic()
            code = self._process.wait()
            if self._stopping.is_set():
                return
            failures = 0 if time.monotonic() - began > 60 else failures + 1
            wait = RESTART_SECONDS[min(failures, len(RESTART_SECONDS)) - 1] if failures else 0
            log.error(
                "the collector ended with code %s; calls wait in the journal, it starts again in %s s", code, wait
            )
            if self._stopping.wait(wait):
                return
            self._process = self._spawn()

    def stop(self) -> None:
        """Tell it to end and wait until it has stored what is left, or for `DRAIN_SECONDS`."""
        self._stopping.set()
        process = self._process
        if process.stdin:
            process.stdin.close()
        try:
            process.wait(DRAIN_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def collector_process(settings: Settings) -> Iterator[CollectorProcess]:
    """A collector for as long as the block runs."""
    process = CollectorProcess(child_environment(settings))
    try:
        yield process
    finally:
        process.stop()
