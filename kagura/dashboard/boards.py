"""The data of the two live views, one object a refresh, and the monitor that shows them."""

from dataclasses import dataclass
from typing import Any, Self

from rich.console import RenderableType
from rich.text import Text

from kagura.dashboard.document import agent_document, main_document
from kagura.dashboard.live import LiveMonitor
from kagura.dashboard.period import Clock
from kagura.dashboard.runs import all_spans
from kagura.dashboard.screens import BEGIN, agent_screen, main_screen
from kagura.dashboard.source import Source
from kagura.dashboard.text import safe
from kagura.dashboard.timeline import timeline
from kagura.store.views import AgentSummary, ExecutionRow, Overview, Trace

LISTED_RUNS = 200
PRINTED_RUNS = 20


@dataclass(frozen=True)
class MainBoard:
    """All runs."""

    total: Overview
    today: Overview
    runs: list[ExecutionRow]
    clock: Clock
    selectable: bool = True

    @classmethod
    def read(cls, source: Source, clock: Clock, limit: int = PRINTED_RUNS) -> Self:
        """Read the store anew."""
        source.catch_up()
        return cls(*source.overviews(), source.executions(limit), clock)

    @property
    def run_ids(self) -> list[str]:
        """The runs that can be opened, newest first."""
        return [run.id for run in self.runs]

    def draw(self, width: int, height: int | None, selected: str | None) -> RenderableType:
        """The view for so many columns and rows."""
        return main_screen(self.total, self.today, self.runs, self.clock, width, height, selected)

    def document(self) -> dict[str, Any]:
        """The view as JSON."""
        return main_document(self.total, self.today, self.runs)


@dataclass(frozen=True)
class AgentBoard:
    """One agent."""

    name: str
    summary: AgentSummary | None
    today: Overview
    latest: Trace | None
    clock: Clock
    selectable: bool = False

    @classmethod
    def read(cls, source: Source, clock: Clock, name: str) -> Self:
        """Read the store anew."""
        source.catch_up()
        _, today = source.overviews(name)
        return cls(name, source.agent(name), today, source.trace(agent=name), clock)

    @property
    def run_ids(self) -> list[str]:
        """The agent's latest run."""
        return [self.latest.execution.id] if self.latest else []

    def draw(self, width: int, height: int | None, selected: str | None) -> RenderableType:
        """The view for so many columns; it scrolls where the rows do not suffice."""
        if self.summary is None:
            return Text(f"No run of {safe(self.name)} is recorded.\n\n{BEGIN}")
        return agent_screen(self.summary, self.today, self.latest, self.clock, width)

    def document(self) -> dict[str, Any]:
        """The view as JSON; of an agent that never ran its name alone."""
        if self.summary is None:
            return {"agent": self.name, "status": None, "executions": 0}
        return agent_document(self.summary, self.today, self.latest)


def live_monitor(source: Source, clock: Clock, agent: str | None) -> LiveMonitor:
    """The live view of all runs or of one agent; a run opens as its timeline."""

    def read() -> MainBoard | AgentBoard:
        return AgentBoard.read(source, clock, agent) if agent else MainBoard.read(source, clock, LISTED_RUNS)

    def open_run(execution_id: str) -> list[Text] | None:
        trace = source.run(execution_id)
        return timeline(trace.execution, all_spans(trace), clock) if trace else None

    return LiveMonitor(read, open_run, lambda: source.behind)
