"""What a live view asks again and again: every query is indexed and reads no more than is shown."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, case, cast, func, or_, select

from kagura.model import Cost, Span, SpanKind, Status, Usage
from kagura.store.accounting import MODEL_KINDS
from kagura.store.database import Database
from kagura.store.executions import MAX_DEPTH
from kagura.store.questions import Flight, Pulse, RunsQuery, Spent
from kagura.store.rows import Row, member, to_cost_totals, to_execution, to_token_totals
from kagura.store.schema import NOT_COMPLETED, SLOT, executions, journal_positions, spans, usage_slots
from kagura.store.usage import grouped_usage, merged
from kagura.store.values import from_json, from_pico
from kagura.store.views import ExecutionRow, Trace

PREVIEW = 300
"""Characters of each preview in an outline."""

_ORDERS: dict[str, ColumnElement[Any]] = {
    "started": executions.c.started_at,
    "activity": executions.c.last_activity_at,
    "duration": func.coalesce(executions.c.ended_at, executions.c.last_activity_at) - executions.c.started_at,
    "cost": executions.c.cost_billed + executions.c.cost_estimated,
    "calls": executions.c.llm_calls,
    "tokens": executions.c.input_tokens + executions.c.output_tokens,
    "agent": executions.c.agent,
    "status": case(
        {name: rank for rank, name in enumerate(("completed", "interrupted", "failed", "running"))},
        value=executions.c.status,
        else_=0,
    ),
}
_SEARCHED = {
    "agent": executions.c.agent,
    "id": executions.c.id,
    "status": executions.c.status,
    "session": executions.c.session_id,
    "user": executions.c.user,
    "question": executions.c.preview,
    "error": executions.c.error,
}
_OUTLINED = (
    *("id", "execution_id", "kind", "name", "agent", "status", "started_at", "ended_at", "parent_id"),
    *("time_to_first_chunk", "inferred", "request_model", "response_model", "stream", "http_status"),
    *("attempt", "input_tokens", "output_tokens", "usage_source", "cost", "cost_estimated", "cost_unknown"),
)


class Activity(Database):
    """What happens now, and what happened lately."""

    def change_mark(self) -> str:
        """A text that differs after the collector has stored something; PostgreSQL only, see `live.Changes`."""
        newest = select(func.max(journal_positions.c.updated_at)).scalar_subquery()
        latest = select(func.max(executions.c.last_activity_at)).scalar_subquery()
        with self.reading() as connection:
            return "-".join(map(str, connection.execute(select(newest, latest)).one()))

    def runs(self, query: RunsQuery) -> list[ExecutionRow]:
        """The runs that a list shows."""
        statement = select(executions)
        if query.since is not None:
            # Activity never lies before the start: the first condition is one index's, the second the other's.
            statement = statement.where(
                executions.c.last_activity_at >= query.since,
                or_(executions.c.started_at >= query.since, executions.c.status == Status.RUNNING.value),
            )
        if query.agent is not None:
            statement = statement.where(executions.c.agent == query.agent)
        for word in query.text.split():
            statement = statement.where(_contains(word))
        key = _ORDERS.get(query.order, executions.c.started_at)
        statement = statement.order_by(key.desc() if query.descending else key.asc(), executions.c.id)
        with self.reading() as connection:
            found = connection.execute(statement.limit(query.limit)).mappings()
            return [to_execution(row) for row in found]

    def flights(self, agent: str | None = None, limit: int = 50) -> list[Flight]:
        """Calls and tools that run now, the youngest first."""
        names = ("id", "execution_id", "agent", "kind", "name", "provider", "started_at", "request_model")
        preview = func.substr(spans.c.input_preview, 1, PREVIEW).label("preview")
        statement = select(*(spans.c[name] for name in names), preview)
        statement = statement.where(
            NOT_COMPLETED, spans.c.status == Status.RUNNING.value, spans.c.kind != SpanKind.AGENT.value
        )
        if agent is not None:
            statement = statement.where(spans.c.agent == agent)
        with self.reading() as connection:
            rows = connection.execute(statement.order_by(spans.c.started_at.desc()).limit(limit)).mappings().all()
        return [
            Flight(
                span_id=row["id"],
                execution_id=row["execution_id"],
                agent=row["agent"],
                kind=member(SpanKind, row["kind"], SpanKind.SPAN),
                name=row["name"],
                model=row["request_model"],
                provider=row["provider"],
                started_at=row["started_at"],
                preview=row["preview"],
            )
            for row in rows
        ]

    def spent(self, since: int | None = None, agent: str | None = None) -> Spent:
        """Calls, tokens and money of what began at or after `since`."""
        with self.reading() as connection:
            usage = grouped_usage(connection, ["kind"], since=since, agent=agent)
        calls = merged(row for (kind,), row in usage.items() if kind in MODEL_KINDS)
        return Spent(calls=calls["calls"], tokens=to_token_totals(calls), cost=to_cost_totals(merged(usage.values())))

    def pulse(self, since: int, width: int, agent: str | None = None) -> list[Pulse]:
        """Model calls begun at or after `since`, in stretches of `width` microseconds; empty ones are left out.

        Stretches of a quarter of an hour or more are taken from the sums, shorter ones from the spans.
        """
        coarse = width >= SLOT
        table = usage_slots if coarse else spans
        unit = SLOT if coarse else 1
        at = usage_slots.c.slot if coarse else spans.c.started_at
        bucket = cast(at * unit // width, BigInteger).label("bucket")
        statement = (
            select(bucket, *_pulse_sums(coarse=coarse))
            .where(at >= since // unit, table.c.kind.in_(MODEL_KINDS))
            .group_by(bucket)
            .order_by(bucket)
        )
        if agent is not None:
            statement = statement.where(table.c.agent == agent)
        with self.reading() as connection:
            rows = connection.execute(statement).all()
        return [
            Pulse(at=int(number) * width, calls=int(calls), tokens=int(tokens or 0), cost=from_pico(cost))
            for number, calls, tokens, cost in rows
        ]

    def outline(self, execution_id: str) -> Trace | None:
        """A run and the runs it started, with spans that hold what a tree shows and nothing more."""
        with self.reading() as connection:
            found = _executions(connection, executions.c.id == execution_id)
            return _outline(connection, found[0], set(), MAX_DEPTH) if found else None

    def run_marks(self, ids: Sequence[str]) -> list[tuple[Any, ...]]:
        """What changes when something happens in these runs, or when one of them starts another."""
        names = ("id", "status", "spans", "running_spans", "errors", "last_activity_at", "cost_billed", "ended_at")
        some = list(ids)[:500]
        concerned = or_(executions.c.id.in_(some), executions.c.parent_execution_id.in_(some))
        statement = select(*(executions.c[name] for name in names)).where(concerned).order_by(executions.c.id)
        with self.reading() as connection:
            return [tuple(row) for row in connection.execute(statement)]


def _contains(word: str) -> ColumnElement[bool]:
    name, colon, rest = word.partition(":")
    if colon and rest and name in _SEARCHED:
        return _SEARCHED[name].icontains(rest, autoescape=True)
    return or_(*(column.icontains(word, autoescape=True) for column in _SEARCHED.values()))


def _pulse_sums(*, coarse: bool) -> list[ColumnElement[Any]]:
    if coarse:
        sums = usage_slots.c
        return [
            func.sum(sums.calls + sums.retries),
            func.sum(sums.input_tokens + sums.output_tokens),
            func.sum(sums.cost_billed + sums.cost_estimated),
        ]
    tokens = func.coalesce(spans.c.input_tokens, 0) + func.coalesce(spans.c.output_tokens, 0)
    return [func.count(), func.sum(tokens), func.sum(spans.c.cost)]


def _executions(connection: Connection, condition: ColumnElement[bool]) -> list[ExecutionRow]:
    statement = select(executions).where(condition).order_by(executions.c.started_at, executions.c.id)
    return [to_execution(row) for row in connection.execute(statement).mappings()]


def _outline(connection: Connection, execution: ExecutionRow, seen: set[str], depth: int) -> Trace:
    seen.add(execution.id)
    columns = [spans.c[name] for name in _OUTLINED]
    previews = [func.substr(spans.c[name], 1, PREVIEW) for name in ("input_preview", "output_preview", "error")]
    # Only these kinds are shown with a fact out of their attributes; the others' are not read.
    counted = case((spans.c.kind.in_(("memory", "retrieval")), spans.c.attributes))
    statement = (
        select(*columns, *previews, counted)
        .where(spans.c.execution_id == execution.id)
        .order_by(spans.c.started_at, spans.c.id)
    )
    rows = connection.execute(statement).all()
    children = _executions(connection, executions.c.parent_execution_id == execution.id) if depth else []
    return Trace(
        execution=execution,
        spans=[_outlined(row) for row in rows],
        children=[_outline(connection, child, seen, depth - 1) for child in children if child.id not in seen],
    )


def _outlined(row: Sequence[Any]) -> Span:
    values: Row = dict(zip(_OUTLINED, row, strict=False))
    question, answer, error, attributes = row[len(_OUTLINED) :]
    counted = values.pop("usage_source"), values.pop("input_tokens"), values.pop("output_tokens")
    cost, estimated, unknown = (values.pop(name) for name in ("cost", "cost_estimated", "cost_unknown"))
    source, given, got = counted
    values |= {
        "kind": member(SpanKind, values["kind"], SpanKind.SPAN),
        "status": member(Status, values["status"], Status.COMPLETED),
        "inferred": bool(values["inferred"]),
        "stream": None if values["stream"] is None else bool(values["stream"]),
        "input_preview": question,
        "output_preview": answer,
        "error": error,
        "attributes": from_json(attributes, dict[str, Any], {}),
        "usage": None if source is None else Usage(input=given, output=got),
    }
    if cost is not None or unknown:
        values["cost"] = Cost(total=None if cost is None else from_pico(cost), estimated=bool(estimated))
    return Span(**values)
