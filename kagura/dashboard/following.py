"""Calls as they end: each once, in the order in which it did, also from a store that comes later."""

from kagura.dashboard.period import Clock
from kagura.dashboard.source import Source
from kagura.model import Span
from kagura.store.questions import EndedQuery

SLACK = 30_000_000
"""Microseconds by which a call may be stored after its end and is still noticed."""
LONGEST = 86_400_000_000
"""Microseconds that a call may have run and is still noticed."""


class Follower:
    """Asks the store again and again; `latest` first, then `more`."""

    def __init__(self, source: Source, clock: Clock, query: EndedQuery) -> None:
        self._source, self._clock, self._query = source, clock, query
        self._began = self._asked = clock.now()
        self._running: int | None = None
        self._seen: dict[str, int] = {}

    def latest(self, number: int) -> list[Span]:
        """The calls that ended last; what ended before now is not told again."""
        store = self._source.catch_up()
        if store is None:
            return []
        self._running = store.oldest_running(self._asked - LONGEST)
        self._more()
        return store.latest_ended(self._query, number) if number else []

    def more(self) -> list[Span]:
        """The calls that have ended since the last time."""
        return [span for span in self._more() if (span.ended_at or 0) >= self._began - SLACK]

    def _more(self) -> list[Span]:
        store, now = self._source.catch_up(), self._clock.now()
        if store is None:
            return []
        started = min(self._asked, now if self._running is None else self._running) - SLACK
        ended = self._asked - SLACK
        # Asked for before the calls themselves: what ends in between began before it and is found the next time.
        running = store.oldest_running(now - LONGEST)
        found = store.ended_since(self._query, started=started, ended=ended)
        fresh = [span for span in found if span.id not in self._seen]
        self._seen = {key: at for key, at in self._seen.items() if at >= ended - SLACK}
        self._seen |= {span.id: span.ended_at or 0 for span in found}
        self._asked, self._running = now, running
        return fresh
