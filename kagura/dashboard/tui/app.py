"""The monitor as an application: its screens, and the loop that asks for what they show."""

import asyncio
import os
import signal
import threading
import time
from contextlib import suppress
from functools import partial
from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.css.query import NoMatches

from kagura.dashboard.period import Clock
from kagura.dashboard.tui.feed import Feed, Reply
from kagura.dashboard.tui.home import Home
from kagura.dashboard.tui.page import Page
from kagura.dashboard.tui.styles import CSS, THEME_NAMES, THEMES
from kagura.store.questions import Question, Same

REST_SECONDS = (1.0, 3.0)
"""How long it rests between two questions: at least, and at most where drawing takes long."""
TICK_SECONDS = 1.0
ENDINGS = {signal.SIGINT: 0, signal.SIGTERM: 143, signal.SIGHUP: 129}
"""Signals that end the monitor as `q` does, so that the terminal is left as it was; and the exit codes."""
FAREWELL_SECONDS = 3.0
"""How long a signal's end may take."""
SHARE = 0.03
"""Of a core that this process may take: where a second's work takes 60 ms, it is done every two seconds."""


class Monitor(App[None]):
    """Asks the feed what the screen on top shows, from a thread, and lets that screen show it."""

    TITLE = "kagura monitor"
    CSS = CSS
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "quit"),
        Binding("ctrl+c", "quit", "quit", show=False, priority=True),
        Binding("r", "refresh", "refresh"),
        Binding("p", "pause", "pause"),
        Binding("t", "theme", "theme"),
        Binding("question_mark,h,f1", "help", "help"),
    ]

    def __init__(
        self,
        feed: Feed,
        clock: Clock,
        agent: str | None = None,
        theme: str = "dark",
        rests: tuple[float, float] = REST_SECONDS,
    ) -> None:
        colorless = "NO_COLOR" in os.environ
        super().__init__(ansi_color=True if colorless else None)
        self._feed, self._clock, self._agent = feed, clock, agent
        self._chosen_theme = "terminal" if colorless else theme
        self._rests = rests
        self._awake = asyncio.Event()
        self._asking = asyncio.Lock()
        self.paused = self._drawn = False
        self.failure: Exception | None = None
        """What ended the monitor, where it was not the user."""
        self.troubles: list[str] = []

    def on_mount(self) -> None:
        """Begin to ask."""
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = THEME_NAMES[self._chosen_theme]
        self.push_screen(Home(self._clock))
        if self._agent is not None:
            self.open_agent(self._agent)
        for number, code in ENDINGS.items():
            with suppress(NotImplementedError, RuntimeError):
                asyncio.get_running_loop().add_signal_handler(number, partial(self._end, code))
        self.run_worker(self._follow(), exclusive=True)
        self.set_interval(TICK_SECONDS, self._tick)

    async def ask(self, question: Question) -> Reply:
        """The feed's reply, without waiting for it in this thread."""
        async with self._asking:
            return await asyncio.to_thread(self._feed.ask, question)

    async def _follow(self) -> None:
        """Ask for the screen on top, for as long as the program runs."""
        used = time.process_time()
        while True:
            self._awake.clear()
            page = self.page
            if page is not None and page.is_whole and (not self.paused or page.anew):
                reply = await self.ask(page.question())
                if page is self.page:
                    self._drawn = not isinstance(reply.answer, Same)
                    with suppress(NoMatches):  # a screen that is taken down loses its widgets one by one
                        page.accept(reply, self._heard(reply))
            # What this process used since the last time, drawing included, says how soon the next time may be.
            used, before = time.process_time(), used
            quickest, slowest = self._rests
            rest = min(max((used - before) / SHARE, quickest), slowest)
            try:
                await asyncio.wait_for(self._awake.wait(), rest)
            except TimeoutError:
                continue

    def _heard(self, reply: Reply) -> list[str]:
        """What is wrong; only the first screen's replies tell."""
        if reply.source or reply.troubles:
            self.troubles = reply.troubles
        return self.troubles

    @property
    def page(self) -> Page | None:
        """The screen that shows data; help may lie on it."""
        return next((screen for screen in reversed(self.screen_stack) if isinstance(screen, Page)), None)

    def _tick(self) -> None:
        """Let what goes on grow older, where fresh data have not just done it."""
        drawn, self._drawn = self._drawn, False
        if drawn:
            return
        if self.page is not None and self.page.is_whole and not self.paused:
            with suppress(NoMatches):
                self.page.tick()

    def _handle_exception(self, error: Exception) -> None:
        """End, and let the caller tell of the error: Textual would print what all variables held."""
        if self.is_headless:
            super()._handle_exception(error)
        self.failure = self.failure or error
        self.exit(return_code=1)

    def _end(self, code: int) -> None:
        """End as `q` does. Where the terminal is gone, Textual would wait for ever to write its farewell to it."""
        watchdog = threading.Timer(FAREWELL_SECONDS, os._exit, (code,))
        watchdog.daemon = True
        watchdog.start()
        self.exit(return_code=code)

    def wake(self) -> None:
        """Ask at once."""
        self._awake.set()

    def open_run(self, id: str) -> None:
        """Show one run."""
        from kagura.dashboard.tui.run import Run

        self.push_screen(Run(self._clock, id))

    def open_agent(self, name: str) -> None:
        """Show one agent."""
        from kagura.dashboard.tui.agent import Agent

        self.push_screen(Agent(self._clock, name))

    def action_refresh(self) -> None:
        """Read everything anew."""
        if self.page is not None:
            self.page.wake(anew=True)

    def action_pause(self) -> None:
        """Stop following, or go on."""
        self.paused = not self.paused
        if self.page is not None:
            self.page.show_keys()
        self.wake()

    def action_theme(self) -> None:
        """The next theme."""
        names = list(THEME_NAMES.values())
        at = names.index(self.theme) if self.theme in names else 0
        self.theme = names[(at + 1) % len(names)]

    def action_help(self) -> None:
        """What the keys do."""
        from kagura.dashboard.tui.help import Help

        if self.page is not None:
            self.push_screen(Help(self.page))
