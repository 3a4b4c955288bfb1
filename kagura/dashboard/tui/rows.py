"""A list of rows of which only those in view are drawn, with a cursor where rows can be chosen."""

from collections.abc import Sequence
from typing import ClassVar, Protocol

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from kagura.dashboard.tui.strips import strip_of

CHOSEN = Style(reverse=True)
CHOSEN_ELSEWHERE = Style(bold=True, underline=True)
"""The chosen row of a list that has no focus."""


class Lines(Protocol):
    """What a list shows."""

    def __len__(self) -> int: ...

    def fit(self, width: int) -> None:
        """Prepare for rows of `width` cells; their number may change by it."""

    def line(self, number: int, width: int) -> Text:
        """The row of that number."""

    def head(self, width: int) -> Text | None:
        """A row above all, which does not scroll."""

    def key(self, number: int) -> str:
        """What the row is known by when its number changes; empty for rows that cannot be chosen."""

    def moving(self, number: int, width: int) -> tuple[int, int] | None:
        """The cells of a row that look different a moment later: the first, and the one behind the last."""


class TextLines:
    """Rows that are there already."""

    def __init__(self, rows: Sequence[Text] = ()) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def fit(self, width: int) -> None:
        """Every width is fine."""

    def line(self, number: int, width: int) -> Text:
        """The row of that number."""
        return self.rows[number]

    def head(self, width: int) -> Text | None:
        """No row stands above."""
        return None

    def key(self, number: int) -> str:
        """These rows are only read."""
        return ""

    def moving(self, number: int, width: int) -> tuple[int, int] | None:
        """Text stays."""
        return None


class Rows(ScrollView, can_focus=True):
    """The widget. It asks `lines` for what is in view, and keeps the chosen row where rows come and go."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("pagedown,space,ctrl+f", "page(1)", "Page down", show=False),
        Binding("pageup,b,ctrl+b", "page(-1)", "Page up", show=False),
        Binding("home,g", "edge(0)", "First", show=False),
        Binding("end,G", "edge(1)", "Last", show=False),
    ]

    class Chosen(Message):
        """Another row was chosen."""

        def __init__(self, rows: "Rows", key: str) -> None:
            super().__init__()
            self.rows, self.key = rows, key

        @property
        def control(self) -> "Rows":
            """The list."""
            return self.rows

    class Opened(Chosen):
        """The chosen row is to be opened."""

    class EndReached(Message):
        """The last row came into view."""

        def __init__(self, rows: "Rows") -> None:
            super().__init__()
            self.rows = rows

        @property
        def control(self) -> "Rows":
            """The list."""
            return self.rows

    class HeadPressed(EndReached):
        """The mouse was pressed on the head row."""

        def __init__(self, rows: "Rows", x: int) -> None:
            super().__init__(rows)
            self.x = x

    def __init__(self, lines: Lines, *, id: str, title: str, choosable: bool = True) -> None:
        super().__init__(id=id, classes="box")
        self.border_title = title
        self.lines = lines
        self.choosable = choosable
        self._head = 0
        self._head_row: Text | None = None
        self.cursor = 0
        self.moved = False
        """Whether the user chose a row; until then the first is chosen, whichever that is."""

    @property
    def chosen(self) -> str:
        """The key of the chosen row; empty where there is none."""
        return self.lines.key(self.cursor) if self.choosable and self.cursor < len(self.lines) else ""

    def show(self, lines: Lines, *, keep: bool = True) -> None:
        """Show other rows; with `keep` the chosen row stays chosen wherever it is now."""
        before = self.chosen if keep and self.moved else ""
        offset = self.cursor - self.scroll_offset.y
        self.lines = lines
        self._measure()
        if not keep:
            self.cursor, self.moved = 0, False
            self.scroll_to(y=0, animate=False)
        elif before:
            self.cursor = self._place(before)
        else:
            self.cursor = min(self.cursor, max(len(lines) - 1, 0)) if self.moved else 0
        if before and keep:
            self.scroll_to(y=max(self.cursor - offset, 0), animate=False)
        self.refresh()

    def _place(self, key: str) -> int:
        lines, count = self.lines, len(self.lines)
        if self.cursor < count and lines.key(self.cursor) == key:
            return self.cursor
        found = next((number for number in range(count) if lines.key(number) == key), None)
        return min(self.cursor, max(count - 1, 0)) if found is None else found

    @property
    def row_width(self) -> int:
        """Cells of a row: those of the widget without the scroll bar."""
        return max(self.scrollable_content_region.width, 0)

    def _draw_head(self) -> None:
        head = self.lines.head(self.row_width)
        if head != self._head_row:
            self._head_row, self._head = head, int(head is not None)
            self.refresh(Region(0, 0, self.size.width, 1))

    def _measure(self) -> None:
        self.lines.fit(self.row_width)
        self._draw_head()
        self.virtual_size = Size(self.row_width, len(self.lines) + self._head)

    def choose(self, number: int) -> None:
        """Choose a row and bring it into view."""
        number = max(0, min(number, len(self.lines) - 1))
        if len(self.lines) and number != self.cursor:
            self.cursor = number
            self.post_message(self.Chosen(self, self.chosen))
            self.refresh()
        self.moved = True
        self._reveal()

    def choose_key(self, key: str) -> None:
        """Choose the row that is known by `key`, where it is there."""
        for number in range(len(self.lines)):
            if self.lines.key(number) == key:
                return self.choose(number)
        return None

    def _reveal(self) -> None:
        room = max(self.size.height - self._head, 1)
        top = self.scroll_offset.y
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False)
        elif self.cursor >= top + room:
            self.scroll_to(y=self.cursor - room + 1, animate=False)
        if self.cursor >= len(self.lines) - 1:
            self.post_message(self.EndReached(self))

    def tick(self) -> None:
        """Draw the rows in view anew that look different a moment later."""
        top, count = self.scroll_offset.y, len(self.lines)
        self._draw_head()
        for y in range(min(self.size.height - self._head, count - top)):
            cells = self.lines.moving(top + y, self.row_width)
            if cells is not None:
                self.refresh(Region(cells[0], y + self._head, cells[1] - cells[0], 1))

    def action_move(self, by: int) -> None:
        """Move the cursor, or scroll where rows cannot be chosen."""
        if self.choosable:
            self.choose(self.cursor + by)
        else:
            self.scroll_to(y=self.scroll_offset.y + by, animate=False)

    def action_page(self, pages: int) -> None:
        """Move by what is in view."""
        self.action_move(pages * max(self.size.height - self._head - 1, 1))

    def action_edge(self, last: int) -> None:
        """Move to the first or the last row."""
        self.action_move(len(self.lines) if last else -len(self.lines) - 1)

    def on_resize(self) -> None:
        """Keep the chosen row in view."""
        self._measure()
        if self.choosable and self.moved:
            self._reveal()

    def on_click(self, event: events.Click) -> None:
        """Choose the row under the mouse; a double click opens it."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        if offset.y < self._head:
            self.post_message(self.HeadPressed(self, offset.x))
            return
        number = self.scroll_offset.y + offset.y - self._head
        if not self.choosable or number >= len(self.lines):
            return
        self.choose(number)
        if event.chain == 2:
            self.post_message(self.Opened(self, self.chosen))

    def render_line(self, y: int) -> Strip:
        """One row of the screen; the column of the scroll bar stays free."""
        return self._row(y).adjust_cell_length(self.size.width, self.rich_style)

    def _row(self, y: int) -> Strip:
        width, style = self.row_width, self.rich_style
        if self._head_row is not None and y == 0:
            return strip_of(self._head_row.copy(), width, self.app.console, style)
        number = y - self._head + self.scroll_offset.y
        if not 0 <= number < len(self.lines):
            return Strip.blank(width, style)
        strip = strip_of(self.lines.line(number, width), width, self.app.console, style)
        chosen = self.choosable and number == self.cursor and self.lines.key(number)
        return self._marked(strip) if chosen else strip

    def _marked(self, strip: Strip) -> Strip:
        if not self.has_focus:
            return strip.apply_style(CHOSEN_ELSEWHERE)
        return Strip([Segment(strip.text, self.rich_style + CHOSEN)])
