"""Recording into a folder of the test's own, and what the store makes of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kagura.collector import drain
from kagura.config import Settings
from kagura.model import Span
from kagura.observability import telemetry
from kagura.store import ExecutionRow, Metric, Store


class Recording:
    """What was recorded so far in a home."""

    def __init__(self, home: Path) -> None:
        self.settings = Settings(home=home)

    def executions(self) -> list[ExecutionRow]:
        """Every execution, by start."""
        drain(self.settings)
        with Store.open(self.settings.db_url) as store:
            return sorted(store.executions(limit=10_000), key=lambda row: (row.started_at, row.id))

    def execution(self, agent: str) -> ExecutionRow:
        """The only execution of an agent."""
        (found,) = [row for row in self.executions() if row.agent == agent]
        return found

    def spans(self, execution_id: str | None = None) -> list[Span]:
        """The spans of an execution, or of all, by start."""
        rows = self.executions()
        with Store.open(self.settings.db_url) as store:
            traces = [store.trace(row.id) for row in rows if execution_id in (None, row.id)]
        return [span for trace in traces if trace for span in trace.spans]

    def span(self, name: str) -> Span:
        """The only span of that name."""
        (found,) = [span for span in self.spans() if span.name == name]
        return found

    def metrics(self, execution_id: str) -> list[Metric]:
        """The numbers of an execution."""
        drain(self.settings)
        with Store.open(self.settings.db_url) as store:
            return store.metrics(execution_id)


@contextmanager
def recording(home: Path) -> Iterator[Recording]:
    """Record for the block."""
    telemetry.enable(home=home)
    try:
        yield Recording(home)
    finally:
        telemetry.disable()
