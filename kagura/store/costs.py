"""What was spent, on what, in a range of time."""

from collections import defaultdict
from collections.abc import Callable, Hashable
from datetime import UTC, datetime, tzinfo
from typing import Any

from sqlalchemy import Connection, Select, Table, func, select

from kagura.errors import InputError
from kagura.store.accounting import MODEL_KINDS
from kagura.store.database import Database
from kagura.store.labels import LABELS, SUMMED, TAG, sums_by_label
from kagura.store.rows import Row, to_cost_totals, to_token_totals
from kagura.store.schema import DAY, SLOT, executions, usage_days, usage_slots
from kagura.store.usage import grouped_usage, merged
from kagura.store.views import CostRow

_SLOT_KEYS = {"agent": "agent", "model": "name", "provider": "provider", "day": "slot", "hour": "slot"}

DIMENSIONS = (*_SLOT_KEYS, *LABELS, f"{TAG}KEY")
"""What costs can be split by."""


class Costs(Database):
    """Cost summaries."""

    def costs(
        self,
        by: str = "agent",
        *,
        since: int | None = None,
        until: int | None = None,
        agent: str | None = None,
        timezone: tzinfo = UTC,
    ) -> list[CostRow]:
        """Cost of the spans begun in [since, until), by one of `DIMENSIONS`.

        A call that names no user, session or tag has that of its run.
        Days and hours are those of `timezone`, in order (`2025-10-10`, `2025-10-10T17:00+02:00`); else the largest
        sum comes first. Nothing in the range gives no rows. Raises InputError for a dimension that does not exist.
        """
        with self.reading() as connection:
            if by in _SLOT_KEYS:
                rows = _from_slots(connection, by, since, until, agent, timezone)
            elif by in LABELS or by.removeprefix(TAG) not in ("", by):
                rows = _from_labels(connection, by, since, until, agent)
            else:
                raise InputError(f"{by}: costs cannot be split by this", f"Choose one of {', '.join(DIMENSIONS)}.")
        if by in ("day", "hour"):
            return sorted(rows, key=lambda row: row.key or "")
        return sorted(rows, key=lambda row: (-row.cost.billed - row.cost.estimated, -row.calls, row.key or ""))

    def first_call(self, agent: str | None = None) -> int | None:
        """When the quarter of an hour begins in which the first call is recorded, however old; `None` without any."""
        with self.reading() as connection:
            day = connection.execute(_first(usage_days, agent)).scalar()
            if day is None:
                return None
            statement = _first(usage_slots, agent).where(usage_slots.c.slot >= day * (DAY // SLOT))
            return int(connection.execute(statement).scalar_one()) * SLOT


def _first(table: Table, agent: str | None) -> Select[Any]:
    """The first slot that holds calls; one that a span has left is still there, with zeros."""
    statement = select(table.c.slot).where(table.c.kind.in_(MODEL_KINDS), table.c.calls + table.c.retries > 0)
    if agent is not None:
        statement = statement.where(table.c.agent == agent)
    return statement.order_by(table.c.slot).limit(1)


def _from_slots(
    connection: Connection, by: str, since: int | None, until: int | None, agent: str | None, timezone: tzinfo
) -> list[CostRow]:
    label = _labels(by, timezone)
    groups: dict[Hashable, list[Row]] = defaultdict(list)
    usage = grouped_usage(connection, [_SLOT_KEYS[by], "kind"], since=since, until=until, agent=agent)
    for (key, kind), row in usage.items():
        is_call = kind in MODEL_KINDS
        # A span that is no model call has its cost counted, and is neither a call nor a model.
        groups[label(key) if is_call or by != "model" else None].append(row if is_call else row | {"calls": 0})
    runs = _begun(connection, by, since, until, agent, label)
    found = []
    for key, parts in groups.items():
        row = merged(parts)
        if _has_cost(row):
            found.append(_cost_row(key, row, None if runs is None else runs.get(key, 0)))
    return found


def _cost_row(key: Any, row: Any, runs: int | None) -> CostRow:
    return CostRow(
        key=key or None,
        executions=runs,
        calls=int(row["calls"]),
        tokens=to_token_totals(row),
        cost=to_cost_totals(row),
    )


def _labels(by: str, timezone: tzinfo) -> Callable[[Any], Hashable]:
    if by not in ("day", "hour"):
        return lambda key: key

    def label(slot: int) -> str:
        moment = datetime.fromtimestamp(slot * SLOT // 1_000_000, timezone)
        if by == "day":
            return moment.date().isoformat()
        return moment.replace(minute=0).isoformat(timespec="minutes")

    return label


def _begun(
    connection: Connection,
    by: str,
    since: int | None,
    until: int | None,
    agent: str | None,
    label: Callable[[Any], Hashable],
) -> dict[Hashable, int] | None:
    """Executions begun in the range by key; `None` where an execution can have several keys."""
    if by in ("model", "provider"):
        return None
    key = executions.c.agent if by == "agent" else executions.c.started_at // SLOT
    statement: Select[Any] = select(key, func.count()).group_by(key)
    if since is not None:
        statement = statement.where(executions.c.started_at >= since)
    if until is not None:
        statement = statement.where(executions.c.started_at < until)
    if agent is not None:
        statement = statement.where(executions.c.agent == agent)
    counts: dict[Hashable, int] = defaultdict(int)
    for value, count in connection.execute(statement):
        counts[label(value)] += count
    return counts


def _from_labels(
    connection: Connection, by: str, since: int | None, until: int | None, agent: str | None
) -> list[CostRow]:
    found = sums_by_label(connection, by, since=since, until=until, agent=agent)
    return [_cost_row(key, row, row["executions"]) for key, row in found.items() if _has_cost(row)]


def _has_cost(row: Row) -> bool:
    """Whether there is something to tell; of a retry without its first attempt these are tokens and money alone."""
    return any(row[name] for name in SUMMED)
