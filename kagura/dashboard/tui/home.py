"""The first screen: what runs, what it cost, what happened lately."""

from typing import TYPE_CHECKING, ClassVar

import msgspec
from rich.console import Group
from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Input, Static

from kagura.dashboard.amounts import count, duration, least_text, plural
from kagura.dashboard.begin import BEGIN, NOTHING_SEEN
from kagura.dashboard.frame import line
from kagura.dashboard.overview import overview
from kagura.dashboard.performance import performance, success
from kagura.dashboard.text import safe
from kagura.dashboard.tui.feed import Reply
from kagura.dashboard.tui.flight_lines import FlightLines
from kagura.dashboard.tui.page import QUIT, REFRESH, Page
from kagura.dashboard.tui.rows import Rows, TextLines
from kagura.dashboard.tui.run_lines import RunLines, order_at
from kagura.dashboard.tui.spending import spending_line, spending_panel
from kagura.dashboard.tui.windows import WINDOWS, look
from kagura.store.questions import MOST_RUNS, ORDERS, Board, Gone, Question, RunsQuery, Spent

if TYPE_CHECKING:
    from kagura.dashboard.period import Clock
    from kagura.store.views import ExecutionRow

FIRST_RUNS = 200
WIDE, NARROW = 120, 76
"""Columns from which there is room for the third panel, and below which panels give way to two rows."""


EMPTY = Board(
    mark="",
    runs=[],
    total=NOTHING_SEEN,
    today=Spent(),
    week=Spent(),
    first=None,
    pulses=[],
    flights=[],
)
"""What is shown where no store is there yet."""


class Home(Page):
    """All runs, the latest first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d,enter", "open", "details", show=False),
        Binding("a", "open_agent", "agent"),
        Binding("slash", "filter", "filter", key_display="/", priority=True),
        Binding("s", "sort(1)", "sort"),
        Binding("S", "reverse", "reverse", show=False),
        Binding("w", "window(1)", "window"),
        Binding("W", "window(-1)", "window back", show=False),
        Binding("y", "copy", "copy id", show=False),
        Binding("escape", "clear", "clear filter", show=False),
    ]

    MAIN_KEYS = (QUIT, REFRESH, ("d", "screen.open", "for details"))

    def __init__(self, clock: "Clock") -> None:
        super().__init__(clock)
        self._board: Board | None = None
        self._query = RunsQuery(limit=FIRST_RUNS)
        self._window = WINDOWS[0]
        self._flights = Rows(TextLines(), id="flights", title="In Flight", choosable=False)
        self._runs = Rows(TextLines(), id="runs", title="Recent Activity")

    def compose(self) -> ComposeResult:
        """Panels, the calls in flight, the runs, the filter, the keys."""
        yield Static(classes="banner")
        with Horizontal(id="head"):
            yield Static(id="overview")
            yield Static(id="performance")
            yield Static(id="spending")
        yield Static(id="compact")
        yield Static(id="strip")
        yield self._flights
        yield self._runs
        yield Input(id="filter", placeholder="words, agent:name, status:failed …", select_on_focus=False)
        yield Static(id="keys")

    def on_mount(self) -> None:
        """The runs have the focus."""
        self._flights.can_focus = False
        self._runs.focus()
        self._describe()

    def on_resize(self, event: events.Resize) -> None:
        """Choose what has room."""
        width, height = event.size
        for name, holds in (
            ("wide", width >= WIDE),
            ("narrow", width < NARROW),
            ("flat", height < 16),
            ("low", height < 30),
            ("tall", 40 <= height < 60),
            ("huge", height >= 60),
        ):
            self.set_class(holds, name)
        self.call_after_refresh(self._draw_panels)

    # --- data ---------------------------------------------------------------------------------------------------------

    def question(self) -> Question:
        """What this screen asks now."""
        query = msgspec.structs.replace(self._query, since=self._window.since(self.clock))
        return look(query, self._window, self.clock, self._board.mark if self._board and not self.anew else "")

    def receive(self, reply: Reply) -> None:
        """Show what came."""
        answer = reply.answer
        if isinstance(answer, Board):
            first = self._board is None
            self._board = answer
            runs = RunLines(answer.runs, self.clock, self._query.order, descending=self._query.descending)
            self._runs.show(runs, keep=not first)
            self._describe()
            self._draw_panels()
        elif isinstance(answer, Gone):
            self._board = EMPTY
            self._runs.show(TextLines([Text(row, "dim") for row in BEGIN.split("\n")]), keep=False)
            self._draw_panels()
        if self._board:
            flights = FlightLines(self._board.flights, reply.flights, self.clock)
            self._flights.show(flights)

    @property
    def _selected(self) -> "ExecutionRow | None":
        key = self._runs.chosen
        return next((run for run in self._board.runs if run.id == key), None) if self._board and key else None

    def tick(self) -> None:
        """Let what goes on grow older."""
        self._runs.tick()
        self._flights.tick()

    # --- drawing ------------------------------------------------------------------------------------------------------

    def _draw_panels(self) -> None:
        board = self._board
        if board is None:
            return
        total, today = board.total, board.total
        if self._window.length is None:
            today = msgspec.structs.replace(total, llm_calls=board.today.calls, cost=board.today.cost)
        width = self.size.width
        self.query_one("#overview", Static).update(overview(total, today))
        self.query_one("#performance", Static).update(performance(total))
        self.query_one("#spending", Static).update(spending_panel(board, self._window, self.clock, width // 3))
        self.query_one("#strip", Static).update(spending_line(board, self._window, self.clock, width))
        cost = total.cost.billed, total.cost.estimated, total.cost.unknown_calls
        first = line(
            ("Active Agents: ", "dim"), count(total.active_executions), ("  Calls: ", "dim"), count(total.llm_calls),
            ("  Cost: ", "dim"), least_text(*cost),
        )  # fmt: skip
        second = line(
            ("Avg: ", "dim"), duration(total.average_duration), ("  P95: ", "dim"), duration(total.p95_duration),
            ("  Success: ", "dim"), success(total.success_rate), ("  Failed: ", "dim"), count(total.errors),
        )  # fmt: skip
        self.query_one("#compact", Static).update(Group(first, second))

    def _describe(self) -> None:
        """The foot of the list: window, order, filter."""
        query = self._query
        shown = [self._counted(len(self._board.runs))] if self._board else []
        shown.append(self._window.name if self._window.length is not None else "all time")
        shown.append(f"by {query.order} {'▼' if query.descending else '▲'}")
        if query.text:
            shown.append(f"filter: {safe(query.text, 40)}")
        self._runs.border_subtitle = self.literal(" · ".join(shown))

    def _counted(self, runs: int) -> str:
        """How many runs the list holds; `+` where there are more of them."""
        return f"{runs:,}+ runs" if runs == self._query.limit else plural(runs, "run")

    # --- keys ---------------------------------------------------------------------------------------------------------

    def action_open(self) -> None:
        """Open the chosen run."""
        if self._runs.chosen:
            self.monitor.open_run(self._runs.chosen)

    def action_open_agent(self) -> None:
        """Open the agent of the chosen run."""
        run = self._selected
        if run:
            self.monitor.open_agent(run.agent)

    @on(Rows.Opened)
    def open_clicked(self, event: Rows.Opened) -> None:
        """A double click opens a run."""
        if event.key:
            self.monitor.open_run(event.key)

    def action_copy(self) -> None:
        """Copy the id of the chosen run."""
        self.copy(self._runs.chosen, "the run's id")

    def action_sort(self, by: int) -> None:
        """Sort by the next column."""
        at = ORDERS.index(self._query.order)
        self._ask(order=ORDERS[(at + by) % len(ORDERS)], descending=True)

    def action_reverse(self) -> None:
        """Turn the order around."""
        self._ask(descending=not self._query.descending)

    @on(Rows.HeadPressed, "#runs")
    def sort_clicked(self, event: Rows.HeadPressed) -> None:
        """A click on a title sorts by it, another one the other way round."""
        order = order_at(event.x, self._runs.row_width)
        if order:
            turned = order == self._query.order and self._query.descending
            self._ask(order=order, descending=not turned)

    def action_window(self, by: int) -> None:
        """Look further back, or less far."""
        self._window = WINDOWS[(WINDOWS.index(self._window) + by) % len(WINDOWS)]
        self._ask()

    @on(Rows.EndReached, "#runs")
    def more(self) -> None:
        """Ask for older runs when the last one is reached."""
        if self._board and len(self._board.runs) == self._query.limit < MOST_RUNS:
            self._query = msgspec.structs.replace(self._query, limit=self._query.limit * 4)
            self.wake()

    def _ask(self, **changes: object) -> None:
        self._query = msgspec.structs.replace(self._query, limit=FIRST_RUNS, **changes)
        self._runs.moved = False
        self._runs.scroll_to(y=0, animate=False)
        self._describe()
        self.wake()

    # --- the filter ---------------------------------------------------------------------------------------------------

    def action_filter(self) -> None:
        """Begin to type a filter."""
        field = self.query_one("#filter", Input)
        if field.has_focus:
            field.insert_text_at_cursor("/")
            return
        # At once, and before the next key is looked at: what is typed next belongs to the filter.
        field.display = True
        self.set_focus(field)

    @on(Input.Changed, "#filter")
    def filter_typed(self, event: Input.Changed) -> None:
        """Each letter filters at once."""
        self._ask(text=event.value.strip())

    @on(Input.Submitted, "#filter")
    def filter_done(self) -> None:
        """Back to the list; the filter stays."""
        if not self._query.text:
            self.query_one("#filter", Input).display = False
        self._runs.focus()

    def action_clear(self) -> None:
        """Show all runs again."""
        field = self.query_one("#filter", Input)
        field.value = ""
        field.display = False
        self._runs.focus()
