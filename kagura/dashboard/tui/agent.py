"""One agent: its status, models, tools and slow requests, and the steps of its latest run."""

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from kagura.dashboard.begin import BEGIN
from kagura.dashboard.screens import agent_screen
from kagura.dashboard.text import safe
from kagura.dashboard.tui.feed import Reply
from kagura.dashboard.tui.page import QUIT, REFRESH, Page
from kagura.store.questions import AgentView, Gone, OpenAgent, Question

if TYPE_CHECKING:
    from kagura.dashboard.period import Clock


class Agent(Page):
    """The panels of one agent; they scroll where the rows do not suffice."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,backspace", "app.pop_screen", "all runs", show=False),
        Binding("d,enter", "open", "details", show=False),
        Binding("j,down", "scroll(1)", "down", show=False),
        Binding("k,up", "scroll(-1)", "up", show=False),
        Binding("y", "copy", "copy name", show=False),
    ]

    MAIN_KEYS = (QUIT, REFRESH, ("d", "screen.open", "for details"), ("Esc", "app.pop_screen", "for all runs"))

    def __init__(self, clock: "Clock", name: str) -> None:
        super().__init__(clock)
        self._agent = name
        self._view: AgentView | None = None

    def compose(self) -> ComposeResult:
        """The panels, the keys."""
        yield Static(classes="banner")
        with VerticalScroll(id="page"):
            yield Static(id="panels")
        yield Static(id="keys")

    def question(self) -> Question:
        """The agent, where something has changed."""
        seen = "" if self.anew or self._view is None else self._view.mark
        return OpenAgent(name=self._agent, today=self.clock.today(), seen=seen)

    def receive(self, reply: Reply) -> None:
        """Show the panels."""
        if isinstance(reply.answer, Gone):
            self._view = None
            text = f"No run of {safe(self._agent)} is recorded.\n\n{BEGIN}"
            self.query_one("#panels", Static).update(Text(text))
        elif isinstance(reply.answer, AgentView):
            self._view = reply.answer
            self._draw()

    def on_resize(self) -> None:
        """Arrange the panels anew, from their top."""
        self._draw()
        self.call_after_refresh(self.query_one("#page").scroll_home, animate=False)

    def tick(self) -> None:
        """The steps of a running run grow."""
        if self._view and self._view.latest and self._view.latest.execution.ended_at is None:
            self._draw()

    def _draw(self) -> None:
        if self._view:
            view = self._view
            width = max(self.size.width - 1, 20)
            panels = agent_screen(view.summary, view.today, view.latest, self.clock, width)
            self.query_one("#panels", Static).update(panels)

    def action_open(self) -> None:
        """Open the agent's latest run."""
        if self._view and self._view.latest:
            self.monitor.open_run(self._view.latest.execution.id)

    def action_scroll(self, by: int) -> None:
        """Scroll the panels."""
        self.query_one("#page").scroll_relative(y=by, animate=False)

    def action_copy(self) -> None:
        """Copy the agent's name."""
        self.copy(self._agent, "the agent's name")
