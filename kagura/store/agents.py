"""Queries behind the live view and the screen of one agent."""

from collections import defaultdict
from typing import Any

import msgspec
from sqlalchemy import CompoundSelect, Connection, Select, case, func, select

from kagura.model import SpanKind, Status
from kagura.store.accounting import MODEL_KINDS, REQUESTED
from kagura.store.database import Database
from kagura.store.executions import SAMPLE
from kagura.store.rows import Row, to_cost_totals, to_execution, to_span, to_token_totals
from kagura.store.schema import IS_RUNNING, NOT_COMPLETED, executions, spans
from kagura.store.usage import grouped_usage, merged
from kagura.store.views import (
    AgentRow,
    AgentSummary,
    ExecutionRow,
    ModelUsage,
    Overview,
    SpanError,
    ToolUsage,
)

LISTED = 10
"""Slow executions and errors that a summary lists."""


class _Durations(msgspec.Struct, frozen=True):
    average: int | None = None
    p95: int | None = None
    success_rate: float | None = None


class Agents(Database):
    """Totals of a time window, over all agents and for one."""

    def overview(self, *, agent: str | None = None, since: int | None = None) -> Overview:
        """The totals of what began at or after `since`."""
        with self.reading() as connection:
            usage = grouped_usage(connection, ["kind"], since=since, agent=agent)
            calls = merged(row for (kind,), row in usage.items() if kind in MODEL_KINDS)
            durations = _durations(connection, agent, since)
            return Overview(
                active_executions=_running(connection, agent),
                executions=_begun(connection, agent, since),
                llm_calls=calls["calls"],
                errors=calls["errors"],
                tokens=to_token_totals(calls),
                cost=to_cost_totals(merged(usage.values())),
                average_duration=durations.average,
                p95_duration=durations.p95,
                success_rate=durations.success_rate,
                retries=calls["retries"],
            )

    def agents(self, since: int | None = None) -> list[AgentRow]:
        """The agents of executions begun at or after `since`, and of running ones, the latest activity first."""
        chosen: Select[Any] | CompoundSelect[Any] = select(executions)
        if since is not None:
            # Two selections, each with an index of its own; one with OR would read the whole table.
            begun = select(executions).where(executions.c.started_at >= since)
            earlier = executions.c.started_at + 0 < since  # the sum keeps SQLite off the index of all starts
            chosen = begun.union_all(select(executions).where(IS_RUNNING, earlier))
        wanted = chosen.subquery()
        names = ("llm_calls", "errors", "cost_billed", "cost_estimated", "unknown_cost_calls")
        statement = select(
            wanted.c.agent,
            func.count().label("executions"),
            func.sum(case((wanted.c.status == Status.RUNNING.value, 1), else_=0)).label("running"),
            func.max(wanted.c.last_activity_at).label("last_activity_at"),
            *(func.sum(wanted.c[name]).label(name) for name in names),
        ).group_by(wanted.c.agent)
        with self.reading() as connection:
            rows = connection.execute(statement).mappings().all()
            found = [
                AgentRow(
                    agent=row["agent"],
                    status=Status.RUNNING if row["running"] else _status(connection, row["agent"]) or Status.COMPLETED,
                    executions=row["executions"],
                    running=int(row["running"]),
                    llm_calls=int(row["llm_calls"]),
                    errors=int(row["errors"]),
                    cost=to_cost_totals(row),
                    last_activity_at=row["last_activity_at"],
                )
                for row in rows
            ]
        return sorted(found, key=lambda row: (-row.last_activity_at, row.agent))

    def agent_summary(self, agent: str, *, since: int | None = None) -> AgentSummary:
        """Everything about one agent since then. An agent that never ran gives an empty summary."""
        with self.reading() as connection:
            usage = grouped_usage(connection, ["kind", "name"], since=since, agent=agent, requests=True)
            calls = {name: row for (kind, name), row in usage.items() if kind in MODEL_KINDS}
            total = merged(row for (kind, _), row in usage.items() if kind in MODEL_KINDS)
            begun = _begun(connection, agent, since)
            durations = _durations(connection, agent, since)
            return AgentSummary(
                agent=agent,
                status=Status.RUNNING if _running(connection, agent) else _status(connection, agent),
                executions=begun,
                llm_calls=total["calls"],
                average_duration=durations.average,
                p95_duration=durations.p95,
                success_rate=durations.success_rate,
                tokens=to_token_totals(total),
                cost=to_cost_totals(merged(usage.values())),
                models=_models(usage, begun) if calls else [],
                tools=_tools(usage),
                slow=_slow(connection, agent, since),
                errors=_errors(connection, agent, since),
            )


def _running(connection: Connection, agent: str | None) -> int:
    # Few run, and are counted here: for an agent that is named, SQLite would look through all its runs.
    running = connection.execute(select(executions.c.agent).where(IS_RUNNING)).scalars().all()
    return len(running) if agent is None else running.count(agent)


def _begun(connection: Connection, agent: str | None, since: int | None) -> int:
    statement = select(func.count()).select_from(executions)
    if agent is not None:
        statement = statement.where(executions.c.agent == agent)
    if since is not None:
        statement = statement.where(executions.c.started_at >= since)
    return connection.execute(statement).scalar_one()


def _status(connection: Connection, agent: str) -> Status | None:
    latest = select(executions).where(executions.c.agent == agent).order_by(executions.c.last_activity_at.desc())
    row = connection.execute(latest.limit(1)).mappings().first()
    return to_execution(row).status if row else None


def _durations(connection: Connection, agent: str | None, since: int | None) -> _Durations:
    statement = select(executions.c.status, executions.c.ended_at - executions.c.started_at).where(
        executions.c.status != Status.RUNNING.value, executions.c.ended_at.is_not(None)
    )
    if agent is not None:
        statement = statement.where(executions.c.agent == agent)
    if since is not None:
        statement = statement.where(executions.c.started_at >= since, executions.c.last_activity_at >= since)
    statement = statement.order_by(executions.c.last_activity_at.desc()).limit(SAMPLE)
    rows = connection.execute(statement).all()
    if not rows:
        return _Durations()
    statuses, took = zip(*rows, strict=True)
    durations, completed = sorted(took), statuses.count(Status.COMPLETED.value)
    return _Durations(
        average=round(sum(durations) / len(durations)),
        p95=durations[-(-len(durations) * 95 // 100) - 1],
        success_rate=completed / len(rows),
    )


def _models(usage: dict[tuple[Any, ...], Row], begun: int) -> list[ModelUsage]:
    by_model: dict[str, list[Row]] = defaultdict(list)
    for (kind, name), row in usage.items():
        if kind in MODEL_KINDS:
            by_model[name].append(row)
    models = [_model(name or None, merged(rows), begun) for name, rows in by_model.items()]
    return sorted(models, key=lambda model: (-model.calls, model.model or ""))


def _model(name: str | None, row: Row, begun: int) -> ModelUsage:
    # A running retry of a call that began before the window is none of the window's calls.
    finished = max(row["calls"] - row["running"], 0)
    return ModelUsage(
        model=name,
        calls=row["calls"],
        calls_per_execution=row["calls"] / begun if begun else None,
        errors=row["errors"],
        average_input_tokens=row["input_tokens"] / finished if finished else None,
        average_output_tokens=row["output_tokens"] / finished if finished else None,
        average_duration=round(row["duration"] / finished) if finished else None,
        tokens=to_token_totals(row),
        cost=to_cost_totals(row),
    )


def _tools(usage: dict[tuple[Any, ...], Row]) -> list[ToolUsage]:
    """Tools by use. A tool that a model asked for and that ran is one call, so the larger count is the true one."""
    ran = {name: row for (kind, name), row in usage.items() if kind == SpanKind.TOOL.value}
    asked = {name: row["calls"] for (kind, name), row in usage.items() if kind == REQUESTED}
    counts = {name: max(asked.get(name, 0), ran[name]["calls"] if name in ran else 0) for name in ran | asked}
    total = sum(counts.values())
    tools = []
    for name, calls in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        row = ran.get(name)
        finished = row["calls"] - row["running"] if row else 0
        tools.append(
            ToolUsage(
                name=name,
                calls=calls,
                share=calls / total,
                errors=row["errors"] if row else 0,
                average_duration=round(row["duration"] / finished) if row and finished else None,
            )
        )
    return tools


def _slow(connection: Connection, agent: str, since: int | None) -> list[ExecutionRow]:
    """The longest of the runs that average and percentile are taken from."""
    duration = (executions.c.ended_at - executions.c.started_at).label("duration")
    sample = select(executions.c.id, duration).where(executions.c.agent == agent, executions.c.ended_at.is_not(None))
    if since is not None:
        sample = sample.where(executions.c.started_at >= since, executions.c.last_activity_at >= since)
    latest = sample.order_by(executions.c.last_activity_at.desc()).limit(SAMPLE).subquery()
    longest = select(latest.c.id).order_by(latest.c.duration.desc(), latest.c.id).limit(LISTED).subquery()
    statement = select(executions).join(longest, longest.c.id == executions.c.id)
    rows = connection.execute(statement.order_by(duration.desc(), executions.c.id)).mappings()
    return [to_execution(row) for row in rows]


def _errors(connection: Connection, agent: str, since: int | None) -> list[SpanError]:
    statement = select(spans).where(spans.c.agent == agent, spans.c.status == Status.FAILED.value, NOT_COMPLETED)
    if since is not None:
        statement = statement.where(spans.c.started_at >= since)
    rows = connection.execute(statement.order_by(spans.c.started_at.desc()).limit(LISTED)).mappings()
    found = [to_span(row) for row in rows]
    return [
        SpanError(
            span_id=span.id,
            execution_id=span.execution_id,
            kind=span.kind,
            name=span.name,
            at=span.started_at,
            error=span.error,
            error_type=span.error_type,
            http_status=span.http_status,
        )
        for span in found
    ]
