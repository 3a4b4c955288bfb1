"""The figures that alerts are about, each over a window of time and in bounded time.

Sums of agents, models and providers come from the roll-ups. What only single spans tell is read from the latest
`SAMPLE` of them, so that a long window over a busy store costs no more than a short one.
"""

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Select, Subquery, case, func, or_, select, text

from kagura.model import SpanKind, Status
from kagura.store.accounting import MODEL_KINDS
from kagura.store.alert_views import Repeats, RunFigure
from kagura.store.database import Database
from kagura.store.labels import LABELS, TAG, label_of
from kagura.store.rows import Row
from kagura.store.schema import IS_RUNNING, executions, spans
from kagura.store.usage import grouped_usage, merged, span_sums
from kagura.store.values import from_json

SAMPLE = 20_000
"""Spans, the latest of a window, that percentiles and repetitions are taken from."""

SECONDS = 5.0
"""How long one question may take; after that it is broken off with a StoreError."""

TOOL_KINDS = (SpanKind.TOOL.value, SpanKind.MEMORY.value, SpanKind.RETRIEVAL.value)

PREVIEW_END = 200
"""Previews of this length may have been cut: what they are previews of may differ behind it."""

_ROLLED = {"agent": "agent", "model": "name", "provider": "provider"}
_PROGRESS_STEPS = 50_000

Key = tuple[str, ...]
"""The values of the dimensions that were asked for, in their order; empty text where there is none."""


class AlertFigures(Database):
    """Figures of windows [since, until)."""

    def window_sums(self, by: Sequence[str], since: int, until: int | None = None) -> dict[Key, Row]:
        """Sums (the columns of `SLOT_SUMS`) of the spans that began in the window, by agent, model, user, tag:KEY, …

        What is counted as calls, errors and running are those of model calls alone; money is of all spans.
        """
        with _limited(self) as connection:
            if all(name in _ROLLED for name in by):
                names = [*(_ROLLED[name] for name in by), "kind"]
                found = grouped_usage(connection, names, since=since, until=until)
            else:
                found = _sums_of_spans(connection, by, since, until)
        groups: dict[Key, list[Row]] = defaultdict(list)
        for (*key, kind), row in found.items():
            is_call = kind in MODEL_KINDS
            named = [
                ("" if name == "model" and not is_call else part or "") for name, part in zip(by, key, strict=True)
            ]
            groups[tuple(named)].append(row if is_call else row | _NO_CALLS)
        return {key: merged(rows) for key, rows in groups.items()}

    def first_activity(self) -> int | None:
        """When the first run began that is recorded."""
        with _limited(self) as connection:
            return connection.execute(select(func.min(executions.c.started_at))).scalar()

    def call_times(self, by: Sequence[str], what: str, since: int, until: int | None = None) -> dict[Key, list[int]]:
        """Microseconds of the model calls that were answered: `duration`, or `time_to_first_chunk`."""
        sample = _sample(since, until)
        value = sample.c.ended_at - sample.c.started_at if what == "duration" else sample.c.time_to_first_chunk
        keys, source = _dimensions(sample, by)
        statement = select(*keys, value).select_from(source)
        statement = statement.where(
            sample.c.kind.in_(MODEL_KINDS), sample.c.status == Status.COMPLETED.value, value.is_not(None)
        )
        times: dict[Key, list[int]] = defaultdict(list)
        with _limited(self) as connection:
            for *key, microseconds in connection.execute(statement):
                times[tuple(part or "" for part in key)].append(microseconds)
        return dict(times)

    def run_figures(
        self, since: int, now: int, *, by: str, largest: bool = True, limit: int = SAMPLE
    ) -> list[RunFigure]:
        """Runs that run, or did something in the window: those of the largest (or smallest) `cost` or `duration`."""
        columns = [executions.c[name] for name in _RUN_COLUMNS]
        cost = executions.c.cost_billed + executions.c.cost_estimated
        value = cost if by == "cost" else func.coalesce(executions.c.ended_at, now) - executions.c.started_at
        recent = select(*columns).where(or_(executions.c.last_activity_at >= since, IS_RUNNING))
        recent = recent.order_by(value.desc() if largest else value).limit(limit)
        with _limited(self) as connection:
            rows = connection.execute(recent).mappings().all()
        return [
            RunFigure(
                id=row["id"],
                agent=row["agent"],
                user=row["user"] or "",
                tags=from_json(row["tags"], dict[str, str], {}),
                duration=max((now if row["ended_at"] is None else row["ended_at"]) - row["started_at"], 0),
                cost=row["cost_billed"] + row["cost_estimated"],
                estimated=row["cost_estimated"],
            )
            for row in rows
        ]

    def tool_repeats(self, since: int, until: int | None = None) -> list[Repeats]:
        """Tools that a run called more than once with the same arguments.

        Arguments are known by their preview; where it may have been cut, the results must be alike as well.
        """
        sample = _sample(since, until)
        is_cut = func.length(sample.c.input_preview) >= PREVIEW_END
        keys: list[ColumnElement[Any]] = [
            sample.c.execution_id,
            sample.c.agent,
            func.coalesce(sample.c.user, ""),
            sample.c.name,
            sample.c.input_preview,
        ]
        same = case((is_cut, func.coalesce(sample.c.output_preview, "")), else_="")
        statement = select(*keys, func.count()).where(
            sample.c.kind.in_(TOOL_KINDS), sample.c.input_preview.is_not(None)
        )
        with _limited(self) as connection:
            rows = connection.execute(statement.group_by(*keys, same).having(func.count() > 1)).all()
        return [Repeats(*tuple(row)) for row in rows]


@contextmanager
def _limited(database: Database) -> Iterator[Connection]:
    """A transaction for reading whose statements are broken off after a while."""
    with database.reading() as connection:
        if database.engine.dialect.name == "postgresql":
            connection.execute(text(f"SET LOCAL statement_timeout = {round(SECONDS * 1000)}"))
            yield connection
            return
        driver: Any = connection.connection.driver_connection
        deadline = time.monotonic() + SECONDS
        driver.set_progress_handler(lambda: time.monotonic() > deadline, _PROGRESS_STEPS)
        try:
            yield connection
        finally:
            driver.set_progress_handler(None, 0)


_NO_CALLS: Row = {"calls": 0, "retries": 0, "running": 0, "errors": 0, "duration": 0}
_RUN_COLUMNS = ("id", "agent", "user", "tags", "started_at", "ended_at", "cost_billed", "cost_estimated")


def _in_window(statement: Select[Any], since: int, until: int | None) -> Select[Any]:
    statement = statement.where(spans.c.started_at >= since)
    return statement if until is None else statement.where(spans.c.started_at < until)


def _sample(since: int, until: int | None) -> Subquery:
    names = ("id", "execution_id", "kind", "name", "agent", "user", "status", "provider", "started_at", "ended_at")
    columns = [spans.c[name] for name in (*names, "time_to_first_chunk", "input_preview", "output_preview")]
    columns += [spans.c.request_model, spans.c.response_model]
    statement = _in_window(select(*columns), since, until)
    return statement.order_by(spans.c.started_at.desc()).limit(SAMPLE).subquery()


def _dimensions(table: FromClause, by: Sequence[str]) -> tuple[list[ColumnElement[Any]], FromClause]:
    """Columns for the dimensions of `by`, and the table with what they need joined to it."""
    keys: list[ColumnElement[Any]] = []
    source = table
    for name in by:
        if name == "model":
            key: ColumnElement[Any] = func.coalesce(func.nullif(table.c.response_model, ""), table.c.request_model)
        elif name in LABELS or name.startswith(TAG):
            key, source = label_of(name, table, source)
        else:
            key = table.c[name]
        keys.append(func.coalesce(key, ""))
    return keys, source


def _sums_of_spans(connection: Connection, by: Sequence[str], since: int, until: int | None) -> dict[Key, Row]:
    keys, source = _dimensions(spans, by)
    sums = span_sums()
    statement = _in_window(select(*keys, spans.c.kind, *sums).select_from(source), since, until)
    rows = connection.execute(statement.group_by(*keys, spans.c.kind))
    width = len(keys) + 1
    names = [column.name for column in sums]
    return {
        tuple(row[:width]): dict(zip(names, (int(value or 0) for value in row[width:]), strict=True)) for row in rows
    }
