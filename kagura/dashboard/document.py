"""Views as JSON documents: the same names everywhere, times in UTC, money as decimal strings, durations in ms."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any

import msgspec

from kagura.dashboard.bill import Bill
from kagura.dashboard.costs import CostReport
from kagura.dashboard.hints import Hint
from kagura.dashboard.period import Window, iso
from kagura.dashboard.runs import all_spans

if TYPE_CHECKING:
    from kagura.store.views import AgentSummary, ExecutionRow, Overview, Trace

_MONEY = frozenset({"billed", "estimated", "total", "rate", "provider_cost", "saving", "saved", "extra"})


def document(value: Any) -> Any:
    """A struct as JSON: `…_at` becomes ISO 8601, durations `…_ms`, money `…_usd`."""
    if isinstance(value, msgspec.Struct):
        pairs = [_pair(name, getattr(value, name)) for name in value.__struct_fields__]
        derived = [_pair("duration", value.duration)] if hasattr(value, "duration") else []
        return dict(pairs + derived)
    if isinstance(value, list | tuple):
        return [document(item) for item in value]
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Bill):
        return _bill(value)
    return value.value if isinstance(value, Enum) else value


def _pair(name: str, value: Any) -> tuple[str, Any]:
    if name == "at" or name.endswith("_at"):
        return name, iso(value or None)
    if name.endswith("duration") or name == "time_to_first_chunk":
        return f"{name}_ms", None if value is None else value / 1000
    return f"{name}_usd" if name in _MONEY else name, document(value)


def main_document(total: "Overview", today: "Overview", runs: "Sequence[ExecutionRow]") -> dict[str, Any]:
    """`kagura monitor --json`."""
    return {"total": document(total), "today": document(today), "executions": document(list(runs))}


def agent_document(
    summary: "AgentSummary", today: "Overview", latest: "Trace | None", found: Sequence[Hint] = ()
) -> dict[str, Any]:
    """`kagura monitor --agent NAME --json`."""
    return {
        **document(summary),
        "today": document(today),
        "latest": document(latest.execution) if latest else None,
        "hints": document(list(found)),
    }


def trace_document(trace: "Trace", found: Sequence[Hint] = ()) -> dict[str, Any]:
    """`kagura monitor --trace --json`: the run, its spans and those of the runs it started."""
    spans = all_spans(trace)
    return {
        "execution": document(trace.execution),
        "spans": document(spans),
        "children": [child.execution.id for child in trace.children],
        "cost": _bill(Bill.of(spans)),
        "hints": document(list(found)),
    }


def cost_document(report: CostReport, now: int) -> dict[str, Any]:
    """`kagura monitor --cost --json`; projected and compared are the billed costs alone."""
    sums = report.total
    projected = report.monthly(now)
    return {
        "by": report.by,
        "since": iso(report.window.since),
        "until": iso(report.window.until),
        "rows": document(list(report.rows)),
        "total": _bill(sums),
        "projected_monthly_usd": None if projected is None else format(round(projected, 6), "f"),
        "before": None if report.before is None else _before(*report.before),
        "cache_savings": None if report.cache is None else document(report.cache),
    }


def _before(window: Window, sums: Bill) -> dict[str, Any]:
    return {"since": iso(window.since), "until": iso(window.until), **_bill(sums)}


def cost_rows(report: CostReport) -> Iterator[dict[str, Any]]:
    """`kagura monitor --cost --csv`, row by row."""
    for row in report.rows:
        tokens = {f"{name}_tokens": getattr(row.tokens, name) for name in row.tokens.__struct_fields__}
        bill = Bill(row.cost.billed, row.cost.estimated, row.cost.unknown_calls)
        yield {report.by: row.key, "runs": row.executions, "calls": row.calls, **tokens, **_bill(bill)}


def _bill(bill: Bill) -> dict[str, Any]:
    return {
        "billed_usd": format(bill.billed, "f"),
        "estimated_usd": format(bill.estimated, "f"),
        "unknown_calls": bill.unknown_calls,
    }
