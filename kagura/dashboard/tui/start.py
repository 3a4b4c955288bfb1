"""Starts the live monitor."""

import gc
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kagura.dashboard.tui.feed import Source

_DUMB = frozenset({"dumb", "unknown"})
_SIZE = ("COLUMNS", "LINES")


def interactive() -> bool:
    """Whether a live view makes sense: a terminal on both sides that can move its cursor."""
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "").lower() not in _DUMB


def run_live(flags: Mapping[str, str | None], agent: str | None) -> None:
    """Show the monitor until it is quit; the terminal is left as it was. `flags` name the configuration and store.

    Raises ConfigError where the settings cannot be used.
    """
    from kagura.dashboard.tui.spawning import ReaderProcess

    # The reader starts first, and by nothing else: it loads its libraries while this process loads Textual.
    reader = ReaderProcess(flags)
    # What is being loaded is no garbage: looking for some takes a tenth of the time until the first screen.
    gc.disable()
    from kagura.dashboard.tui.child_feed import ChildFeed

    _run(ChildFeed(flags, reader), agent)


def run_attached(root: str, key: str, agent: str | None) -> None:
    """The same on the records of the proxy at `root`. Raises ProxyError where that one does not show them."""
    from kagura.dashboard.tui.remote import RemoteFeed

    _run(RemoteFeed(root, key), agent)


def _run(feed: "Source", agent: str | None) -> None:
    # Exported by a shell they tell the size of long ago, and would be believed before the terminal itself.
    for name in _SIZE:
        os.environ.pop(name, None)
    gc.disable()
    try:
        from kagura.dashboard.period import Clock
        from kagura.dashboard.tui.app import Monitor

        gc.enable()
        feed.check()
        monitor = Monitor(feed, Clock(), agent)
        monitor.run()
    finally:
        feed.close()
    if monitor.failure:
        raise monitor.failure
    if monitor.return_code:
        sys.exit(monitor.return_code)
