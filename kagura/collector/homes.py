"""Which execution a trace, or a call of its own, turned out to belong to; and which spans turned out to be others.

Two kinds of execution are only made up: `exec_…` of a call that nobody named a run for, `trace_…` of an OpenTelemetry
trace. As soon as something says whose they are, their id stands for that execution, for what comes later too.
"""

from collections import OrderedDict
from collections.abc import Iterable

from kagura.store import Alias, Store

REMEMBERED = 20_000
"""Ids that are kept in mind."""

OWN = "exec_"
TRACE = "trace_"
SESSION = "session_"
_KEYS = (OWN, TRACE, SESSION)
_MOST_STEPS = 8

EXPLICIT, NAMED_BY_CALL, NAMED_BY_SPAN, MADE_UP = 3, 2, 1, 0
"""Ranks of what says whose a trace is: an id for kagura; the session of a call that the relay saw; the session or the
conversation that a span names; nothing but that things happened together."""


def trace_key(trace_id: str) -> str:
    """The execution that a trace is where nobody says otherwise."""
    return f"{TRACE}{trace_id}"


def session_key(session_id: str) -> str:
    """What stands for a session that may be part of another one."""
    return f"{SESSION}{session_id}"


def is_made_up(execution_id: str) -> bool:
    """Whether kagura itself named the execution."""
    return execution_id.startswith((OWN, TRACE))


class Homes:
    """What ids stand for: the latest from memory, others from the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ask = store.has_aliases()
        """Whether the store may know more than memory does."""
        self._known: OrderedDict[str, Alias | None] = OrderedDict()
        self._changed: dict[str, Alias] = {}

    def of(self, execution_id: str) -> str:
        """The execution that an id stands for."""
        return self._resolved(execution_id) if execution_id.startswith(_KEYS) else execution_id

    def span(self, span_id: str) -> str:
        """The span that an id stands for."""
        return self._resolved(span_id)

    def prefetch(self, ids: Iterable[str]) -> None:
        """Read from the store what these ids stand for, all at once."""
        missing = {id for id in ids if id not in self._known} if self._ask else None
        if missing:
            found = self._store.aliases(missing)
            for id in missing:
                self._remember(id, found.get(id))

    def claim(self, made_up: str, execution_id: str, rank: int) -> str | None:
        """Let a made-up id stand for an execution; returns the one that it stood for until now, where that changes."""
        home = self.of(execution_id)
        before, known = self.of(made_up), self._alias(made_up)
        if before == home or home == made_up or (known is not None and known.rank >= rank):
            return None
        self._put(made_up, Alias(home, rank))
        return before

    def merge(self, span_id: str, into: str) -> None:
        """Let a span's id stand for another span."""
        if span_id != into:
            self._put(span_id, Alias(into))

    def changes(self) -> dict[str, Alias]:
        """What has changed since the last time."""
        changed, self._changed = self._changed, {}
        return changed

    def _resolved(self, id: str) -> str:
        for _ in range(_MOST_STEPS):
            alias = self._alias(id)
            if alias is None:
                break
            id = alias.target
        return id

    def _alias(self, id: str) -> Alias | None:
        if id in self._known:
            self._known.move_to_end(id)
            return self._known[id]
        if not self._ask:
            return None
        found = self._store.aliases([id]).get(id)
        self._remember(id, found)
        return found

    def _put(self, id: str, alias: Alias) -> None:
        self._changed[id] = alias
        self._remember(id, alias)

    def _remember(self, id: str, alias: Alias | None) -> None:
        self._known[id] = alias
        self._known.move_to_end(id)
        if len(self._known) > REMEMBERED:
            self._ask |= self._known.popitem(last=False)[1] is not None
