"""Sums by what callers said of their calls: user, session, tags.

A run whose calls all say the same is summed as a whole. Read one by one are the calls of runs that are `mixed` and of
those that lie across an end of the time asked for, and all calls where one agent is asked for.
"""

from collections import defaultdict
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    and_,
    case,
    distinct,
    func,
    not_,
    or_,
    select,
    union,
)

from kagura.model import SpanKind
from kagura.store.accounting import MODEL_KINDS
from kagura.store.rows import Row
from kagura.store.schema import IS_MIXED, execution_tags, executions, span_tags, spans
from kagura.store.usage import span_sums
from kagura.store.values import from_json, to_key

TAG = "tag:"

LABELS = {"user": executions.c.user, "session": executions.c.session_id}
"""What calls name beside tags, as the columns of their runs."""

SUMMED = (
    *("calls", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens"),
    *("cost_billed", "cost_estimated", "unknown_cost_calls"),
)
"""What costs are told with."""

_COLUMNS = {"calls": executions.c.llm_calls}


def label_of(by: str, calls: FromClause, source: FromClause) -> tuple[ColumnElement[Any], FromClause]:
    """What a call names, or else its run; and `source`, which holds `calls`, joined with what tells it."""
    if by in LABELS:
        name, runs = LABELS[by].name, executions.alias()
        return func.coalesce(calls.c[name], runs.c[name]), source.join(runs, runs.c.id == calls.c.execution_id)
    key = by.removeprefix(TAG)
    own, inherited = span_tags.alias(), execution_tags.alias()
    source = source.outerjoin(own, and_(own.c.span_id == calls.c.id, own.c.key == key)).outerjoin(
        inherited, and_(inherited.c.execution_id == calls.c.execution_id, inherited.c.key == key)
    )
    return func.coalesce(own.c.value, inherited.c.value), source


def sums_by_label(
    connection: Connection, by: str, *, since: int | None, until: int | None, agent: str | None
) -> dict[str | None, Row]:
    """Sums of what began in [since, until) by `user`, `session` or `tag:KEY`, with `executions`, the number of runs."""
    found: dict[str | None, Row] = defaultdict(lambda: dict.fromkeys(("executions", *SUMMED), 0))
    parts = [_of_spans(connection, by, since, until, agent)]
    if agent is None:
        parts.append(_of_runs(connection, by, since, until))
    for part in parts:
        for key, row in part:
            total = found[key or None]
            for name in total:
                total[name] += int(row[name] or 0)
    return found


def _of_runs(connection: Connection, by: str, since: int | None, until: int | None) -> list[tuple[str | None, Row]]:
    """Of the runs that are not read call by call."""
    source: FromClause = executions
    keys: list[ColumnElement[Any]] = [LABELS[by].label("label")] if by in LABELS else [executions.c.call_tags]
    if by not in LABELS:
        inherited = and_(execution_tags.c.execution_id == executions.c.id, execution_tags.c.key == by.removeprefix(TAG))
        source = executions.outerjoin(execution_tags, inherited)
        keys.append(execution_tags.c.value.label("label"))
    sums = [func.sum(_COLUMNS.get(name, executions.c.get(name))).label(name) for name in SUMMED]
    counted = func.count(executions.c.call_tags).label("executions")
    conditions = [not_(IS_MIXED)]
    if since is not None:
        conditions.append(executions.c.started_at >= since)
    if until is not None:
        conditions += [executions.c.started_at < until, executions.c.last_activity_at < until]
    statement = select(*keys, counted, *sums).select_from(source).where(*conditions).group_by(*keys)
    rows = [dict(row) for row in connection.execute(statement).mappings()]
    return [(row["label"] if by in LABELS else _tag(by, row), row) for row in rows]


def _tag(by: str, row: Row) -> str | None:
    """The tag that the calls of a run name, or else the run."""
    tags = {to_key(key): value for key, value in from_json(row["call_tags"], dict[str, str], {}).items()}
    own = tags.get(by.removeprefix(TAG))
    inherited: str | None = row["label"]
    return inherited if own is None else to_key(own)


def _of_spans(
    connection: Connection, by: str, since: int | None, until: int | None, agent: str | None
) -> list[tuple[str | None, Row]]:
    key, source = label_of(by, spans, spans)
    is_call = spans.c.kind.in_(MODEL_KINDS)
    charged = or_(is_call, spans.c.cost.is_not(None), spans.c.cost_unknown > 0)
    sums = {column.name: column for column in span_sums()}
    sums["calls"] = func.sum(case((and_(is_call, spans.c.attempt == 1), 1), else_=0)).label("calls")
    runs = func.count(distinct(spans.c.execution_id)).label("executions")
    statement = select(key.label("label"), runs, *(sums[name] for name in SUMMED)).select_from(source)
    statement = statement.where(charged, spans.c.kind != SpanKind.AGENT.value).group_by(key)
    if agent is None:
        statement = statement.where(spans.c.execution_id.in_(_read_by_call(since, until)))
    else:
        statement = statement.where(spans.c.agent == agent)
    # Added to nothing, the start of a span is no reason to walk the index of starts instead of that of runs.
    at = spans.c.started_at if agent is not None else spans.c.started_at + 0
    if since is not None:
        statement = statement.where(at >= since)
    if until is not None:
        statement = statement.where(at < until)
    return [(row["label"], dict(row)) for row in connection.execute(statement).mappings()]


def _read_by_call(since: int | None, until: int | None) -> Select[Any] | Any:
    """The runs whose calls do not all count, or do not all say the same."""
    began, active = executions.c.started_at, executions.c.last_activity_at
    mixed = select(executions.c.id).where(IS_MIXED)
    across = []
    if since is not None:
        mixed = mixed.where(active >= since)
        across.append(select(executions.c.id).where(began < since, active >= since))
    if until is not None:
        across.append(select(executions.c.id).where(began < until, active >= until))
    return union(mixed, *across) if across else mixed
