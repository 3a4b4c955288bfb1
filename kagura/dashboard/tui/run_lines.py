"""The list of runs, a row each."""

from collections.abc import Sequence

from rich.cells import cell_len
from rich.text import Text

from kagura.dashboard.amounts import count, duration, least_text, tokens
from kagura.dashboard.frame import ERROR_STYLE, STATUS_STYLES
from kagura.dashboard.period import Clock
from kagura.dashboard.text import cut, safe
from kagura.dashboard.tui.strips import steady
from kagura.model import Status
from kagura.store.views import ExecutionRow

WITH_QUESTION = 70
"""Columns from which the question, or the error, has room."""


def gap(width: int) -> str:
    """What stands between two columns."""
    return "  " if width >= 100 else " "


class Column:
    """A column: its title, what it is sorted by, its width, and whether it stands at the right."""

    def __init__(self, title: str, order: str, width: int, *, right: bool = False) -> None:
        self.title, self.order, self.width, self.right = title, order, width, right

    def fill(self, text: str) -> str:
        """The text in exactly the column's width."""
        shown = cut(steady(text), self.width)
        blank = " " * (self.width - cell_len(shown))
        return blank + shown if self.right else shown + blank


def columns(width: int) -> list[Column]:
    """The columns that `width` cells hold; the question takes what they leave."""
    small = width < WITH_QUESTION
    chosen = [
        Column("START", "started", 8 if small else 11),
        Column("AGENT", "agent", max(width - 41, 12) if small else min(width // 5, 30)),
        Column("STATUS", "status", 11),
        Column("DURATION", "duration", 9, right=True),
        Column("COST", "cost", 9, right=True),
    ]
    if width >= 100:
        chosen.append(Column("CALLS", "calls", 14, right=True))
    if width >= 120:
        chosen.append(Column("TOKENS", "tokens", 17, right=True))
    return chosen


class RunLines:
    """The runs as rows, sorted as they come."""

    def __init__(self, runs: Sequence[ExecutionRow], clock: Clock, order: str, *, descending: bool) -> None:
        self.runs, self._clock = runs, clock
        self._order, self._descending = order, descending

    def __len__(self) -> int:
        return len(self.runs)

    def fit(self, width: int) -> None:
        """Every width is fine."""

    def key(self, number: int) -> str:
        """The run's id."""
        return self.runs[number].id

    def moving(self, number: int, width: int) -> tuple[int, int] | None:
        """The duration of a run that goes on."""
        if self.runs[number].status is not Status.RUNNING:
            return None
        at = 0
        for column in columns(width):
            if column.order == "duration":
                break
            at += column.width + len(gap(width))
        return at, at + column.width

    def head(self, width: int) -> Text:
        """The titles, with an arrow at the one that rows are sorted by."""
        row = Text(no_wrap=True)
        for column in columns(width):
            arrow = ("▼" if self._descending else "▲") if column.order == self._order else ""
            row.append(column.fill(column.title + arrow), "bold" if arrow else "dim")
            row.append(gap(width))
        return row.append("QUESTION", "dim") if width >= WITH_QUESTION else row

    def line(self, number: int, width: int) -> Text:
        """Start, agent, status, time and cost of a run, and as much more as there is room for."""
        run = self.runs[number]
        cells = self._cells(run)
        row = Text(no_wrap=True)
        for column in columns(width):
            text, style = cells[column.order]
            row.append(column.fill(text), style)
            row.append(gap(width))
        if width < WITH_QUESTION:
            return row
        last = safe(run.error or run.preview or "", max(width, 1))
        return row.append(last, ERROR_STYLE if run.error else "dim")

    def _cells(self, run: ExecutionRow) -> dict[str, tuple[str, str]]:
        end = run.ended_at or self._clock.now()
        status = run.status.value.upper()
        return {
            "started": (self._clock.recent(run.started_at), ""),
            "agent": (safe(run.agent, 200), ""),
            "status": (status, STATUS_STYLES[run.status]),
            "duration": (duration(end - run.started_at), ""),
            "cost": (least_text(run.cost.billed, run.cost.estimated, run.cost.unknown_calls), ""),
            "calls": (f"{count(run.llm_calls)} llm {count(run.tool_calls)} tool", "dim"),
            "tokens": (f"{tokens(run.tokens.input)} → {tokens(run.tokens.output)}", "dim"),
        }


def order_at(x: int, width: int) -> str | None:
    """What the column at cell `x` of the head row sorts by."""
    at = 0
    for column in columns(width):
        if at <= x < at + column.width + len(gap(width)):
            return column.order
        at += column.width + len(gap(width))
    return None
