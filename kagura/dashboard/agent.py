"""One agent: how it stands and what it used."""

from typing import TYPE_CHECKING

from rich.console import RenderableType

from kagura.dashboard.amounts import NOTHING, count, duration
from kagura.dashboard.frame import facts, panel, status_text
from kagura.dashboard.overview import today_text, totals_text
from kagura.dashboard.performance import success

if TYPE_CHECKING:
    from kagura.store.views import AgentSummary, Overview


def agent(summary: "AgentSummary", today: "Overview") -> RenderableType:
    """Status, runs of today, average duration, success and cost of an agent."""
    return panel(
        summary.agent,
        facts(
            ("Status", status_text(summary.status) if summary.status else NOTHING),
            ("Calls Today", count(today.executions) + _ever(summary.executions, today.executions)),
            ("Avg Duration", duration(summary.average_duration) + _p95(summary)),
            ("Success Rate", success(summary.success_rate)),
            ("Total Cost", totals_text(summary.cost) + today_text(totals_text(summary.cost), totals_text(today.cost))),
        ),
    )


def _ever(whole: int, part: int) -> str:
    return "" if whole == part else f" ({count(whole)} in all)"


def _p95(summary: "AgentSummary") -> str:
    return "" if summary.p95_duration is None else f" (P95 {duration(summary.p95_duration)})"
