"""Sums over a time window, exact to the microsecond.

Whole days come from `usage_days`, whole quarters of an hour from `usage_slots`. What is left at the ends is less than
two quarters of spans, and is counted one by one with the very function that fills the slots.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, func, select

from kagura.store.accounting import ACCOUNTED, NO_SLOT_SUMS, REQUESTED, SLOT_KEY, SLOT_SUMS, Sums, add, slot_entries
from kagura.store.rows import Row
from kagura.store.schema import DAY, SLOT, spans, usage_days, usage_slots

_KIND = SLOT_KEY.index("kind")
_LEVELS = ((DAY, usage_days), (SLOT, usage_slots))


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
            _single(connection, by, first, behind, agent, requests=requests)
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


def _single(
    connection: Connection,
    by: Sequence[str],
    since: int | None,
    until: int | None,
    agent: str | None,
    *,
    requests: bool,
) -> Iterator[tuple[tuple[Any, ...], Sums]]:
    positions = [SLOT_KEY.index(name) for name in by]
    statement = select(*(spans.c[name] for name in ACCOUNTED)).where(
        spans.c.started_at >= since, spans.c.started_at < until
    )
    if agent is not None:
        statement = statement.where(spans.c.agent == agent)
    for row in connection.execute(statement).mappings():
        for key, sums in slot_entries(row):
            if requests or key[_KIND] != REQUESTED:
                yield tuple(key[position] for position in positions), sums


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
