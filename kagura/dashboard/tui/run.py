"""One run: its tree on a time axis, and everything about the part that is chosen."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from msgspec import Raw
from rich.text import Text
from textual import events, on
from textual.app import ComposeResult, SuspendNotSupported
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.timer import Timer
from textual.widgets import Static

from kagura.dashboard.amounts import plural
from kagura.dashboard.frame import STATUS_STYLES, line
from kagura.dashboard.runs import all_spans
from kagura.dashboard.text import safe
from kagura.dashboard.tui.detail import Detail, run_detail, span_detail
from kagura.dashboard.tui.feed import Reply
from kagura.dashboard.tui.page import QUIT, REFRESH, Page
from kagura.dashboard.tui.raw import ANSWER, REQUEST, is_call, raw_detail
from kagura.dashboard.tui.rows import Rows, TextLines
from kagura.dashboard.tui.strips import steady
from kagura.dashboard.tui.waterfall import RUN, Waterfall
from kagura.dashboard.tui.whole import page, particulars, saved, text_of
from kagura.errors import KaguraError
from kagura.model import Span
from kagura.store import SpanContents
from kagura.store.questions import Ask, Failed, Gone, Opened, OpenRun, Particulars, Question, ReadSpan, Told
from kagura.store.reads import decode, encode

if TYPE_CHECKING:
    from kagura.dashboard.period import Clock
    from kagura.store.views import Trace

BESIDE = 130
"""Columns from which tree and details stand side by side."""
SETTLED_SECONDS = 0.12
"""How long a row must stay chosen until its details are read."""


class Run(Page):
    """The tree of a run above its details, or beside them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,d,backspace", "back", "back", show=False),
        Binding("n", "broken(1)", "next error"),
        Binding("N", "broken(-1)", "previous error", show=False),
        Binding("f", "follow", "follow"),
        Binding("enter,z", "zoom", "zoom", key_display="Enter"),
        Binding("c", "fold", "fold"),
        Binding("v", "raw", "raw"),
        Binding("o", "read_all", "read all", show=False),
        Binding("s", "save", "save", show=False),
        Binding("y", "copy", "copy"),
        Binding("Y", "copy_id", "copy id", show=False),
        Binding("tab", "other", "other pane", show=False),
        Binding("J", "scroll_detail(5)", "scroll details", show=False),
        Binding("K", "scroll_detail(-5)", "scroll details back", show=False),
    ]

    MAIN_KEYS = (QUIT, REFRESH, ("Esc", "screen.back", "to go back"))

    def __init__(self, clock: "Clock", id: str) -> None:
        super().__init__(clock)
        self._run_id = id
        self._tree = Rows(TextLines([Text("Reading …", "dim")]), id="tree", title="Timeline")
        self._detail = Rows(TextLines(), choosable=False, id="detail", title="Details")
        self._opened: Opened | None = None
        self._fall: Waterfall | None = None
        self._folded: frozenset[str] = frozenset()
        self._follows = False
        self._part = ""
        self._read: Particulars | None = None
        self._detail_of = ""
        self._settling: Timer | None = None

    def compose(self) -> ComposeResult:
        """Title, tree, details, keys."""
        yield Static(classes="banner")
        yield Static(id="title")
        with Container(id="body"):
            yield self._tree
            yield self._detail
        yield Static(id="keys")

    def on_mount(self) -> None:
        """The tree has the focus."""
        self._tree.focus()

    def on_resize(self, event: events.Resize) -> None:
        """Put the panes side by side where there is room."""
        self.set_class(event.size.width >= BESIDE, "beside")

    # --- data ---------------------------------------------------------------------------------------------------------

    def question(self) -> Question:
        """The run, where it has changed."""
        return OpenRun(id=self._run_id, seen="" if self.anew or self._opened is None else self._opened.mark)

    def receive(self, reply: Reply) -> None:
        """Show the tree."""
        if isinstance(reply.answer, Gone):
            self._opened = self._fall = None
            self._tree.show(TextLines([Text("This run is no longer in the store.")]), keep=False)
            self._detail.show(TextLines(), keep=False)
        if not isinstance(reply.answer, Opened):
            return
        self._opened = reply.answer
        self._draw_tree()
        self._settle()

    def _draw_tree(self) -> None:
        if self._opened is None:
            return
        first = self._fall is None
        self._fall = Waterfall(self._opened.trace, self.clock, self._folded)
        self._tree.show(self._fall, keep=not first)
        if self._follows:
            self._tree.choose(self._fall.latest())
        self._draw_title()

    def _draw_title(self) -> None:
        if self._fall is None:
            return
        run, broken = self._fall.run, len(self._fall.broken())
        parts = [(f"{safe(run.agent, 100)} ", "bold"), (run.status.value.upper(), STATUS_STYLES[run.status])]
        parts += [(f"  {plural(len(self._fall.spans), 'span')}", "dim")]
        parts += [(f"  {broken} with errors", "red")] if broken else []
        parts += [("  FOLLOWING", "cyan")] if self._follows else []
        title = line(*parts)
        title.plain = steady(title.plain)
        self.query_one("#title", Static).update(title)

    def tick(self) -> None:
        """Let what goes on grow."""
        self._tree.tick()

    # --- details ------------------------------------------------------------------------------------------------------

    @on(Rows.Chosen, "#tree")
    def chosen(self) -> None:
        """Read the details once the cursor rests."""
        self._settle()

    def _settle(self) -> None:
        if self._settling:
            self._settling.stop()
        self._settling = self.set_timer(SETTLED_SECONDS, self._read_chosen)

    def _read_chosen(self) -> None:
        key = self._tree.chosen
        if key == RUN or key.startswith("run "):
            self._read = None
            trace = _run_of(self._opened.trace, key) if self._opened else None
            if trace is not None:
                self._detail.border_title = "Details"
                self._show_detail(run_detail(trace.execution, all_spans(trace), self.clock), key)
        elif key:
            self.run_worker(self._read_span(key), group="detail", exclusive=True)

    async def _read_span(self, key: str) -> None:
        reply = await self.monitor.ask(ReadSpan(id=key))
        if isinstance(reply.answer, Particulars) and self._tree.chosen == key:
            self._read = reply.answer
            self._draw_span()

    def _draw_span(self) -> None:
        if self._read is None:
            return
        part = self._part_of(self._read.span)
        self._detail.border_title = f"Raw {part.capitalize()}" if part else "Details"
        draw = raw_detail(self._read, part) if part else span_detail(self._read, self.clock)
        self._show_detail(draw, self._read.span.id)

    def _part_of(self, span: Span) -> str:
        """Which side of a call is shown; empty for the details, which are all that there is of what is no call."""
        return self._part if is_call(span) else ""

    def _show_detail(self, detail: Detail, key: str) -> None:
        same = self._detail_of == key
        top = self._detail.scroll_offset.y if same else 0
        self._detail_of = key
        self._detail.show(detail, keep=same)
        self._detail.scroll_to(y=top, animate=False)

    # --- keys ---------------------------------------------------------------------------------------------------------

    def action_back(self) -> None:
        """Back from the zoomed details, or to the list."""
        if self.has_class("zoomed"):
            self.action_zoom()
        else:
            self.app.pop_screen()

    def action_broken(self, by: int) -> None:
        """Choose the next part that failed, or the one before."""
        rows = self._fall.broken() if self._fall else []
        if not rows:
            self.notify("No errors in this run.", timeout=2)
            return
        at = self._tree.cursor
        later = [row for row in rows if row > at] if by > 0 else [row for row in rows if row < at][::-1]
        self._tree.choose((later or (rows if by > 0 else rows[::-1]))[0])

    def action_follow(self) -> None:
        """Keep the part that began last chosen."""
        self._follows = not self._follows
        if self._follows and self._fall:
            self._tree.choose(self._fall.latest())
        self._draw_title()

    def action_zoom(self) -> None:
        """Give the details the whole screen, or take it back."""
        zoomed = not self.has_class("zoomed")
        self.set_class(zoomed, "zoomed")
        (self._detail if zoomed else self._tree).focus()

    def action_fold(self) -> None:
        """Hide what is below the chosen part, or show it again."""
        key = self._tree.chosen
        if key and key != RUN:
            self._folded = self._folded ^ {key}
            self._draw_tree()

    def action_raw(self) -> None:
        """The raw request instead of what was read out of it, then the raw answer, and back."""
        self._part = {"": REQUEST, REQUEST: ANSWER}.get(self._part, "")
        self._draw_span()

    def action_save(self) -> None:
        """Write all of what is shown into a file."""
        if self._read is not None:
            self.run_worker(self._save(self._read.span), group="whole", exclusive=True)

    async def _save(self, span: Span) -> None:
        contents = await self._whole(span.id)
        if contents is None:
            return
        try:
            path = await asyncio.to_thread(saved, Path.cwd(), span.id, self._part_of(span), contents)
        except KaguraError as error:
            self.notify(str(error), severity="error", markup=False)
            return
        self.notify(f"Saved {path}." if path else "Nothing of it is kept.", markup=False)

    def action_read_all(self) -> None:
        """Show all of it in the user's pager."""
        if self._read is not None:
            self.run_worker(self._read_all(self._read.span), group="whole", exclusive=True)

    async def _read_all(self, span: Span) -> None:
        contents = await self._whole(span.id)
        if contents is None:
            return
        text = text_of(particulars(span, contents), self._part_of(span), self.clock)
        try:
            with self.app.suspend():
                page(text)
        except (KaguraError, SuspendNotSupported) as error:
            self.notify(str(error), severity="error", markup=False)

    async def _whole(self, span_id: str) -> SpanContents | None:
        """What was said, nothing of it cut; `None` where that is not to be had, which was said then."""
        answer = (await self.monitor.ask(Ask(method="span_contents", arguments=[Raw(encode(span_id))]))).answer
        if isinstance(answer, Failed):
            self.notify(f"{answer.message}\n{answer.remedy}", severity="error", markup=False)
            return None
        found = decode(answer.value, SpanContents | None) if isinstance(answer, Told) else None
        return found or SpanContents()

    def action_copy(self) -> None:
        """Copy the details."""
        if isinstance(self._detail.lines, Detail):
            self.copy(self._detail.lines.text, "the details")

    def action_copy_id(self) -> None:
        """Copy the id of the chosen part, or of the run."""
        self.copy(self._run_id if self._tree.chosen == RUN else self._tree.chosen, "the id")

    def action_other(self) -> None:
        """Move the focus to the other pane."""
        (self._detail if self._tree.has_focus else self._tree).focus()

    def action_scroll_detail(self, by: int) -> None:
        """Scroll the details while the tree has the focus."""
        self._detail.scroll_to(y=self._detail.scroll_offset.y + by, animate=False)

    @on(Rows.Opened, "#tree")
    def open_clicked(self) -> None:
        """A double click zooms."""
        self.action_zoom()


def _run_of(trace: "Trace", key: str) -> "Trace | None":
    """The run of a row: the whole one, or one that it started."""
    if key in (RUN, f"run {trace.execution.id}"):
        return trace
    return next((found for child in trace.children if (found := _run_of(child, key))), None)
