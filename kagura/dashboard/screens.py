"""Whole screens: which panels stand where, for the width at hand."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from kagura.dashboard.activity import activity
from kagura.dashboard.agent import agent
from kagura.dashboard.begin import BEGIN
from kagura.dashboard.hints import Hint
from kagura.dashboard.llm_usage import llm_usage
from kagura.dashboard.overview import overview
from kagura.dashboard.performance import performance
from kagura.dashboard.period import Clock
from kagura.dashboard.runs import all_spans
from kagura.dashboard.slow import errors, slow_requests
from kagura.dashboard.steps import steps
from kagura.dashboard.tools import tools

if TYPE_CHECKING:
    from kagura.store.views import AgentSummary, ExecutionRow, Overview, Trace

WIDE = 100
"""Columns from which panels stand side by side."""


def main_screen(
    total: "Overview", today: "Overview", runs: "Sequence[ExecutionRow]", clock: Clock, width: int
) -> RenderableType:
    """The monitor's first screen."""
    head, speed = overview(total, today), performance(total)
    if not runs:
        return Group(head, Text(BEGIN))
    listed = activity(runs, clock, width)
    return Group(beside(head, speed), listed) if width >= WIDE else Group(head, listed, speed)


def agent_screen(
    summary: "AgentSummary",
    today: "Overview",
    latest: "Trace | None",
    clock: Clock,
    width: int,
    found: Sequence[Hint] = (),
) -> RenderableType:
    """Everything about one agent, the steps of its latest run, and the hints that were found in it."""
    left = [agent(summary, today), llm_usage(summary.models)]
    right = [tools(summary.tools), slow_requests(summary.slow[:5], clock)]
    if summary.errors:
        right.append(errors(summary.errors[:5], clock))
    panels = [beside(Group(*left), Group(*right))] if width >= WIDE else [*left, *right]
    if latest:
        panels += [Text(""), steps(latest.execution, all_spans(latest), clock, found)]
    return Group(*panels)


def beside(left: RenderableType, right: RenderableType) -> RenderableType:
    """Two halves of the screen."""
    table = Table.grid(expand=True, pad_edge=False)
    table.add_column(ratio=1)
    table.add_column(ratio=1)
    table.add_row(left, right)
    return table
