"""Where the running code stands: its execution and the span around it, kept apart for every task and thread."""

import os
import time
from contextvars import ContextVar
from typing import NamedTuple


class Run:
    """The execution that spans are recorded for."""

    __slots__ = ("agent", "id", "session_id", "user")

    def __init__(self, id: str, agent: str, session_id: str | None = None, user: str | None = None) -> None:
        self.id = id
        self.agent = agent
        self.session_id = session_id
        self.user = user


class Scope(NamedTuple):
    """An execution, and the innermost open span in it."""

    run: Run
    span_id: str | None


current: ContextVar[Scope | None] = ContextVar("kagura_scope", default=None)
"""The scope that this task or thread opened; tasks inherit it from the code that starts them, threads do not."""


def now_us() -> int:
    """The present instant in microseconds since the epoch."""
    return time.time_ns() // 1000


def new_id() -> str:
    """A random span id: 16 hex digits."""
    try:
        return _ids.pop()
    except IndexError:
        digits = os.urandom(_POOL * 8).hex()
        _ids.extend(digits[start : start + 16] for start in range(16, len(digits), 16))
        return digits[:16]


_POOL = 128
"""Ids that one question to the system is good for."""
_ids: list[str] = []
os.register_at_fork(after_in_child=_ids.clear)
