"""What prompt caches saved, from the bills of single calls."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, select

from kagura.model import CostLine
from kagura.store.database import Database
from kagura.store.schema import spans
from kagura.store.values import from_json
from kagura.store.views import CacheSavings

MOST = 50_000
"""Calls with a cache whose bills are looked at one by one: what takes half a second."""

_WRITES = frozenset({"cache_write", "cache_write_1h", "cache_write_12h"})


class Savings(Database):
    """What was not spent."""

    def cache_savings(
        self, *, since: int | None = None, until: int | None = None, agent: str | None = None
    ) -> CacheSavings | None:
        """What caches saved the calls begun in [since, until); `None` where none used one, or more than `MOST` did."""
        bills = self._bills(since, until, agent)
        if not 0 < len(bills) <= MOST:
            return None
        saved = extra = Decimal(0)
        left_out = 0
        for text in bills:
            found = _compared(from_json(text, list[CostLine], []))
            if found is None:
                left_out += 1
            else:
                saved, extra = saved + found[0], extra + found[1]
        return CacheSavings(saved, extra, len(bills), left_out)

    def _bills(self, since: int | None, until: int | None, agent: str | None) -> Sequence[str | None]:
        """The lines of the bills of calls with a cache, and of one more than `MOST` where there are so many."""
        statement: Select[Any] = select(spans.c.cost_lines).where(
            (spans.c.cache_read_tokens > 0) | (spans.c.cache_write_tokens > 0)
        )
        if since is not None:
            statement = statement.where(spans.c.started_at >= since)
        if until is not None:
            statement = statement.where(spans.c.started_at < until)
        if agent is not None:
            statement = statement.where(spans.c.agent == agent)
        with self.reading() as connection:
            return connection.execute(statement.limit(MOST + 1)).scalars().all()


def _compared(lines: list[CostLine]) -> tuple[Decimal, Decimal] | None:
    """What one call saved by reading, and paid more for writing; `None` where it paid for no plain input."""
    plain = next((_rate(line) for line in lines if line.unit == "input"), None)
    if plain is None:
        return None
    saved = sum((line.quantity * (plain - _rate(line)) for line in lines if line.unit == "cache_read"), Decimal(0))
    extra = sum((line.quantity * (_rate(line) - plain) for line in lines if line.unit in _WRITES), Decimal(0))
    return saved, extra


def _rate(line: CostLine) -> Decimal:
    return line.rate if line.factor is None else line.rate * line.factor
