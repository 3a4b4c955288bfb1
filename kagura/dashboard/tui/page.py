"""What the screens share: a question that is asked again and again, the banner, the row of keys, the clipboard."""

from typing import TYPE_CHECKING, Any, ClassVar, cast

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from kagura.dashboard.tui.feed import Reply
from kagura.dashboard.tui.strips import steady
from kagura.store.questions import Failed, Question

if TYPE_CHECKING:
    from kagura.dashboard.period import Clock
    from kagura.dashboard.tui.app import Monitor

COPIED_CHARACTERS = 100_000
"""More than that terminals do not take for their clipboard."""


QUIT, REFRESH = ("q", "app.quit", "to quit"), ("r", "app.refresh", "to refresh")


class Page(Screen[None]):
    """A screen that shows replies to its question."""

    BINDINGS: ClassVar[list[BindingType]] = []
    MAIN_KEYS: ClassVar[tuple[tuple[str, str, str], ...]] = ()
    """The first of the row of keys: key, action, what it does."""

    def __init__(self, clock: "Clock") -> None:
        super().__init__()
        self.clock = clock
        self.anew = False
        """The next answer is to be read anew, whatever was seen."""

    @property
    def monitor(self) -> "Monitor":
        """The application."""
        return cast("Monitor", self.app)

    @property
    def is_whole(self) -> bool:
        """Whether its widgets are there: a screen that is being built or taken down has none."""
        return self.is_mounted and bool(self.children)

    def question(self) -> Question:
        """What this screen asks now."""
        raise NotImplementedError

    def receive(self, reply: Reply) -> None:
        """Show what came."""
        raise NotImplementedError

    def tick(self) -> None:
        """Draw anew what looks different a moment later."""

    def accept(self, reply: Reply, troubles: list[str]) -> None:
        """Take a reply, with what is to be said above it."""
        self.anew = False
        if isinstance(reply.answer, Failed):
            troubles = [f"{reply.answer.message}. {reply.answer.remedy}", *troubles]
        self._warn(troubles)
        self.receive(reply)

    def _warn(self, troubles: list[str]) -> None:
        banner = self.query_one(".banner", Static)
        rows = [Text(f"⚠ {steady(row)}", no_wrap=True, overflow="ellipsis") for row in troubles[:3]]
        banner.set_class(bool(rows), "shown")
        banner.update(Text("\n").join(rows))

    def wake(self, *, anew: bool = False) -> None:
        """Ask at once."""
        self.anew = self.anew or anew
        self.monitor.wake()

    def copy(self, text: str, what: str) -> None:
        """Put text on the terminal's clipboard."""
        if text:
            self.app.copy_to_clipboard(text[:COPIED_CHARACTERS])
            self.notify(f"Copied {what}.", timeout=2, markup=False)

    @staticmethod
    def literal(text: str) -> Any:
        """Text for a border, whose square brackets are square brackets."""
        return Content(steady(text))

    def on_screen_resume(self) -> None:
        """Show the keys, and ask at once."""
        self.wake()
        self.show_keys()

    def show_keys(self) -> None:
        """The row of keys, in the words of the first screen's design; a click does what its key does."""
        said = [Content("Paused. " if self.monitor.paused else "")]
        for number, (key, action, does) in enumerate(self.MAIN_KEYS):
            said.append(Content.from_markup(f"{', ' if number else 'Press '}[@click={action}]'{key}' {does}[/]"))
        for key, action, does in self._more_keys():
            said.append(Content.from_markup(f"  [@click={action}][b]{key}[/b] {does}[/]"))
        self.query_one("#keys", Static).update(Content.assemble(*said))

    def _more_keys(self) -> list[tuple[str, str, str]]:
        found = [("?", "app.help", "help")]
        for binding in self.BINDINGS:
            if isinstance(binding, Binding) and binding.show:
                key = binding.key_display or binding.key.split(",")[0]
                found.append((key, f"screen.{binding.action}", binding.description))
        return [*found, ("p", "app.pause", "pause"), ("t", "app.theme", "theme")]
