"""The bar on standard error that shows how far an export has come."""

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

from kagura.model import JsonObject

if TYPE_CHECKING:
    from kagura.store import Store
    from kagura.store.export import Chosen

AFTER = 0.5
"""Seconds; what is done sooner shows no bar."""
EVERY = 0.1


class Progress:
    """Counts rows; where somebody looks, a bar follows."""

    def __init__(self, noun: str, store: "Store | None" = None, chosen: "Chosen | None" = None) -> None:
        self._noun, self._store, self._chosen = noun, store, chosen
        self._done = 0
        self._due = time.monotonic() + AFTER
        self._bar: Any = None

    def counted(self, rows: Iterable[JsonObject]) -> Iterator[JsonObject]:
        """The rows, counted as they pass."""
        for row in rows:
            yield row
            self.add(1)

    def add(self, number: int) -> None:
        """So many more are done."""
        self._done += number
        if self._store is not None and time.monotonic() > self._due:
            self._show()
            self._due = time.monotonic() + EVERY

    def _show(self) -> None:
        if self._bar is None:
            self._bar = self._started()
        self._bar.update(self._bar.task_ids[0], completed=self._done)

    def _started(self) -> Any:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn(self._noun), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        bar = Progress(*columns, console=Console(stderr=True), transient=True)
        bar.add_task("", total=self._total())
        bar.start()
        return bar

    def _total(self) -> int:
        if self._store is None or self._chosen is None:
            return 0
        runs = self._noun == "runs"
        return self._store.number_of_executions(self._chosen) if runs else self._store.number_of_spans(self._chosen)

    def stop(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()


@contextmanager
def progress(store: "Store | None", chosen: "Chosen", executions: bool, target: BinaryIO | None) -> Iterator[Progress]:
    """A bar while an export is made, where standard error is a terminal that the rows do not go to as well."""
    noun = "runs" if executions else "spans"
    seen = sys.stderr.isatty() and not (target and target.isatty())
    shown = Progress(noun, store, chosen) if seen else Progress(noun)
    try:
        yield shown
    finally:
        shown.stop()
