"""The trace store: tables, migrations, writes, queries, retention, export."""

from kagura.store.batch import Batch, ChainState, Metric, Revision, SpanContents
from kagura.store.costs import DIMENSIONS
from kagura.store.store import Store
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

__all__ = [
    "DIMENSIONS",
    "AgentRow",
    "AgentSummary",
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
    "Revision",
    "SpanContents",
    "SpanError",
    "Store",
    "TokenTotals",
    "ToolUsage",
    "Trace",
]
