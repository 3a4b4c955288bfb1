"""Sums over a time window, exact to the microsecond.

Whole days come from `usage_days`, whole quarters of an hour from `usage_slots`. What is left at the ends is less than
two quarters of spans, and is summed by the database as the function that fills the slots would.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, case, func, not_, select

from kagura.model import SpanKind, Status
from kagura.store.accounting import (
    ACCOUNTED,
    MODEL_KINDS,
    NO_SLOT_SUMS,
    REQUESTED,
    SLOT_KEY,
    SLOT_SUMS,
    Sums,
    add,
    slot_entries,
)
from kagura.store.rows import Row
from kagura.store.schema import DAY, SLOT, spans, usage_days, usage_slots
from kagura.store.values import to_key

_LEVELS = ((DAY, usage_days), (SLOT, usage_slots))


_IS_CALL = spans.c.kind.in_(MODEL_KINDS)
_AGAIN = and_(_IS_CALL, spans.c.attempt > 1)
_HAS_MONEY = spans.c.kind != SpanKind.AGENT.value
_ESTIMATED = func.coalesce(spans.c.cost_estimated, 0) == 1

SLOT_COLUMNS: dict[str, ColumnElement[Any]] = {
    "slot": spans.c.started_at // SLOT,
    "agent": spans.c.agent,
    "provider": func.coalesce(spans.c.provider, ""),
    "kind": spans.c.kind,
    "name": case(
        (_IS_CALL, func.coalesce(func.nullif(spans.c.response_model, ""), spans.c.request_model, "")),
        (spans.c.kind == SpanKind.TOOL.value, spans.c.name),
        else_="",
    ),
}
"""What `accounting.slot_entries` files a span under, as SQL."""


def span_sums() -> list[ColumnElement[Any]]:
    """What `accounting.slot_entries` counts, as SQL: one sum for each of `SLOT_SUMS`."""
    tokens = {name: case((_IS_CALL, spans.c[name]), else_=0) for name in SLOT_SUMS if name.endswith("_tokens")}
    counted: dict[str, Any] = tokens | {
        "calls": case((_AGAIN, 0), else_=1),
        "retries": case((_AGAIN, 1), else_=0),
        "running": case((spans.c.status == Status.RUNNING.value, 1), else_=0),
        "errors": case((spans.c.status == Status.FAILED.value, 1), else_=0),
        "duration": func.coalesce(spans.c.ended_at - spans.c.started_at, 0),
        "cost_billed": case((and_(_HAS_MONEY, not_(_ESTIMATED)), spans.c.cost), else_=0),
        "cost_estimated": case((and_(_HAS_MONEY, _ESTIMATED), spans.c.cost), else_=0),
        "unknown_cost_calls": case((_HAS_MONEY, spans.c.cost_unknown), else_=0),
    }
    return [func.sum(counted[name]).label(name) for name in SLOT_SUMS]


def grouped_usage(
    connection: Connection,
    by: Sequence[str],
    *,
    since: int | None = None,
    until: int | None = None,
    agent: str | None = None,
    requests: bool = False,
) -> dict[tuple[Any, ...], Row]:
    """Sums of spans begun in [since, until), as rows with the columns of `SLOT_SUMS`, by some of `SLOT_KEY`.

    With `requests`, the tools that models asked for are counted as well, under the kind `accounting.REQUESTED`.
    """
    totals: dict[tuple[Any, ...], Sums] = defaultdict(lambda: NO_SLOT_SUMS)
    levels = _LEVELS[1:] if "slot" in by else _LEVELS
    for table, first, behind in _cover(since, until, levels):
        found = (
            (_one_by_one if requests else _at_the_ends)(connection, by, first, behind, agent)
            if table is None
            else _whole(connection, by, table, first, behind, agent, requests=requests)
        )
        for group, sums in found:
            totals[group] = add(totals[group], sums)
    return {group: dict(zip(SLOT_SUMS, sums, strict=True)) for group, sums in totals.items() if any(sums)}


def _cover(
    since: int | None, until: int | None, levels: Sequence[tuple[int, Table]]
) -> Iterator[tuple[Table | None, int | None, int | None]]:
    """The pieces of [since, until): slots [first, behind) of the coarsest table that fits, and finer ones at the ends.

    The finest piece has no table: it is the instants [first, behind) themselves.
    """
    if since is not None and until is not None and since >= until:
        return
    if not levels:
        yield None, since, until
        return
    (width, table), *finer = levels
    first = None if since is None else -(-since // width)
    behind = None if until is None else until // width
    if first is not None and behind is not None and first >= behind:
        yield from _cover(since, until, finer)
        return
    yield table, first, behind
    if first is not None:
        yield from _cover(since, first * width, finer)
    if behind is not None:
        yield from _cover(behind * width, until, finer)


def _one_by_one(
    connection: Connection, by: Sequence[str], since: int | None, until: int | None, agent: str | None
) -> Iterator[tuple[tuple[Any, ...], Sums]]:
    """Spans of an end, and the tools that their models asked for, which no database can read."""
    positions = [SLOT_KEY.index(name) for name in by]
    statement = _chosen(select(*(spans.c[name] for name in ACCOUNTED)), since, until, agent)
    for row in connection.execute(statement).mappings():
        for key, sums in slot_entries(row):
            yield tuple(key[position] for position in positions), sums


def _at_the_ends(
    connection: Connection, by: Sequence[str], since: int | None, until: int | None, agent: str | None
) -> Iterator[tuple[tuple[Any, ...], Sums]]:
    """Spans of an end, summed by the database."""
    keys = [SLOT_COLUMNS[name] for name in by]
    statement = _chosen(select(*keys, *span_sums()), since, until, agent).group_by(*keys)
    for row in connection.execute(statement):
        key = tuple(to_key(part) if isinstance(part, str) else part for part in row[: len(by)])
        yield key, tuple(int(value or 0) for value in row[len(by) :])


def _chosen(statement: Select[Any], since: int | None, until: int | None, agent: str | None) -> Select[Any]:
    if since is not None:
        statement = statement.where(spans.c.started_at >= since)
    if until is not None:
        statement = statement.where(spans.c.started_at < until)
    return statement if agent is None else statement.where(spans.c.agent == agent)


def _whole(
    connection: Connection,
    by: Sequence[str],
    table: Table,
    first: int | None,
    behind: int | None,
    agent: str | None,
    *,
    requests: bool,
) -> Iterator[tuple[tuple[Any, ...], Sums]]:
    keys: list[ColumnElement[Any]] = [table.c[name] for name in by]
    statement = select(*keys, *(func.sum(table.c[name]) for name in SLOT_SUMS)).group_by(*keys)
    if first is not None:
        statement = statement.where(table.c.slot >= first)
    if behind is not None:
        statement = statement.where(table.c.slot < behind)
    if agent is not None:
        statement = statement.where(table.c.agent == agent)
    if not requests:
        statement = statement.where(table.c.kind != REQUESTED)
    for row in connection.execute(statement):
        yield tuple(row[: len(by)]), tuple(int(value or 0) for value in row[len(by) :])


def merged(rows: Iterable[Row]) -> Row:
    """The sums of several rows."""
    total = NO_SLOT_SUMS
    for row in rows:
        total = add(total, tuple(row[name] for name in SLOT_SUMS))
    return dict(zip(SLOT_SUMS, total, strict=True))
