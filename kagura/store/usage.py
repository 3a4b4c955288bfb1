"""Sums over a time window, exact to the microsecond.

Whole slots come from `usage_slots`. What the window cuts off at its ends is less than two slots of spans, and is
counted one by one with the very function that fills the slots.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from kagura.store.accounting import (
    ACCOUNTED,
    MODEL_KINDS,
    NO_SLOT_SUMS,
    SLOT_KEY,
    SLOT_SUMS,
    SlotKey,
    Sums,
    add,
    slot_entries,
)
from kagura.store.rows import Row
from kagura.store.schema import SLOT, spans, usage_slots

Entry = tuple[SlotKey, Sums]


def grouped_usage(
    connection: Connection,
    by: Iterable[str],
    *,
    since: int | None = None,
    until: int | None = None,
    agent: str | None = None,
) -> dict[tuple[Any, ...], Row]:
    """Sums of spans begun in [since, until), as rows with the columns of `SLOT_SUMS`, by some of `SLOT_KEY`."""
    positions = [SLOT_KEY.index(name) for name in by]
    totals: dict[tuple[Any, ...], Sums] = defaultdict(lambda: NO_SLOT_SUMS)

    def take(entries: Iterable[Entry]) -> None:
        for key, sums in entries:
            group = tuple(key[position] for position in positions)
            totals[group] = add(totals[group], sums)

    first = None if since is None else -(-since // SLOT)
    behind = None if until is None else until // SLOT
    if since is not None and until is not None and since // SLOT == until // SLOT:
        take(_single(connection, since, until, agent))
    else:
        if since is not None and first is not None:
            take(_single(connection, since, first * SLOT, agent))
        if until is not None and behind is not None:
            take(_single(connection, behind * SLOT, until, agent))
        for group, sums in _whole(connection, [SLOT_KEY[position] for position in positions], first, behind, agent):
            totals[group] = add(totals[group], sums)
    return {group: dict(zip(SLOT_SUMS, sums, strict=True)) for group, sums in totals.items() if any(sums)}


def _single(connection: Connection, since: int, until: int, agent: str | None) -> Iterable[Entry]:
    if since >= until:
        return
    statement = select(*(spans.c[name] for name in ACCOUNTED)).where(
        spans.c.started_at >= since, spans.c.started_at < until
    )
    if agent is not None:
        statement = statement.where(spans.c.agent == agent)
    for row in connection.execute(statement).mappings():
        yield from slot_entries(row)


def _whole(
    connection: Connection, by: list[str], first: int | None, behind: int | None, agent: str | None
) -> Iterable[tuple[tuple[Any, ...], Sums]]:
    keys: list[ColumnElement[Any]] = [usage_slots.c[name] for name in by]
    statement = select(*keys, *(func.sum(usage_slots.c[name]) for name in SLOT_SUMS)).group_by(*keys)
    if first is not None:
        statement = statement.where(usage_slots.c.slot >= first)
    if behind is not None:
        statement = statement.where(usage_slots.c.slot < behind)
    if agent is not None:
        statement = statement.where(usage_slots.c.agent == agent)
    for row in connection.execute(statement):
        yield tuple(row[: len(by)]), tuple(int(value or 0) for value in row[len(by) :])


def merged(rows: Iterable[Row], sums: tuple[str, ...] = SLOT_SUMS) -> Row:
    """The sums of several rows."""
    total = dict.fromkeys(sums, 0)
    for row in rows:
        for name in sums:
            total[name] += row[name]
    return total


def only_models(usage: dict[tuple[Any, ...], Row], kind: Callable[[tuple[Any, ...]], str]) -> list[Row]:
    """The rows of calls to models."""
    return [row for group, row in usage.items() if kind(group) in MODEL_KINDS]
