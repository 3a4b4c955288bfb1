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
    total: "Overview",
    today: "Overview",
    runs: "Sequence[ExecutionRow]",
    clock: Clock,
    width: int,
    height: int | None = None,
    selected: str | None = None,
) -> RenderableType:
    """The monitor's first screen, in `height` rows: the list of runs takes what the panels leave."""
    head, speed = overview(total, today), performance(total)
    if not runs:
        return Group(head, Text(BEGIN))
    frames = 6 if width >= WIDE else 12
    room = len(runs) if height is None else max(height - frames - 2, 1)
    shown = _around(runs, selected, room)
    listed = activity(shown, clock, width, selected)
    return Group(beside(head, speed), listed) if width >= WIDE else Group(head, listed, speed)


def _around(runs: "Sequence[ExecutionRow]", selected: str | None, room: int) -> "Sequence[ExecutionRow]":
    """As many runs as have room, the selected one among them."""
    at = next((number for number, run in enumerate(runs) if run.id == selected), 0)
    first = max(at - room + 1, 0)
    return runs[first : first + room]


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
