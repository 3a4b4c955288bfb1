"""The store as the views read it: caught up with the journal, and empty where there is none yet."""

import difflib
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self, cast

from kagura.config import Settings
from kagura.dashboard.begin import NOTHING_SEEN
from kagura.dashboard.costs import CostReport, total
from kagura.dashboard.period import Clock, Window, window_before
from kagura.dashboard.runs import all_spans
from kagura.dashboard.text import safe
from kagura.errors import InputError, KaguraError
from kagura.journal import journal_files
from kagura.store import SpanContents
from kagura.store.opening import open_to_look
from kagura.store.views import (
    AgentRow,
    AgentSummary,
    CostRow,
    ExecutionRow,
    Overview,
    Prompt,
    Trace,
)

if TYPE_CHECKING:
    from kagura.dashboard.elsewhere import RemoteStore
    from kagura.dashboard.hints import Hint
    from kagura.store import Store

NAMED_IDS = 5
NAMED_AGENTS = 8


def near_names(text: str, names: Sequence[str]) -> list[str]:
    """Up to three of the names that look like `text` or hold it, for "did you mean"."""
    lower = {name.lower(): name for name in names}
    similar = [lower[match] for match in difflib.get_close_matches(text.lower(), lower, n=3, cutoff=0.6)]
    holding = [name for key, name in lower.items() if text and text.lower() in key]
    return list(dict.fromkeys([*similar, *holding]))[:3]


def named(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = f", and {len(names) - NAMED_AGENTS} more" if len(names) > NAMED_AGENTS else ""
    return ", ".join(safe(name, 60) for name in names[:NAMED_AGENTS]) + more


class Source:
    """Opens the store when it is there: a monitor may be started before anything was recorded.

    With `elsewhere`, the store is that of a proxy on another machine.
    """

    def __init__(self, settings: Settings, clock: Clock, elsewhere: "RemoteStore | None" = None) -> None:
        self._settings, self._clock, self._elsewhere = settings, clock, elsewhere
        self._store: Store | None = None
        self.behind = ""
        """Why calls that wait in the journal are not shown; empty where all are."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._elsewhere:
            self._elsewhere.close()
        elif self._store:
            self._store.close()

    def catch_up(self) -> "Store | None":
        """Store what waits in the journal where no collector does, and open the store; `None` while there is none.

        Raises StoreError where the store cannot be read, InputError where a proxy elsewhere cannot be asked.
        """
        if self._elsewhere:
            return self._catch_up_with(self._elsewhere)
        self._drain()
        if self._store is None:
            self._store = open_to_look(self._settings.db_url)
        return self._store

    def _catch_up_with(self, elsewhere: "RemoteStore") -> "Store | None":
        if self._store is None and elsewhere.has_calls():
            self._store = cast("Store", elsewhere)
        self.behind = elsewhere.trouble
        return self._store

    def _drain(self) -> None:
        """A reader that may not write the store, or not now, shows what is in it and says that it is behind."""
        self.behind = ""
        try:
            if journal_files(self._settings.journal_dir):
                from kagura.collector import drain

                drain(self._settings)
        except (KaguraError, OSError) as error:
            reason = error.message if isinstance(error, KaguraError) else error.strerror or str(error)
            self.behind = f"calls that wait in the journal are not shown: {safe(reason)}"

    def overviews(self, agent: str | None = None) -> tuple[Overview, Overview]:
        """The totals since ever, and those of today."""
        store = self._store
        if store is None:
            return NOTHING_SEEN, NOTHING_SEEN
        return store.overview(agent=agent), store.overview(agent=agent, since=self._clock.today())

    def executions(self, limit: int) -> list[ExecutionRow]:
        """The latest runs, newest first."""
        return self._store.executions(limit=limit) if self._store else []

    def agents(self, since: int) -> list[AgentRow]:
        """The agents of runs begun since then, and of running ones."""
        return self._store.agents(since) if self._store else []

    def agent(self, name: str) -> AgentSummary | None:
        """Everything about an agent; `None` where it never ran."""
        summary = self._store.agent_summary(name) if self._store else None
        return summary if summary and summary.status else None

    def check_agent(self, name: str) -> None:
        """Raise InputError with near names where runs are recorded, and none of this agent."""
        names = self._store.agent_names() if self._store else []
        if not names or name in names:
            return
        near = near_names(name, names)
        advice = f"Near names: {', '.join(map(safe, near))}." if near else f"There are: {named(names)}."
        raise InputError(f"no run of an agent {safe(name)!r} is recorded", advice)

    def tag_keys(self) -> list[str]:
        """The keys of all tags."""
        return self._store.tag_keys() if self._store else []

    def costs(self, by: str, window: Window, agent: str | None = None) -> CostReport:
        """What a window cost, by key, and what the one before it did."""
        store, before = self._store, window_before(window, self._clock)
        if store is None:
            return CostReport([], by, window)

        def rows(key: str, stretch: Window) -> list[CostRow]:
            zone = self._clock.zone
            return store.costs(by=key, since=stretch.since, until=stretch.until, agent=agent, timezone=zone)

        return CostReport(
            rows(by, window),
            by,
            window,
            (before, total(rows("agent", before))) if before else None,
            store.cache_savings(since=window.since, until=window.until, agent=agent),
            self._first_day(store, agent),
        )

    def _first_day(self, store: "Store", agent: str | None) -> int | None:
        first = store.first_call(agent)
        return None if first is None else self._clock.midnight(self._clock.day(first))

    def trace(self, prefix: str = "", agent: str | None = None) -> Trace | None:
        """The run whose id begins so, or without one the latest; `None` where nothing ran yet.

        Raises InputError as `run_id` does.
        """
        if prefix:
            return self.run(self.run_id(prefix))
        latest = self._store.latest_execution(agent=agent) if self._store else None
        return self.run(latest.id) if latest else None

    def run_id(self, prefix: str) -> str:
        """The whole id of the run whose id begins so.

        Raises InputError with near ids where no run, or more than one, has an id that begins so.
        """
        found = self._store.find_execution(prefix) if self._store else []
        if not found:
            near = self._store.near_execution_ids(prefix) if self._store else []
            advice = (
                f"Near ids: {', '.join(map(safe, near))}." if near else "`kagura monitor` lists the runs there are."
            )
            raise InputError(f"no run has the id {safe(prefix)!r}", advice)
        if len(found) > 1:
            ids = ", ".join(safe(run.id) for run in found[:NAMED_IDS])
            raise InputError(f"the ids of {len(found)} runs begin with {safe(prefix)!r}", f"Give more of it: {ids}.")
        return found[0].id

    def hints(self, trace: Trace | None) -> "list[Hint]":
        """What stands out in a run and in those that it started."""
        if trace is None:
            return []
        from kagura.dashboard.hints import evidence_of, hints

        return hints(trace.execution, all_spans(trace), evidence_of(self.prompts(trace), self._settings))

    def prompts(self, trace: Trace) -> dict[str, Prompt]:
        """What the calls of a run and of those that it started sent, as hashes, by span."""
        found = self._store.prompts(trace.execution.id) if self._store else {}
        for child in trace.children:
            found |= self.prompts(child)
        return found

    def contents(self, span_id: str) -> SpanContents | None:
        """What a call sent and got; `None` where nothing of it was kept."""
        return self._store.span_contents(span_id) if self._store else None

    def run(self, execution_id: str) -> Trace | None:
        """One run with all its spans."""
        return self._store.trace(execution_id) if self._store else None
