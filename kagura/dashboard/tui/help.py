"""What the keys do."""

from typing import TYPE_CHECKING, ClassVar

from rich.console import Group
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

if TYPE_CHECKING:
    from kagura.dashboard.tui.page import Page

MOVES = (
    ("j k ↓ ↑", "move"),
    ("space PgDn, b PgUp", "move by a page"),
    ("g Home, G End", "first, last"),
)
EVERYWHERE = (
    ("r", "read everything anew"),
    ("p", "pause, and go on"),
    ("t", "next theme: dark, light, the terminal's own colours"),
    ("q Ctrl-C", "quit"),
)
KEYS = {
    "Home": (
        ("d Enter", "open the chosen run; so does a double click"),
        ("a", "the agent of the chosen run"),
        ("/", "filter: words, agent:NAME, status:failed, session:ID, user:NAME"),
        ("Esc", "clear the filter"),
        ("s, S", "sort by the next column; turn the order around; a click on a title does both"),
        ("w, W", "next and previous time window"),
        ("y", "copy the run's id"),
    ),
    "Run": (
        ("Esc d", "back"),
        ("n, N", "next and previous error"),
        ("f", "follow: keep the part that began last chosen"),
        ("Enter z", "details on the whole screen, and back"),
        ("Tab", "to the details, and back; J K scroll them from the tree"),
        ("c", "fold what is below, and unfold it"),
        ("v", "the raw request, the raw answer, and back"),
        ("o, s", "read all of it in $PAGER; save it in a file of this folder"),
        ("y, Y", "copy the details; copy the id"),
    ),
    "Agent": (("Esc", "all runs"), ("d Enter", "open the latest run"), ("y", "copy the agent's name")),
}
"""By screen: keys, and what they do."""


class Help(ModalScreen[None]):
    """The keys of the screen below."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,h,f1,enter,q", "app.pop_screen", "close"),
    ]

    def __init__(self, page: "Page") -> None:
        super().__init__()
        self._rows = (*KEYS[type(page).__name__], *MOVES, *EVERYWHERE)

    def compose(self) -> ComposeResult:
        """The list."""
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True)
        table.add_column()
        for keys, does in self._rows:
            table.add_row(Text(keys, "bold cyan"), does)
        with VerticalScroll(id="help", classes="box"):
            yield Static(Group(Text("Keys\n", "bold"), table, Text("\nEsc closes this.", "dim")))
