"""The screen of `kagura top`: what runs and what today cost, for panes down to 40 columns and 10 rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.text import Text

from kagura.dashboard.amounts import least_text, plural, tokens
from kagura.dashboard.document import document
from kagura.dashboard.frame import ERROR_STYLE, STATUS_STYLES, line
from kagura.dashboard.overview import totals_text
from kagura.dashboard.period import Clock
from kagura.dashboard.source import Source
from kagura.dashboard.text import cut
from kagura.model import Status

if TYPE_CHECKING:
    from kagura.store.views import AgentRow, Overview

HEAD_ROWS = 3
"""Rows above the agents."""
CALLS_FROM, STATUS_FROM = 40, 56
"""Columns of the screen from which an agent's calls and its status have room."""
WIDEST = 80
"""Columns that a row takes at most, so that the eye need not travel."""


@dataclass(frozen=True)
class Top:
    """What the screen shows."""

    today: "Overview"
    agents: "Sequence[AgentRow]"
    """Those of today, running ones and dear ones first."""
    clock: Clock
    trouble: str = ""

    @classmethod
    def read(cls, source: Source, clock: Clock) -> "Top":
        """Read the store anew."""
        source.catch_up()
        _, today = source.overviews()
        rows = sorted(source.agents(clock.today()), key=lambda row: (-row.running, -row.cost.billed, row.agent))
        return cls(today, rows, clock, source.behind)

    def draw(self, width: int, height: int | None = None) -> RenderableType:
        """The screen for so many columns and rows."""
        room = len(self.agents) if height is None else max(height - HEAD_ROWS - 1 - bool(self.trouble), 0)
        shown = self.agents[:room]
        rows = [*self._head(), *(_agent_line(row, min(width, WIDEST)) for row in shown)]
        if not self.agents:
            rows.append(line(("Nothing was called today.", "dim")))
        elif len(self.agents) > len(shown):
            rows.append(line((f"… {plural(len(self.agents) - len(shown), 'more agent')}", "dim")))
        if self.trouble:
            rows.append(line((f"⚠ {self.trouble}", ERROR_STYLE)))
        return Group(*rows)

    def _head(self) -> list[Text]:
        today = self.today
        running = plural(today.active_executions, "run")
        style = STATUS_STYLES[Status.RUNNING] if today.active_executions else "dim"
        errors = (f" · {plural(today.errors, 'error')}", ERROR_STYLE) if today.errors else ""
        used = today.tokens
        return [
            line(("kagura ", "bold"), (f"{self.clock.time(self.clock.now())} ", "dim"), (f"● {running} now", style)),
            line((totals_text(today.cost), "bold"), " today · ", plural(today.llm_calls, "call"), errors),
            line((f"{tokens(used.input)} → {tokens(used.output)} tokens", "dim")),
        ]

    def document(self) -> dict[str, Any]:
        """The screen as JSON."""
        return {"today": document(self.today), "agents": document(list(self.agents))}


def _agent_line(row: "AgentRow", width: int) -> Text:
    cost = least_text(row.cost.billed, row.cost.estimated, row.cost.unknown_calls)
    right = f"{cost:>9}"
    if width >= CALLS_FROM:
        right = f"{plural(row.llm_calls, 'call'):>12} {right}"
    if width >= STATUS_FROM:
        standing = f"{row.running} running" if row.running else row.status.value
        right = f"{standing:>12} {right}"
    name = cut(row.agent, max(width - len(right) - 3, 4))
    mark = ("● ", STATUS_STYLES[row.status])
    return line(mark, name, " " * max(width - cell_len(name) - len(right) - 2, 1), right)
