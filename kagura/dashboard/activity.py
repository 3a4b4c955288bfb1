"""The latest runs, one a row; those that still run grow older as one looks."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.text import Text

from kagura.dashboard.amounts import count, duration, least_text, tokens
from kagura.dashboard.frame import columns, panel, status_text
from kagura.dashboard.overview import totals_text
from kagura.dashboard.period import Clock
from kagura.dashboard.text import cell

if TYPE_CHECKING:
    from kagura.store.views import CostTotals, ExecutionRow

PREVIEW_WIDTH = 70
CALLS_WIDTH = 100
TOKENS_WIDTH = 120
"""Columns of the screen from which the question, the calls and the tokens of a run have room."""


def activity(runs: "Sequence[ExecutionRow]", clock: Clock, width: int) -> RenderableType:
    """Start, agent, status, time and cost of each run, and as much more as `width` columns hold."""
    table = columns()
    table.add_column(no_wrap=True, min_width=8)
    if width >= PREVIEW_WIDTH:
        table.add_column(no_wrap=True, overflow="ellipsis", max_width=max(14, width // 5))
    else:
        table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    table.add_column(no_wrap=True, min_width=9)
    table.add_column(no_wrap=True, min_width=6, justify="right")
    table.add_column(no_wrap=True, min_width=7, justify="right")
    for _ in range((width >= CALLS_WIDTH) + (width >= TOKENS_WIDTH)):
        table.add_column(no_wrap=True, justify="right")
    if width >= PREVIEW_WIDTH:
        table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    for run in runs:
        table.add_row(*_cells(run, clock, width))
    return panel("Recent Activity", table if runs else Text("Nothing yet.", "dim"))


def _cells(run: "ExecutionRow", clock: Clock, width: int) -> list[Text]:
    end = run.ended_at or clock.now()
    cells = [
        Text(clock.recent(run.started_at)),
        cell(run.agent),
        status_text(run.status),
        Text(duration(end - run.started_at)),
        Text(totals_text(run.cost) if width >= CALLS_WIDTH else _least(run.cost)),
    ]
    if width >= CALLS_WIDTH:
        cells.append(Text(f"{count(run.llm_calls)} llm, {count(run.tool_calls)} tool", "dim"))
    if width >= TOKENS_WIDTH:
        cells.append(Text(f"{tokens(run.tokens.input)} → {tokens(run.tokens.output)} tok", "dim"))
    if width >= PREVIEW_WIDTH:
        cells.append(cell(run.error or run.preview or "", "red" if run.error else "dim"))
    return cells


def _least(cost: "CostTotals") -> str:
    return least_text(cost.billed, cost.estimated, cost.unknown_calls)
