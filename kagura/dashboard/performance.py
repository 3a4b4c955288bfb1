"""How long runs take and how many succeed."""

from typing import TYPE_CHECKING

from rich.console import RenderableType

from kagura.dashboard.amounts import NOTHING, count, duration
from kagura.dashboard.frame import facts, panel

if TYPE_CHECKING:
    from kagura.store.views import Overview


def performance(total: "Overview") -> RenderableType:
    """Average and 95th percentile of the latest finished runs, the share that completed, calls that failed."""
    return panel(
        "Performance",
        facts(
            ("Avg Response Time", duration(total.average_duration)),
            ("P95 Response Time", duration(total.p95_duration)),
            ("Success Rate", success(total.success_rate)),
            ("Failed Calls", count(total.errors)),
        ),
    )


def success(rate: float | None) -> str:
    """A share as percent with one decimal; 100.0% only where nothing failed."""
    if rate is None:
        return NOTHING
    return f"{min(100 * rate, 99.9) if rate < 1 else 100:.1f}%"
