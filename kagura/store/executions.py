"""Queries about agent runs and what happened in them."""

import difflib
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, or_, select

from kagura.model import Span, Status
from kagura.store.batch import Metric, SpanContents
from kagura.store.contents import read_contents
from kagura.store.database import Database
from kagura.store.prompts import Prompt, read_prompts
from kagura.store.rows import to_execution, to_span
from kagura.store.schema import IS_RUNNING, executions, metrics, spans
from kagura.store.views import ExecutionRow, Trace

SAMPLE = 10_000
"""Finished executions, the latest of a window, from which averages and percentiles are taken."""

MAX_DEPTH = 20
"""Levels of child executions that a trace follows."""

_LAST = "\U0010ffff"
_NEAR = 500


class Executions(Database):
    """Executions, their spans and contents."""

    def executions(
        self,
        *,
        agent: str | None = None,
        since: int | None = None,
        until: int | None = None,
        status: Status | None = None,
        session: str | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[ExecutionRow]:
        """Executions begun in [since, until), the latest activity first."""
        statement = _chosen(agent, since, until, status)
        if session is not None:
            statement = statement.where(executions.c.session_id == session)
        statement = statement.order_by(executions.c.last_activity_at.desc(), executions.c.id)
        with self.reading() as connection:
            return _fetch(connection, statement.limit(limit).offset(offset))

    def find_execution(self, id_or_prefix: str) -> list[ExecutionRow]:
        """The execution of that id, else those whose id begins so (at most 20, the latest activity first)."""
        exact = select(executions).where(executions.c.id == id_or_prefix)
        begun = select(executions).where(executions.c.id >= id_or_prefix, executions.c.id < id_or_prefix + _LAST)
        with self.reading() as connection:
            return _fetch(connection, exact) or _fetch(
                connection, begun.order_by(executions.c.last_activity_at.desc()).limit(20)
            )

    def session_executions(self, session: str) -> list[ExecutionRow]:
        """The executions of a session, by its id or, where a session is one execution, by that one's; at most 1,000."""
        own = or_(executions.c.session_id == session, executions.c.id == session)
        with self.reading() as connection:
            return _fetch(connection, select(executions).where(own).order_by(executions.c.started_at).limit(1000))

    def latest_execution(self, agent: str | None = None) -> ExecutionRow | None:
        """The execution with the latest activity."""
        found = self.executions(agent=agent, limit=1)
        return found[0] if found else None

    def near_execution_ids(self, text: str) -> list[str]:
        """Up to three recent ids that look like `text`, for "did you mean"."""
        statement = select(executions.c.id).order_by(executions.c.last_activity_at.desc()).limit(_NEAR)
        with self.reading() as connection:
            recent = list(connection.execute(statement).scalars())
        containing = [key for key in recent if text and text.lower() in key.lower()]
        similar = difflib.get_close_matches(text, recent, n=3, cutoff=0.6)
        return list(dict.fromkeys([*similar, *containing]))[:3]

    def trace(self, execution_id: str) -> Trace | None:
        """An execution with its spans and its child executions; `None` where there is no such id."""
        with self.reading() as connection:
            found = _fetch(connection, select(executions).where(executions.c.id == execution_id))
            return _trace(connection, found[0], set(), MAX_DEPTH) if found else None

    def span(self, id_or_prefix: str) -> Span | None:
        """The span of that id, or the only one whose id begins so."""
        exact = select(spans).where(spans.c.id == id_or_prefix)
        begun = select(spans).where(spans.c.id >= id_or_prefix, spans.c.id < id_or_prefix + _LAST).limit(2)
        with self.reading() as connection:
            rows = connection.execute(exact).mappings().all() or connection.execute(begun).mappings().all()
        return to_span(rows[0]) if len(rows) == 1 else None

    def span_contents(self, span_id: str) -> SpanContents | None:
        """What a call sent and got; `None` where nothing was kept."""
        with self.reading() as connection:
            return read_contents(connection, span_id)

    def prompts(self, execution_id: str) -> dict[str, Prompt]:
        """What the latest calls of an execution sent, as hashes, by span."""
        with self.reading() as connection:
            return read_prompts(connection, execution_id)

    def metrics(self, execution_id: str) -> list[Metric]:
        """The numbers that an execution recorded, by time."""
        statement = select(metrics).where(metrics.c.execution_id == execution_id).order_by(metrics.c.at, metrics.c.name)
        with self.reading() as connection:
            rows = connection.execute(statement).mappings().all()
        return [Metric(**{**row, "span_id": row["span_id"] or None}) for row in rows]


def _chosen(agent: str | None, since: int | None, until: int | None, status: Status | None) -> Select[Any]:
    statement = select(executions)
    if agent is not None:
        statement = statement.where(executions.c.agent == agent)
    if since is not None:
        # Activity never lies before the start, and it is activity that the index is sorted by.
        statement = statement.where(executions.c.started_at >= since, executions.c.last_activity_at >= since)
    if until is not None:
        statement = statement.where(executions.c.started_at < until)
    if status is not None:
        statement = statement.where(executions.c.status == status.value)
    if status is Status.RUNNING:
        statement = statement.where(IS_RUNNING)
    return statement


def _fetch(connection: Connection, statement: Select[Any]) -> list[ExecutionRow]:
    return [to_execution(row) for row in connection.execute(statement).mappings()]


def _trace(connection: Connection, execution: ExecutionRow, seen: set[str], depth: int) -> Trace:
    seen.add(execution.id)
    own = select(spans).where(spans.c.execution_id == execution.id).order_by(spans.c.started_at, spans.c.id)
    begun = select(executions).where(executions.c.parent_execution_id == execution.id)
    children: Sequence[ExecutionRow] = []
    if depth:
        children = _fetch(connection, begun.order_by(executions.c.started_at, executions.c.id))
    return Trace(
        execution=execution,
        spans=[to_span(row) for row in connection.execute(own).mappings()],
        children=[_trace(connection, child, seen, depth - 1) for child in children if child.id not in seen],
    )
