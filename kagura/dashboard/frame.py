"""The few shapes that all views are made of: framed panels, dotted rows, unbroken lines."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from kagura.dashboard.text import cell, cut
from kagura.model import Status

STATUS_STYLES = {
    Status.RUNNING: "cyan",
    Status.COMPLETED: "green",
    Status.FAILED: "bold red",
    Status.INTERRUPTED: "magenta",
}
ERROR_STYLE = "red"

BAR_STYLE = "cyan"
BARS_FROM = 100
LONGEST_BAR = 40
"""Columns of the screen from which bars have room, and the cells that they take at most."""

_WIDEST_DOTS = 40
"""Cells that label and dots take at most on a wide screen, so that the eye need not travel."""


def panel(title: str, body: RenderableType) -> Panel:
    """`body` in a frame as wide as the screen, the title (a foreign string) at its top left."""
    return Panel(body, title=cell(title, "bold"), title_align="left", box=box.SQUARE, border_style="dim")


def line(*parts: str | tuple[str, str]) -> Text:
    """One row that is cut, never wrapped, from strings and (string, style) pairs that are already safe."""
    return Text.assemble(*parts, no_wrap=True, overflow="ellipsis")


def lines(rows: Sequence[RenderableType]) -> Group:
    """Rows below one another."""
    return Group(*rows)


def facts(*rows: tuple[str, str | Text]) -> Group:
    """`Name: value` rows; the values are already safe."""
    return Group(
        *(line((f"{name}: ", "dim"), value) if isinstance(value, str) else _fact(name, value) for name, value in rows)
    )


def _fact(name: str, value: Text) -> Text:
    row = line((f"{name}: ", "dim"))
    row.append_text(value)
    return row


def columns() -> Table:
    """A table without lines, two cells between columns."""
    return Table.grid(padding=(0, 2), expand=True, pad_edge=False)


def status_text(status: Status) -> Text:
    """`RUNNING`, `COMPLETED`, … in its colour."""
    return Text(status.value.upper(), style=STATUS_STYLES[status], no_wrap=True)


@dataclass(frozen=True)
class Leaders:
    """Rows of `label ........ value` with the values in one column; labels are foreign, values safe."""

    rows: Sequence[tuple[str, str]]
    tree: bool = False
    """The rows hang on `├─` and `└─`."""
    bars: Sequence[float] = ()
    """The length of a bar behind each row, 0 to 1; drawn from `BARS_FROM` columns on."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The rows for the width at hand: dots give way first, then the label is cut."""
        branch = 3 if self.tree else 0
        longest = max((cell_len(value) for _, value in self.rows), default=0)
        wanted = max((cell_len(cut(label, 80)) for label, _ in self.rows), default=0) + 4
        bar = min(options.max_width // 4, LONGEST_BAR) if self.bars and options.max_width >= BARS_FROM else 0
        room = max(options.max_width - branch - longest - 1 - (bar + 2 if bar else 0), 8)
        width = min(max(wanted, 30 - branch), max(_WIDEST_DOTS, wanted), room)
        for number, (label, value) in enumerate(self.rows, 1):
            shown = cut(label, max(width - 3, 1))
            dots = "." * max(width - cell_len(shown) - 1, 0)
            prefix = ("└─ " if number == len(self.rows) else "├─ ") if self.tree else ""
            row = line((prefix, "dim"), shown, (f" {dots} ", "dim"), value)
            if bar:
                row.append(" " * (longest - cell_len(value) + 2) + _bar(self.bars[number - 1], bar), BAR_STYLE)
            yield row


def _bar(share: float, width: int) -> str:
    """A bar of at most `width` cells, to an eighth of one; what is not nothing is seen."""
    eighths = round(share * width * 8)
    whole, part = divmod(max(eighths, 1) if share > 0 else 0, 8)
    return "█" * whole + ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")[part]
