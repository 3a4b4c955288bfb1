"""`EventStore`: executions written and read as dictionaries, in a trace store of any kind."""

import asyncio
import hashlib
import weakref
from collections.abc import Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Self

from kagura.journal import private_folder
from kagura.model import Status
from kagura.observability.instants import When, to_us
from kagura.observability.recorder import recorder
from kagura.observability.rows import event_dict, execution_dict, execution_from, metric_values, span_from
from kagura.observability.values import plain
from kagura.store import Batch, Metric, Store

MEMORY = ":memory:"


class EventStore:
    """Executions with their events and metrics.

    `db_path` is a file, `:memory:`, or a database URL; without one it is the store of the settings in force. The store
    is opened with the first call, and let go by `close`, at the end of a `with` block, or with the object itself.
    Raises StoreError where it cannot be opened or written.
    """

    def __init__(self, db_path: str | PathLike[str] | None = None) -> None:
        self.db_path = None if db_path is None else fspath(db_path)
        self._store: Store | None = None
        self._closing: weakref.finalize[[], EventStore] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        """The store as a SQLAlchemy URL."""
        if self.db_path is None:
            return recorder.settings().db_url
        if self.db_path == MEMORY:
            return "sqlite://"
        if "://" in self.db_path:
            return self.db_path
        return f"sqlite:///{Path(self.db_path).expanduser().absolute()}"

    def store(self) -> Store:
        """The trace store behind it."""
        if self._store is None:
            url = self.url
            if url.startswith("sqlite:///"):
                private_folder(Path(url.removeprefix("sqlite:///")).parent)
            self._store = Store.open(url)
            self._closing = weakref.finalize(self, self._store.close)
        return self._store

    async def save_execution(self, execution: Mapping[str, Any]) -> None:
        """Write an execution with its events, all of it or nothing; saving it again replaces it.

        `id`, `agent_name` and `started_at` (seconds since the epoch) must be there; `ended_at`, `status`, `error`,
        `kwargs`, `tags`, `events` (each `type`, `timestamp`, `data`) and `metrics` (name → number) may be.
        """
        batch = _batch(execution)
        if self.db_path == MEMORY:
            self.store().write(batch)
        else:
            await asyncio.to_thread(lambda: self.store().write(batch))

    def get_execution(self, execution_id: str) -> dict[str, Any] | None:
        """One execution with its `events` and `metrics`; None where there is none of that id."""
        trace = self.store().trace(execution_id)
        if trace is None:
            return None
        return execution_dict(trace.execution) | {
            "events": [event_dict(span) for span in trace.spans],
            "metrics": metric_values(self.store().metrics(execution_id)),
        }

    def get_executions(
        self,
        agent_name: str | None = None,
        since: When | None = None,
        limit: int = 100,
        *,
        until: When | None = None,
        status: str | None = None,
    ) -> list[dict[str, Any]]:
        """Executions begun in [since, until), the latest first. Raises InputError where a time cannot be read."""
        rows = self.store().executions(
            agent=agent_name,
            since=to_us(since),
            until=to_us(until),
            status=None if status is None else as_status(status),
            limit=limit,
        )
        return [execution_dict(row) for row in sorted(rows, key=lambda row: -row.started_at)]

    def close(self) -> None:
        """Let the store go; what was in memory is gone."""
        if self._closing is not None:
            self._closing()
        self._store = None


def as_status(status: str) -> Status:
    """The status of that name. Raises InputError where there is none."""
    from kagura.errors import InputError

    try:
        return Status(status)
    except ValueError:
        names = ", ".join(known.value for known in Status)
        raise InputError(f"{status!r} is no status", f"There are {names}.") from None


def _batch(record: Mapping[str, Any]) -> Batch:
    clean = plain(dict(record), depth=8)
    execution = execution_from(clean)
    events = clean.get("events") or []
    spans = [span_from(event, execution, _event_id(execution.id, number)) for number, event in enumerate(events)]
    at = execution.ended_at or execution.started_at
    metrics = [
        Metric(execution_id=execution.id, name=name, value=float(value), at=at)
        for name, value in (clean.get("metrics") or {}).items()
        if isinstance(value, int | float)
    ]
    return Batch(executions=[execution], spans=spans, metrics=metrics)


def _event_id(execution_id: str, number: int) -> str:
    """The same event of the same execution has the same id, however often it is saved."""
    return hashlib.sha256(f"{execution_id}/{number}".encode()).hexdigest()[:16]
