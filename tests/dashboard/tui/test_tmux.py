"""The real program in tmux: keys are typed, the screen is read as a user sees it."""

import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.cells import cell_len

from tests.dashboard.samples import seed

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")


class Tmux:
    """A tmux server of its own with one window; the size that its shell exports is an old one."""

    def __init__(self, folder: Path) -> None:
        self._socket = f"kagura-{uuid.uuid4().hex[:12]}"
        self._folder = folder

    def run(self, *arguments: str) -> str:
        command = ["tmux", "-L", self._socket, "-f", "/dev/null", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def start(self, width: int, height: int, *arguments: str) -> None:
        kagura = f"{sys.executable} -m kagura {' '.join(arguments)}"
        settings = f"KAGURA_HOME={self._folder} KAGURA_DB= KAGURA_CONFIG= TZ=Asia/Tokyo COLUMNS=80 LINES=24"
        script = f"{settings} {kagura}; echo ENDED $?; sleep 60"
        self.run("new-session", "-d", "-x", str(width), "-y", str(height), script)

    @property
    def screen(self) -> str:
        return self.run("capture-pane", "-p")

    def type(self, *keys: str) -> None:
        for key in keys:
            self.run("send-keys", key)

    def shows(self, *texts: str, seconds: float = 30) -> str:
        end = time.monotonic() + seconds
        while not all(text in (screen := self.screen) for text in texts):
            assert time.monotonic() < end, f"{texts} did not come; there is\n{screen}"
            time.sleep(0.05)
        return screen

    def end(self) -> None:
        subprocess.run(["tmux", "-L", self._socket, "kill-server"], capture_output=True, check=False)


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Tmux]:
    tmux = Tmux(tmp_path)
    yield tmux
    tmux.end()


@pytest.mark.parametrize("size", [(80, 24), (200, 60)], ids=str)
def test_a_walk_through_the_monitor(tmux: Tmux, tmp_path: Path, size: tuple[int, int]) -> None:
    seed(tmp_path)
    tmux.start(*size, "monitor")
    screen = tmux.shows("my_agent", "COMPLETED", "Press 'q' to quit, 'r' to refresh, 'd' for details")
    assert max(map(cell_len, screen.split("\n"))) <= size[0]
    tmux.type("j", "d")
    tmux.shows("code_review", "2 with errors", "┌─ Timeline ─", "╍")
    tmux.type("n")
    tmux.shows("HTTP status: 429")
    tmux.type("Escape")
    tmux.shows("┌─ Recent Activity ─")
    tmux.type("/", "m", "y", "_", "Enter")
    tmux.shows("1 run", "filter: my_")
    tmux.type("?")
    tmux.shows("Esc closes this.")
    tmux.type("q")
    tmux.shows("filter: my_")
    tmux.type("q")
    assert "Timeline" not in tmux.shows("ENDED 0")


def test_what_comes_later_is_shown(tmux: Tmux, tmp_path: Path) -> None:
    tmux.start(100, 30, "monitor")
    tmux.shows("No calls are recorded yet.")
    seed(tmp_path)
    tmux.shows("COMPLETED", "Total Calls: 6")


def test_an_agent_is_opened_at_once_and_resized(tmux: Tmux, tmp_path: Path) -> None:
    seed(tmp_path)
    tmux.start(120, 40, "monitor", "--agent", "my_agent")
    tmux.shows("┌─ my_agent ─", "┌─ Tools Used ─")
    assert max(map(cell_len, tmux.screen.split("\n"))) == 120
    tmux.run("resize-window", "-x", "60", "-y", "20")
    tmux.shows(f"┌─ my_agent {'─' * 46}┐\n")
    tmux.type("Escape")
    tmux.shows("┌─ Recent Activity ─")
