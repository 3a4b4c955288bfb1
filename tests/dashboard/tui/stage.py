"""The monitor without a terminal, on a seeded store, at the design document's time of day."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from rich.cells import cell_len
from textual.pilot import Pilot
from textual.widgets import Static

from kagura.config import Settings
from kagura.dashboard.period import Clock
from kagura.dashboard.tui.app import Monitor
from kagura.dashboard.tui.feed import Feed
from kagura.dashboard.tui.home import Home
from kagura.dashboard.tui.reader import Reader
from kagura.dashboard.tui.rows import Rows
from kagura.dashboard.tui.run import Run
from tests.dashboard.samples import clock

SIZES = ((80, 24), (120, 40), (200, 60))


class Stage:
    """A running monitor, its keys and its screen."""

    def __init__(self, app: Monitor, pilot: Pilot[Any]) -> None:
        self.app, self.pilot = app, pilot

    @property
    def text(self) -> str:
        """What the screen shows, a row a line."""
        return "\n".join(strip.text for strip in self.app.screen._compositor.render_strips())

    @property
    def rows(self) -> list[str]:
        return self.text.split("\n")

    def list(self, id: str) -> Rows:
        page = self.app.page
        assert page is not None
        return page.query_one(f"#{id}", Rows)

    @property
    def page(self) -> str:
        """The name of the screen that shows data."""
        return type(self.app.page).__name__

    @property
    def chosen(self) -> str:
        return self.list("tree" if isinstance(self.app.page, Run) else "runs").chosen

    @property
    def banner(self) -> str:
        page = self.app.page
        assert page is not None
        return str(page.query_one(".banner", Static).render())

    async def press(self, *keys: str) -> str:
        """Press keys; the screen once all that follows from them is shown."""
        await self.pilot.press(*keys)
        return await self.settled()

    async def settled(self) -> str:
        """The screen, after every question that is due was answered and drawn."""
        await self.pilot.pause()
        async with self.app._asking:
            pass
        await self.pilot.pause()
        return self.text

    async def until(self, holds: Callable[[], object], seconds: float = 30) -> str:
        """The screen, once something holds."""
        async with asyncio.timeout(seconds):
            while not holds():
                await self.pilot.pause(0.01)
        return await self.settled()

    async def shows(self, *texts: str) -> str:
        """The screen, once it shows all these texts."""
        try:
            return await self.until(lambda: all(text in self.text for text in texts))
        except TimeoutError:
            raise AssertionError(f"{texts} did not come; there is\n{self.text}") from None

    async def open(self, run: str) -> str:
        """Open a run, and wait for its tree and details."""
        self.app.call_later(self.app.open_run, run)
        await self.until(lambda: isinstance(self.app.page, Run) and self.app.page.is_mounted)
        return await self.until(lambda: len(self.list("tree").lines) > 1 and len(self.list("detail").lines))

    def assert_whole(self) -> None:
        """Every row is exactly as wide as the screen."""
        width, height = self.app.size
        assert len(self.rows) == height
        assert {cell_len(row) for row in self.rows} == {width}


@asynccontextmanager
async def on_stage(
    home: Path,
    size: tuple[int, int] = (80, 24),
    *,
    agent: str | None = None,
    theme: str = "dark",
    feed: Feed | None = None,
    at: Clock | None = None,
) -> AsyncIterator[Stage]:
    """The monitor of a home, after its first data are shown."""
    feed = Reader(Settings(home=home)) if feed is None else feed
    app = Monitor(feed, at or clock(), agent, theme, rests=(0.2, 0.2))
    try:
        async with app.run_test(size=size, notifications=True) as pilot:
            stage = Stage(app, pilot)
            await stage.until(lambda: isinstance(app.page, Home) is not (agent is not None))
            if agent is None:
                await stage.until(lambda: len(stage.list("runs").lines))
            yield stage
    finally:
        feed.close()
