"""The live monitor: what is on the screen, what a key does, once a second anew."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.segment import Segment
from rich.text import Text

from kagura.dashboard.frame import ERROR_STYLE, line
from kagura.dashboard.text import safe
from kagura.errors import KaguraError

REFRESH_SECONDS = 1.0

_LIST_HELP = "Press 'q' to quit, 'r' to refresh, 'd' for details"
_LIST_MORE = ", j/k to select"
_DETAIL_HELP = "Press 'q' to quit, 'r' to refresh, Esc to go back, j/k to scroll"
_SCROLL_HELP = "Press 'q' to quit, 'r' to refresh, 'd' for details, j/k to scroll"


class Board(Protocol):
    """The data of one refresh, ready to be drawn."""

    @property
    def run_ids(self) -> list[str]:
        """The runs that can be opened, newest first."""

    @property
    def selectable(self) -> bool:
        """Whether the runs are rows of which one is selected; else the view scrolls."""

    def draw(self, width: int, height: int | None, selected: str | None) -> RenderableType:
        """The view for so many columns and rows."""


@dataclass(frozen=True)
class Viewport:
    """The rows of a renderable from `top` on, as many as `height` holds."""

    body: RenderableType
    top: int
    height: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The rows that are in view; scrolling stops where the last one is."""
        rows = console.render_lines(self.body, options.update(height=None), pad=False)
        top = max(min(self.top, len(rows) - self.height), 0)
        for row in rows[top : top + self.height]:
            yield from row
            yield Segment.line()


@dataclass
class LiveMonitor:
    """The state of the screen: `load` reads the list's data, `load_run` a run's rows (`None`: it is gone)."""

    load: Callable[[], Board]
    load_run: Callable[[str], Sequence[Text] | None]
    warning: Callable[[], str] = str
    """What else is to be said after a refresh; empty if nothing."""
    board: Board | None = None
    opened: str | None = None
    detail: Sequence[Text] | None = None
    selected: str | None = None
    scroll: int = 0
    rows_shown: int = field(default=20, repr=False)
    trouble: str = ""

    def refresh(self) -> None:
        """Read the data again; a failure keeps what is shown and says so."""
        try:
            self.board = self.load()
            if self.opened is not None:
                self.detail = self.load_run(self.opened)
            self.trouble = safe(self.warning())
        except KaguraError as error:
            self.trouble = safe(error)

    def press(self, key: str) -> bool:
        """What a key does; whether the monitor goes on."""
        if key in {"q", "Q", "eof"}:
            return False
        if key == "r":
            self.refresh()
        elif key in {"d", "enter"}:
            self._toggle()
        elif key == "esc":
            self._close()
        elif key in _MOVES or key in _PAGES:
            self._move(_MOVES.get(key, 0) + _PAGES.get(key, 0) * self.rows_shown)
        return True

    def _toggle(self) -> None:
        if self.opened is not None:
            return self._close()
        self.opened = self._current()
        self.scroll = 0
        self.refresh()
        return None

    def _current(self) -> str | None:
        """The selected run; the newest, as long as none was selected or where it is gone."""
        runs = self.board.run_ids if self.board else []
        return self.selected if self.selected in runs else next(iter(runs), None)

    def _close(self) -> None:
        self.opened = self.detail = None
        self.scroll = 0

    def _move(self, by: int) -> None:
        if self.opened is not None or self.board is None or not self.board.selectable:
            self.scroll = max(self.scroll + by, 0)
            return
        runs = self.board.run_ids
        if runs:
            at = runs.index(self._current() or "")
            self.selected = runs[max(0, min(at + by, len(runs) - 1))]

    def draw(self, console: Console) -> RenderableType:
        """The whole screen."""
        width, height = console.size
        room = max(height - 1 - bool(self.trouble), 1)
        self.rows_shown = max(room - 2, 1)
        foot = [line((f"⚠ {self.trouble}", ERROR_STYLE))] if self.trouble else []
        if self.opened is not None:
            rows = self.detail or [Text("This run is no longer in the store.")]
            self.scroll = max(min(self.scroll, len(rows) - room), 0)
            view: RenderableType = Group(*rows[self.scroll : self.scroll + room])
            help_text = _DETAIL_HELP
        elif self.board is None:
            view, help_text = Text(""), "Press 'q' to quit, 'r' to refresh"
        elif self.board.selectable:
            view = Viewport(self.board.draw(width, room, self._current()), 0, room)
            help_text = _LIST_HELP + (_LIST_MORE if width >= 80 else "")
        else:
            view = self._scrolled(console, self.board.draw(width, room, None), room)
            help_text = _SCROLL_HELP
        return Group(view, *foot, line((help_text, "dim")))

    def _scrolled(self, console: Console, body: RenderableType, room: int) -> RenderableType:
        rows = console.render_lines(body, pad=False)
        self.scroll = max(min(self.scroll, len(rows) - room), 0)
        return Viewport(body, self.scroll, room)


_MOVES = {
    "j": 1,
    "down": 1,
    "k": -1,
    "up": -1,
    "home": -1_000_000,
    "g": -1_000_000,
    "end": 1_000_000,
    "G": 1_000_000,
}
"""Rows that a key moves by."""

_PAGES = {"page_down": 1, "page_up": -1}
"""Pages that a key moves by."""


def run_live(monitor: LiveMonitor, console: Console) -> None:
    """Show the monitor on the alternate screen until `q` or Ctrl-C; the terminal is left as it was."""
    from kagura.dashboard.keys import terminal_keys

    monitor.refresh()
    try:
        with terminal_keys() as keys, Live(console=console, screen=True, auto_refresh=False) as live:
            due = time.monotonic() + REFRESH_SECONDS
            while True:
                live.update(monitor.draw(console), refresh=True)
                key = keys.read(due - time.monotonic())
                if key is None:
                    monitor.refresh()
                    due = time.monotonic() + REFRESH_SECONDS
                elif not monitor.press(key):
                    return
    except KeyboardInterrupt:
        return
