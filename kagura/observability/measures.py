"""Numbers of executions, and what they come to."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, select

from kagura.errors import InputError
from kagura.model import Status
from kagura.store import Store
from kagura.store.schema import executions, metrics
from kagura.store.values import from_pico

_COLUMNS: dict[str, tuple[ColumnElement[Any], Callable[[Any], float]]] = {
    "duration": (executions.c.ended_at - executions.c.started_at, lambda us: us / 1e6),
    "cost": (executions.c.cost_billed, lambda pico: float(from_pico(pico))),
    "llm_calls": (executions.c.llm_calls, float),
    "tool_calls": (executions.c.tool_calls, float),
    "errors": (executions.c.errors, float),
    "input_tokens": (executions.c.input_tokens, float),
    "output_tokens": (executions.c.output_tokens, float),
}
"""What every execution has, and its unit."""

_AGGREGATIONS: dict[str, Callable[[list[float]], float | None]] = {
    "count": len,
    "sum": sum,
    "mean": lambda ordered: sum(ordered) / len(ordered) if ordered else None,
    "min": lambda ordered: ordered[0] if ordered else None,
    "max": lambda ordered: ordered[-1] if ordered else None,
    "p50": lambda ordered: _percentile(ordered, 50),
    "p95": lambda ordered: _percentile(ordered, 95),
    "p99": lambda ordered: _percentile(ordered, 99),
}
"""Over values in ascending order."""


def values(store: Store, name: str, agent: str | None, since: int | None, until: int | None) -> list[float]:
    """One value for each execution begun in [since, until), or each value that they recorded under that name."""
    column, unit = _COLUMNS.get(name, (metrics.c.value, float))
    statement = select(column).select_from(executions).where(column.is_not(None))
    if name not in _COLUMNS:
        statement = statement.join(metrics, metrics.c.execution_id == executions.c.id).where(metrics.c.name == name)
    if name == "duration":
        statement = statement.where(executions.c.status != Status.RUNNING.value)
    if agent is not None:
        statement = statement.where(executions.c.agent == agent)
    if since is not None:
        statement = statement.where(executions.c.started_at >= since)
    if until is not None:
        statement = statement.where(executions.c.started_at < until)
    with store.reading() as connection:
        return [unit(value) for value in connection.execute(statement).scalars()]


def aggregate(found: list[float], name: str | None) -> Any:
    """One aggregation, or a dictionary of all. Raises InputError for one that does not exist."""
    ordered = sorted(found)
    if name is None:
        return {name: one(ordered) for name, one in _AGGREGATIONS.items()}
    if name not in _AGGREGATIONS:
        raise InputError(f"{name!r} is no aggregation", f"There are {', '.join(_AGGREGATIONS)}.")
    return _AGGREGATIONS[name](ordered)


def _percentile(ordered: list[float], percent: int) -> float | None:
    return ordered[-(-len(ordered) * percent // 100) - 1] if ordered else None
