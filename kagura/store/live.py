"""Answers the questions of a live view: again only where the store has changed, and at most for a share of a core."""

import time
from collections.abc import Callable, Hashable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from kagura.model import Span
from kagura.store.batch import SpanContents
from kagura.store.questions import (
    AgentView,
    Answer,
    Ask,
    Board,
    Gone,
    Kept,
    Look,
    OpenAgent,
    Opened,
    OpenRun,
    Particulars,
    Question,
    ReadSpan,
    Same,
)
from kagura.store.store import Store
from kagura.store.views import Trace

SHARE = 0.004
"""Of a core that one part of an answer may take: what takes 4 ms is counted anew once a second."""

FIRST_PAUSE = 1.0
"""Seconds at most until what was computed for the first time is computed again: that price is mostly what Python loads
and compiles once, and says nothing about the next time."""

MAX_AGE = 30.0
"""Seconds after which sums of a moving window are taken anew though nothing was stored."""

PART_BYTES = 1 << 18
TOTAL_BYTES = 1 << 20
"""Of one content, and of all that was said in a span, that are read for looking at."""

T = TypeVar("T")


class Changes:
    """Tells whether the store has changed, for the price of a look at it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._watcher: Any = None
        if store.engine.dialect.name == "sqlite":
            # SQLite counts others' transactions for each connection by itself, so one is kept for the counting.
            self._watcher = store.engine.raw_connection()
            self._watcher.detach()

    def mark(self) -> str:
        """A text that is another one after something was stored."""
        if self._watcher is None:
            return self._store.change_mark()
        cursor = self._watcher.cursor()
        try:
            cursor.execute("PRAGMA data_version")
            return f"{cursor.fetchone()[0]}-{self._written()}"
        finally:
            cursor.close()

    def _written(self) -> int:
        """When a transaction was last written: a connection opened while the store is made may count none of them."""
        try:
            return Path(f"{self._store.name}-wal").stat().st_mtime_ns
        except OSError:
            return 0

    def close(self) -> None:
        """Let the connection go."""
        if self._watcher is not None:
            self._watcher.close()


class Paced:
    """A value that is computed anew when the store has changed, and no oftener than its price allows."""

    def __init__(self, share: float = SHARE, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._share, self._monotonic = share, monotonic
        self._key: Hashable = None
        self._mark = ""
        self._due = self._expires = 0.0
        self._is_warm = False
        self._value: Any = None

    def get(self, key: Hashable, mark: str, compute: Callable[[], T]) -> T:
        """The value for `key` in the state `mark` of the store, or a slightly older one of that key."""
        now = self._monotonic()
        changed = mark != self._mark or now >= self._expires
        if key != self._key or (changed and now >= self._due):
            began = time.thread_time()
            self._value = compute()
            pause = (time.thread_time() - began) / self._share
            self._key, self._mark = key, mark
            self._expires = now + max(MAX_AGE, pause)
            self._due = now + (pause if self._is_warm else min(pause, FIRST_PAUSE))
            self._is_warm = True
        value: T = self._value
        return value

    def is_late(self, mark: str) -> bool:
        """Whether the store has changed since the value was computed."""
        return mark != self._mark


class LiveView:
    """One store, asked by one view. Not for several threads at once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._changes = Changes(store)
        self._parts = {name: Paced(_SHARES.get(name, SHARE)) for name in (*_BOARD_PARTS, "run", "agent")}
        self._shown: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What to call the store: its file, or its URL without the password."""
        return self._store.name

    def close(self) -> None:
        """Let the connections go."""
        self._changes.close()
        self._store.close()

    def answer(self, question: Question) -> Answer:
        """What the store says. Raises StoreError where it cannot be read."""
        match question:
            case Look():
                return self._look(question)
            case OpenRun():
                return self._open_run(question)
            case OpenAgent():
                return self._open_agent(question)
            case ReadSpan():
                return self._read_span(question.id)
            case Ask():
                from kagura.store.asked import told

                return told(self._store, question)

    def _look(self, look: Look) -> Answer:
        version = self._changes.mark()
        agent, listed = look.query.agent, msgspec.structs.replace(look.query, since=None)
        age = int(time.monotonic() / MAX_AGE) if look.query.since is not None else 0
        mark = f"{version}/{hash((listed, look.window, look.today, look.pulse_width, age))}"
        if look.seen == mark:
            return Same()
        store = self._store

        def part(name: str, key: Hashable, compute: Callable[[], T]) -> T:
            return self._parts[name].get((key, agent), version, compute)

        board = Board(
            mark=mark,
            runs=part("runs", (listed, look.window), lambda: store.runs(look.query)),
            total=part("total", look.window, lambda: store.overview(agent=agent, since=look.query.since)),
            today=part("today", look.today, lambda: store.spent(look.today, agent)),
            week=part("week", look.week, lambda: store.spent(look.week, agent)),
            first=part("first", None, lambda: store.first_call(agent)),
            pulses=part("pulses", look.pulse_width, lambda: store.pulse(look.pulse_since, look.pulse_width, agent)),
            flights=store.flights(agent),
        )
        late = any(self._parts[name].is_late(version) for name in _BOARD_PARTS)
        return msgspec.structs.replace(board, mark=f"{mark} late") if late else board

    def _open_run(self, question: OpenRun) -> Answer:
        store, version = self._store, self._changes.mark()
        if question.seen and question.id in self._shown:
            marks = f"{question.id} {store.run_marks(self._shown)}"
            if question.seen == marks:
                return Same()
        trace = self._parts["run"].get(question.id, version, lambda: store.outline(question.id))
        if trace is None:
            return Gone()
        self._shown = tuple(_ids(trace))
        late = self._parts["run"].is_late(version)
        mark = "late" if late else f"{question.id} {store.run_marks(self._shown)}"
        return Opened(mark=mark, trace=trace)

    def _open_agent(self, question: OpenAgent) -> Answer:
        version = self._changes.mark()
        mark = f"{version}/{hash((question.name, question.today))}"
        if question.seen == mark:
            return Same()
        part = self._parts["agent"]
        view = part.get((question.name, question.today), version, lambda: self._agent(question, mark))
        if view is None:
            return Gone()
        return msgspec.structs.replace(view, mark="late") if part.is_late(version) else view

    def _agent(self, question: OpenAgent, mark: str) -> AgentView | None:
        store, name = self._store, question.name
        summary = store.agent_summary(name)
        if summary.status is None:
            return None
        latest = store.latest_execution(agent=name)
        return AgentView(
            mark=mark,
            summary=summary,
            today=store.overview(agent=name, since=question.today),
            latest=store.outline(latest.id) if latest else None,
        )

    def _read_span(self, id: str) -> Answer:
        span = self._store.span(id)
        return Gone() if span is None else _particulars(span, self._store.span_contents(id) or SpanContents())


_BOARD_PARTS = ("runs", "total", "today", "week", "first", "pulses")
_SHARES = {"run": 0.05, "agent": 0.02}
"""Shares of what is looked at by itself."""


def _ids(trace: Trace) -> Iterator[str]:
    yield trace.execution.id
    for child in trace.children:
        yield from _ids(child)


def _particulars(span: Span, contents: SpanContents) -> Particulars:
    left = TOTAL_BYTES

    def keep(data: bytes) -> Kept:
        nonlocal left
        kept = data[: min(PART_BYTES, left)]
        left -= len(kept)
        return Kept(data=kept, size=len(data))

    outputs = [keep(data) for data in contents.outputs]
    # The latest messages say most: the space that there is goes to them first.
    inputs = [keep(data) for data in reversed(contents.inputs) if left > 0][::-1]
    raw = [
        None if data is None else Kept(data=data[:PART_BYTES], size=len(data))
        for data in (contents.raw_request, contents.raw_response)
    ]
    return Particulars(
        span=span,
        inputs=inputs,
        left_out=len(contents.inputs) - len(inputs),
        outputs=outputs,
        parameters=None if contents.parameters is None else keep(contents.parameters),
        raw_request=raw[0],
        raw_response=raw[1],
    )
