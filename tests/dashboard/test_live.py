from dataclasses import dataclass, field

from rich.console import Console, Group, RenderableType
from rich.text import Text

from kagura.dashboard.live import LiveMonitor
from kagura.errors import StoreError
from tests.dashboard.samples import drawn


@dataclass
class Runs:
    """A board of plain rows."""

    run_ids: list[str] = field(default_factory=lambda: ["newest", "middle", "oldest"])
    selectable: bool = True

    def draw(self, width: int, height: int | None, selected: str | None) -> RenderableType:
        return Group(*(Text(("> " if run == selected else "  ") + run) for run in self.run_ids))


def monitor(board: Runs | None = None) -> LiveMonitor:
    board = board or Runs()
    live = LiveMonitor(lambda: board, lambda run: [Text(f"{run} line {n}") for n in range(30)])
    live.refresh()
    return live


def screen(live: LiveMonitor, height: int = 10) -> list[str]:
    console = Console(width=80, height=height)
    return drawn(live.draw(console)).split("\n")


def press(live: LiveMonitor, keys: str) -> list[str]:
    for key in keys.split():
        assert live.press(key)
    return screen(live)


def test_the_newest_run_is_selected_at_first() -> None:
    assert screen(monitor())[:2] == ["> newest", "  middle"]
    assert screen(monitor())[-1].startswith("Press 'q' to quit, 'r' to refresh, 'd' for details")


def test_selection_moves_and_stays_on_the_list() -> None:
    assert press(monitor(), "j")[1] == "> middle"
    assert press(monitor(), "j down down j")[2] == "> oldest"
    assert press(monitor(), "j k k up")[0] == "> newest"


def test_a_selected_run_stays_selected_when_newer_ones_come() -> None:
    board = Runs()
    live = monitor(board)
    live.press("j")
    board.run_ids.insert(0, "newer")
    live.refresh()
    assert screen(live)[2] == "> middle"


def test_details_open_the_selected_run_and_escape_goes_back() -> None:
    live = monitor()
    assert press(live, "j d")[0] == "middle line 0"
    assert press(live, "esc")[1] == "> middle"
    assert press(live, "enter d")[1] == "> middle"


def test_details_scroll_no_further_than_their_ends() -> None:
    live = monitor()
    assert press(live, "d j j")[0] == "newest line 2"
    assert press(live, "k k k k")[0] == "newest line 0"
    assert press(live, "end")[-2] == "newest line 29"
    assert press(live, "k")[-2] == "newest line 28"
    assert press(live, "home page_down")[0] == "newest line 7"


def test_a_view_without_rows_to_select_scrolls() -> None:
    live = monitor(Runs([f"row {n}" for n in range(40)], selectable=False))
    assert press(live, "j j")[0] == "  row 2"


def test_q_and_a_vanished_terminal_end_it() -> None:
    assert not monitor().press("q")
    assert not monitor().press("eof")
    assert monitor().press("x")


def test_details_of_nothing_stay_closed() -> None:
    live = monitor(Runs([]))
    live.press("d")
    live.press("j")
    assert live.opened is None


def test_a_store_that_fails_leaves_the_screen_and_says_so() -> None:
    live = monitor()

    def broken() -> Runs:
        raise StoreError("the disk is full")

    live.load = broken
    live.refresh()
    rows = screen(live)
    assert rows[0] == "> newest"
    assert rows[-2] == "⚠ the disk is full"


def test_a_run_that_retention_removed_is_missed() -> None:
    live = monitor()
    live.load_run = lambda run: None
    assert press(live, "d")[0] == "This run is no longer in the store."
