"""Where the monitor's data come from: questions in, replies out."""

from typing import Protocol

import msgspec

from kagura.store.questions import Answer, Question

UPDATE = "The monitor and the proxy need the same version of kagura."


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a call in flight has come, as its proxy sees it."""

    first_byte_at: int | None = None
    last_byte_at: int | None = None
    status: int | None = None
    bytes: int = 0
    """Of the answer so far."""
    events: int = 0
    """Of a streamed answer so far; about one for each token."""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """An answer, with what is to be said beside it."""

    answer: Answer
    troubles: list[str] = []
    """What is wrong with the recording, a line each."""
    flights: dict[str, Progress] = {}
    """Calls in flight by the ids of their spans."""
    source: str = ""
    """The store that is read."""


class Feed(Protocol):
    """Answers questions; called from threads, one question at a time."""

    def ask(self, question: Question) -> Reply:
        """The reply; it never raises for what is wrong with the store."""

    def close(self) -> None:
        """Let go of whatever is held."""


class Source(Feed, Protocol):
    """Answers that come from elsewhere: another process, or another machine."""

    def check(self) -> None:
        """Raise a KaguraError where there will never be an answer."""
