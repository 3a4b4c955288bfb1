"""The store as the views read it: caught up with the journal, and empty where there is none yet."""

from types import TracebackType
from typing import TYPE_CHECKING, Self

from sqlalchemy import make_url

from kagura.config import Settings
from kagura.dashboard.period import Clock, Window
from kagura.errors import InputError
from kagura.journal import journal_files
from kagura.store import Store
from kagura.store.views import AgentSummary, CostRow, CostTotals, ExecutionRow, Overview, TokenTotals, Trace

if TYPE_CHECKING:
    from pathlib import Path

NOTHING_SEEN = Overview(
    active_executions=0,
    executions=0,
    llm_calls=0,
    errors=0,
    tokens=TokenTotals(),
    cost=CostTotals(),
    average_duration=None,
    p95_duration=None,
    success_rate=None,
)


class Source:
    """Opens the store when it is there: a monitor may be started before anything was recorded."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._store: Store | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._store:
            self._store.close()

    def catch_up(self) -> Store | None:
        """Store what waits in the journal where no collector does, and open the store; `None` while there is none.

        Raises StoreError where the store cannot be read.
        """
        if journal_files(self._settings.journal_dir):
            from kagura.collector import drain

            drain(self._settings)
        file = _file_of(self._settings.db_url)
        if self._store is None and (file is None or file.exists()):
            self._store = Store.open(self._settings.db_url, read_only=True)
        return self._store

    def overviews(self, agent: str | None = None) -> tuple[Overview, Overview]:
        """The totals since ever, and those of today."""
        store = self._store
        if store is None:
            return NOTHING_SEEN, NOTHING_SEEN
        return store.overview(agent=agent), store.overview(agent=agent, since=self._clock.today())

    def executions(self, limit: int) -> list[ExecutionRow]:
        """The latest runs, newest first."""
        return self._store.executions(limit=limit) if self._store else []

    def agent(self, name: str) -> AgentSummary | None:
        """Everything about an agent; `None` where it never ran."""
        summary = self._store.agent_summary(name) if self._store else None
        return summary if summary and summary.status else None

    def costs(self, by: str, window: Window, agent: str | None = None) -> list[CostRow]:
        """What a window cost, by key."""
        if self._store is None:
            return []
        return self._store.costs(by=by, since=window.since, until=window.until, agent=agent)

    def trace(self, prefix: str = "", agent: str | None = None) -> Trace | None:
        """The run whose id begins so, or the latest one; `None` where nothing ran yet.

        Raises InputError with near ids where no run, or more than one, has an id that begins so.
        """
        store = self._store
        if prefix == "":
            latest = store.latest_execution(agent=agent) if store else None
            return self.run(latest.id) if latest else None
        found = store.find_execution(prefix) if store else None
        if found is None:
            near = store.near_execution_ids(prefix) if store else []
            advice = f"Near ids: {', '.join(near)}." if near else "`kagura monitor` lists the runs there are."
            raise InputError(f"no run has the id {prefix!r}", advice)
        return self.run(found.id)

    def run(self, execution_id: str) -> Trace | None:
        """One run with all its spans."""
        return self._store.trace(execution_id) if self._store else None


def _file_of(url: str) -> "Path | None":
    """The file of an SQLite store; `None` for a database elsewhere or in memory."""
    from pathlib import Path

    parsed = make_url(url)
    in_file = parsed.get_backend_name() == "sqlite" and parsed.database
    return Path(parsed.database) if in_file and parsed.database else None
