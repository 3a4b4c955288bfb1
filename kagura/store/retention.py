"""Retention: old calls and old contents are removed, a little at a time.

The sums of executions and of `usage_slots` outlive the spans they were made of: they hold no content, and last year's
bill stays what it was.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, select, update

from kagura.model import Status, now_us
from kagura.store.accounting import requested_tools
from kagura.store.database import Database
from kagura.store.outbox import EXECUTION, take_out
from kagura.store.removal import remove_span_parts
from kagura.store.schema import (
    DAY,
    aliases,
    chains,
    contents,
    execution_tags,
    executions,
    marks,
    metrics,
    results,
    span_contents,
    spans,
)
from kagura.store.statements import GROUP, upsert
from kagura.store.values import to_json
from kagura.store.views import Pruned

_CONTENT_MARK = "content_pruned_until"


class Retention(Database):
    """Removes what is older than it may be."""

    def prune(self, days: int | None, content_days: int | None, now: int | None = None) -> Pruned:
        """Remove calls and runs older than `days`, and prompts and answers older than `content_days`.

        `None` keeps them. Works in short transactions, so that writers and readers hardly wait.
        """
        now = now_us() if now is None else now
        pruned_spans = pruned_executions = pruned_contents = 0
        ages = [age for age in (days, content_days) if age is not None]
        if ages:
            self._blank_previews(now - min(ages) * DAY)
            pruned_contents = self._prune_contents(now - min(ages) * DAY)
        if days is not None:
            cut = now - days * DAY
            old = and_(spans.c.started_at < cut, spans.c.status != Status.RUNNING.value)
            pruned_spans = self._remove(spans, old, remove_span_parts)
            idle = and_(executions.c.last_activity_at < cut, executions.c.status != Status.RUNNING.value)
            pruned_executions = self._remove(executions, idle, _remove_execution_parts)
            for table in (results, aliases):
                self._remove(table, table.c.at < cut, _remove_nothing)
            self._remove_chains(cut)
        if ages:
            self._give_back()
        return Pruned(spans=pruned_spans, executions=pruned_executions, contents=pruned_contents)

    def _remove(
        self, table: Table, old: ColumnElement[bool], remove_parts: Callable[[Connection, list[Any]], None]
    ) -> int:
        key = next(iter(table.primary_key.columns))
        removed = 0
        while True:
            with self.writing() as connection:
                ids = list(connection.execute(select(key).where(old).limit(GROUP)).scalars())
                remove_parts(connection, ids)
                connection.execute(delete(table).where(key.in_(ids)))
            removed += len(ids)
            if len(ids) < GROUP:
                return removed

    def _remove_chains(self, cut: int) -> None:
        """Remove the states of calls before `cut`, some in each transaction."""
        old = select(chains.c.key).where(chains.c.started_at < cut).limit(GROUP)
        while True:
            with self.writing() as connection:
                keys = list(connection.execute(old).scalars())
                connection.execute(delete(chains).where(chains.c.key.in_(keys), chains.c.started_at < cut))
            if len(keys) < GROUP:
                return

    def _prune_contents(self, cut: int) -> int:
        """Remove the contents of calls before `cut`, then the parts that no younger call has."""
        self._remove(span_contents, span_contents.c.at < cut, _remove_nothing)
        return self._remove(contents, contents.c.used_on < cut // DAY, _remove_nothing)

    def _blank_previews(self, cut: int) -> None:
        """Take the words of prompts and answers out of rows that stay."""
        with self.reading() as connection:
            reached = connection.execute(select(marks.c.value).where(marks.c.name == _CONTENT_MARK)).scalar() or 0
        while reached < cut:
            with self.writing() as connection:
                reached = _blank_some(connection, reached, cut)
                connection.execute(upsert(connection, marks, put=["value"]), {"name": _CONTENT_MARK, "value": reached})
        with self.writing() as connection:
            stale = and_(executions.c.last_activity_at < cut, executions.c.preview.is_not(None))
            connection.execute(update(executions).where(stale).values(preview=None))

    def _give_back(self) -> None:
        """Return the freed pages of a SQLite file to the file system, some at a time."""
        if self.engine.dialect.name != "sqlite":
            return
        with self.engine.connect() as connection:
            driver = connection.connection.driver_connection
            if driver is not None:
                driver.execute("PRAGMA incremental_vacuum(4000)").fetchall()


def _blank_some(connection: Connection, since: int, until: int) -> int:
    """Blank the spans of one step; tells the instant up to which all are done."""
    window = and_(spans.c.started_at >= since, spans.c.started_at < until)
    columns = (spans.c.id, spans.c.started_at, spans.c.tool_calls)
    rows = connection.execute(select(*columns).where(window).order_by(spans.c.started_at).limit(GROUP)).mappings().all()
    blank: dict[str, Any] = {"input_preview": None, "output_preview": None}
    connection.execute(update(spans).where(spans.c.id.in_([row["id"] for row in rows])).values(blank))
    for row in rows:
        if row["tool_calls"] is not None:
            names = to_json([{"name": name} for name in requested_tools(row)])
            connection.execute(update(spans).where(spans.c.id == row["id"]).values(tool_calls=names))
    if len(rows) < GROUP:
        return until
    last: int = rows[-1]["started_at"]
    return max(last, since + 1)


def _remove_nothing(_connection: Connection, _ids: list[Any]) -> None:
    """For rows that stand alone."""


def _remove_execution_parts(connection: Connection, ids: list[Any]) -> None:
    connection.execute(delete(execution_tags).where(execution_tags.c.execution_id.in_(ids)))
    connection.execute(delete(metrics).where(metrics.c.execution_id.in_(ids)))
    take_out(connection, EXECUTION, ids)
