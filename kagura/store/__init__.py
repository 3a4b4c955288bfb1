"""The trace store: tables, migrations, writes, queries, retention, export.

What passes in and out is plain data and imported at once; `Store` itself, with all of SQLAlchemy, when it is first
asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from kagura.store.alert_views import AlertChanges, AlertKey, AlertMessage, AlertState, Repeats, RunFigure
from kagura.store.batch import Alias, Batch, ChainState, Metric, Revision, SpanContents
from kagura.store.views import (
    AgentRow,
    AgentSummary,
    CostRow,
    CostTotals,
    DayRow,
    ExecutionRow,
    ModelUsage,
    Overview,
    Pruned,
    SpanError,
    TokenTotals,
    ToolUsage,
    Trace,
)

if TYPE_CHECKING:
    from kagura.store.costs import DIMENSIONS
    from kagura.store.store import Store

__all__ = [
    "DIMENSIONS",
    "AgentRow",
    "AgentSummary",
    "AlertChanges",
    "AlertKey",
    "AlertMessage",
    "AlertState",
    "Alias",
    "Batch",
    "ChainState",
    "CostRow",
    "CostTotals",
    "DayRow",
    "ExecutionRow",
    "Metric",
    "ModelUsage",
    "Overview",
    "Pruned",
    "Repeats",
    "Revision",
    "RunFigure",
    "SpanContents",
    "SpanError",
    "Store",
    "TokenTotals",
    "ToolUsage",
    "Trace",
]

_LATER = {"DIMENSIONS": "kagura.store.costs", "Store": "kagura.store.store"}


def __getattr__(name: str) -> Any:
    """Import what was not imported yet."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_LATER[name]), name)
    return value
