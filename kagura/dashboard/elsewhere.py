"""The records of a proxy elsewhere, asked as if they were a store here: each reading method is a question to it."""

from collections.abc import Callable
from functools import partial
from typing import Any

from msgspec import Raw

from kagura.dashboard.tui.feed import UPDATE
from kagura.dashboard.tui.remote import RemoteFeed
from kagura.errors import InputError, ProxyError, StoreError
from kagura.store.questions import Answer, Ask, Failed, Told
from kagura.store.reads import RETURNS, decode, encode

VIEWER = ""
"""All commands share one reader there: most of them ask once and are gone."""
REMEDY = "Does it run, and can this machine reach it?"


class RemoteStore:
    """The reading methods of `Store`, answered by the proxy at `root`.

    What a method returns where nothing was recorded yet is `None`. Raises InputError where the proxy does not answer,
    or not this, and StoreError where it cannot read its store.
    """

    def __init__(self, root: str, key: str = "") -> None:
        self.name = root
        self.trouble = ""
        """Why calls that wait in the journal there are not shown; empty where all are."""
        self._feed = RemoteFeed(root, key, viewer=VIEWER, remedy=REMEDY)

    def __getattr__(self, method: str) -> Callable[..., Any]:
        """Ask for what a method returns."""
        if method in RETURNS:
            return partial(self._ask, method)
        from kagura.store.export import Pages

        if method in vars(Pages):
            return partial(getattr(Pages, method), self)
        raise AttributeError(f"{method} is not asked of a proxy elsewhere")

    def _ask(self, method: str, *arguments: Any, **named: Any) -> Any:
        question = Ask(
            method=method,
            arguments=[Raw(encode(value)) for value in arguments],
            named={name: Raw(encode(value)) for name, value in named.items()},
        )
        answer = self._answer(question)
        return decode(answer.value, RETURNS[method]) if isinstance(answer, Told) else None

    def _answer(self, question: Ask) -> Answer:
        try:
            reply = self._feed.told(question)
        except ProxyError as error:
            raise InputError(error.message, error.remedy) from None
        self.trouble = reply.troubles[0] if reply.troubles else ""
        answer = reply.answer
        if isinstance(answer, Failed):
            kind = InputError if answer.remedy == UPDATE else StoreError
            raise kind(f"{self.name}: {answer.message}", answer.remedy)
        return answer

    def has_calls(self) -> bool:
        """Whether anything was recorded there."""
        return bool(self._ask("executions", limit=1))

    def close(self) -> None:
        """Hang up."""
        self._feed.close()
