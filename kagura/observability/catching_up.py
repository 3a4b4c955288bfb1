"""A store that holds all that was recorded: what waits in the journal is stored first."""

import os
import subprocess
import sys
import time

from kagura.config import Settings
from kagura.journal import collector_runs, journal_files
from kagura.store import Store

WAIT_SECONDS = 10.0
_POLL_SECONDS = 0.02


def catch_up(settings: Settings, store: Store) -> bool:
    """Wait until the journal as it is now is in the store; whether that came about in `WAIT_SECONDS`.

    Where no collector runs, one is started that ends when it has stored everything. It is a process of its own: it
    loads prices and dialects that an agent has no use for.
    """
    sizes = {file.name: file.size() for file in journal_files(settings.journal_dir)}
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if not _waiting(settings, store, sizes):
            return True
        if collector_runs(settings.journal_dir):
            time.sleep(_POLL_SECONDS)
        else:
            _collect(settings, deadline - time.monotonic())
    return False


def _waiting(settings: Settings, store: Store, sizes: dict[str, int]) -> bool:
    """Whether a file of that size was not read to there. One that is gone by now was stored before it went."""
    read = store.positions()
    behind = [name for name, size in sizes.items() if read.get(name, 0) < size and size > 0]
    if not behind:
        return False
    there = {file.name for file in journal_files(settings.journal_dir)}
    return any(name in there for name in behind)


def _collect(settings: Settings, seconds: float) -> None:
    """Run a collector that ends when nothing is left: its standard input is closed already."""
    environment = dict(os.environ) | {"KAGURA_HOME": str(settings.home)}
    if settings.db:
        environment["KAGURA_DB"] = settings.db
    command = [sys.executable, "-P", "-m", "kagura.collector"]
    try:
        subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return
