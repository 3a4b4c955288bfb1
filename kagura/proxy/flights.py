"""The calls that go on now, and how far each has come, for who asks `/kagura/inflight`."""

from typing import Protocol

import msgspec


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a call has come. Instants are microseconds since the epoch."""

    provider: str
    first_byte_at: int | None = None
    last_byte_at: int | None = None
    status: int | None = None
    bytes: int = 0
    """Of the answer so far."""
    events: int = 0
    """Of a streamed answer so far, where it is not compressed; about one for each token."""


class Flight(Protocol):
    """A call that goes on."""

    def progress(self) -> Progress:
        """How far it has come."""


class EventCount:
    """Counts the server-sent events in the pieces of an answer, when it is asked and not before."""

    _SIGN = b"data:"

    def __init__(self) -> None:
        self._seen = self._events = 0

    def of(self, pieces: list[bytes]) -> int:
        """Events in all pieces; those that were counted before are not looked at again."""
        fresh = pieces[self._seen :]
        self._seen = len(pieces)
        self._events += sum(piece.count(b"\n" + self._SIGN) + piece.startswith(self._SIGN) for piece in fresh)
        return self._events
