"""Reads the store for the monitor: opens it when it is there, notices when it is replaced, asks the proxy how it is."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from kagura.config import Settings
from kagura.dashboard.text import safe
from kagura.dashboard.tui.feed import Reply
from kagura.dashboard.tui.proxy import ProxyWatch
from kagura.errors import KaguraError, StoreError
from kagura.journal import collector_runs, journal_files
from kagura.store.opening import open_to_look
from kagura.store.questions import Answer, Board, Failed, Gone, Look, Question, Same

if TYPE_CHECKING:
    from kagura.store.live import LiveView


class Reader:
    """A feed that reads the store itself."""

    def __init__(self, settings: Settings, watch: Callable[[Settings], ProxyWatch] = ProxyWatch) -> None:
        self._settings = settings
        self._proxy = watch(settings)
        self._view: LiveView | None = None
        self._file: tuple[int, int] | None = None
        self._asked = False
        self._behind = ""
        self._turn = threading.Lock()

    def ask(self, question: Question) -> Reply:
        """The reply to one question."""
        with self._turn:
            return self._reply(question)

    def _reply(self, question: Question) -> Reply:
        is_first = not self._asked
        answer = self._answer(question)
        if not isinstance(question, Look):
            return Reply(answer=answer, troubles=[self._behind] if self._behind else [])
        if isinstance(answer, Board):
            self._proxy.expects = bool(answer.flights)
        if is_first:  # nor does it wait for the proxy
            return Reply(answer=answer, source=self._name())
        flights = self._proxy.flights() if isinstance(answer, Board | Same) else {}
        troubles = [line for line in (self._behind, *self._proxy.troubles()) if line]
        return Reply(answer=answer, troubles=troubles, flights=flights, source=self._name())

    def _name(self) -> str:
        return self._view.name if self._view else ""

    def close(self) -> None:
        """Close the store, and the connection to the proxy, once the question under way is answered.

        Whoever asked may be gone by then: a database's connection must not be taken from under its reader.
        """
        with self._turn:
            self._let_go()
            self._proxy.close()

    def _answer(self, question: Question) -> Answer:
        try:
            self._attach()
            answer = self._view.answer(question) if self._view else Gone()
        except StoreError as error:
            self._let_go()
            answer = Failed(message=error.message, remedy=error.remedy)
        self._asked = True
        return answer

    def _attach(self) -> None:
        """Open the store where that is due, after what waits in the journal was stored."""
        if self._asked:  # the first answer does not wait for this
            self._drain()
        file = self._identity()
        if self._view is not None and file != self._file:
            self._let_go()
        if self._view is None:
            self._file = file
            store = open_to_look(self._settings.db_url)
            if store:
                from kagura.store.live import LiveView

                self._view = LiveView(store)

    def _identity(self) -> tuple[int, int] | None:
        """Which file the store is now: one that was deleted and made anew is another one."""
        url = self._settings.db_url
        if not url.startswith("sqlite"):
            return None
        try:
            found = Path(url.partition(":///")[2]).stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _let_go(self) -> None:
        if self._view is not None:
            self._view.close()
            self._view = None

    def _drain(self) -> None:
        """Store what waits in the journal where no collector does; a reader that may not write says so."""
        self._behind = ""
        folder = self._settings.journal_dir
        try:
            if journal_files(folder) and not collector_runs(folder):
                from kagura.collector import drain

                drain(self._settings)
        except (KaguraError, OSError) as error:
            reason = error.message if isinstance(error, KaguraError) else error.strerror or str(error)
            self._behind = f"calls that wait in the journal are not shown: {safe(reason)}"
