"""What programs report by OpenTelemetry meets what the relay saw: one execution, one tree, one span a call.

Whichever comes first. All of it is decided from the spans of an execution as they stand, so that a report that is sent
again, or read again from the journal, changes nothing.
"""

import logging
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

import msgspec

from kagura.collector import homes
from kagura.collector.attempts import OWN_EXECUTION
from kagura.collector.homes import Homes, is_made_up, session_key, trace_key
from kagura.collector.merging import Merger
from kagura.collector.scene import REACH_US, Scene, is_call, is_report
from kagura.collector.subagents import AGENT_HEADERS
from kagura.collector.tools import Tools
from kagura.collector.twins import CALL_ID, answer_ids, ids_of
from kagura.errors import StoreError
from kagura.model import Exchange, Span
from kagura.otel.conventions import SPAN_ID
from kagura.otel.incoming import Incoming
from kagura.store import Batch, SpanContents, Store

log = logging.getLogger(__name__)

REMEMBERED = 5000
"""Reports without their call, and ids of answers, that are kept in mind."""

TRACE_RULE = "traceparent"
"""The source of an execution that a trace stands for."""
SESSION_RULE = "otel-session"
EXPLICIT_RULE = "otel-attribute"
_BY_CALLER = frozenset(("header", "path"))
_BY_TRACE = frozenset((TRACE_RULE, SESSION_RULE))
_ALWAYS = 1 << 62
T = TypeVar("T")


class Arrival(msgspec.Struct):
    """A span that a program reports, as read, with what is kept of its content."""

    told: Incoming
    span: Span
    contents: SpanContents | None


class Joins:
    """Finds the execution of reports and of the calls that they tell of, and has merged what is one."""

    def __init__(self, store: Store, homes: Homes, tools: Tools, now: int) -> None:
        self._store, self._homes, self._tools, self._since = store, homes, tools, now
        self._merger = Merger(homes)
        self._waiting: OrderedDict[str, tuple[str, set[str]]] = OrderedDict()
        """Reports whose call was not seen: the execution and the ids of the answer, by span."""
        self._answers: OrderedDict[str, str] = OrderedDict()
        """Calls by the id of their answer."""
        self._traced: set[str] = set()
        """Calls of the batch at hand that name a trace."""
        self._threads: dict[str, str] = {}
        """Threads of sub-agents that calls of the batch at hand name, and the executions that they are part of."""
        self._recalled = (0, 0)
        """From when to when earlier collectors' reports are among those that wait."""

    def place_call(self, span: Span, exchange: Exchange) -> None:
        """Give a call that names a trace to that trace's execution; where the SDK names its parent, that holds."""
        for id in _threads(exchange):
            if id != span.execution_id:
                self._threads[id] = span.execution_id
        if span.trace_id is None or exchange.labels.parent_id is not None:
            return
        self._traced.add(span.id)
        if span.execution_source == OWN_EXECUTION:
            span.execution_id, span.execution_source = self._homes.of(trace_key(span.trace_id)), TRACE_RULE

    def settle(self, batch: Batch, arrivals: Sequence[Arrival]) -> None:
        """Place what was reported in a batch, and join it with the calls of the batch and of the store.

        Raises StoreError. What cannot be joined for any other reason is stored as it was reported.
        """
        try:
            self._settle(batch, arrivals)
        except StoreError:
            raise
        except Exception:
            log.exception("what programs reported could not be joined with calls")
            placed = {span.id for span in batch.spans}
            for one in arrivals:
                if one.span.id not in placed:
                    one.span.execution_id, one.span.execution_source = self._execution_of(one.told)
                    batch.spans.append(one.span)
        self._traced.clear()
        self._threads.clear()
        batch.aliases |= self._homes.changes()

    def _settle(self, batch: Batch, arrivals: Sequence[Arrival]) -> None:
        calls = [span for span in batch.spans if is_call(span)]
        answered = {id: span for span in calls for id in ids_of(span)}
        self._recall(calls)
        runs = {self._homes.of(run) for run, _ in self._waiting.values()} if calls else set()
        met = [id for id, (_, ids) in self._waiting.items() if ids & answered.keys()]
        touched = {span.execution_id for span in calls if span.id in self._traced or span.execution_id in runs}
        if arrivals or met or touched or self._threads:
            self._homes.prefetch(_ids(calls, arrivals))
            arrivals = self._foreign(arrivals)
            scene = Scene(self._store, batch)
            touched |= self._take_threads(scene)
            self._claim(scene, calls, arrivals)
            touched |= self._arrive(scene, batch, arrivals)
            touched |= self._meet(scene, [*met, *(one.span.id for one in arrivals if is_report(one.span))], answered)
            for execution_id in sorted({self._homes.of(id) for id in touched}):
                for report in self._merger.merge(scene, execution_id):
                    self._waiting.pop(report, None)
            batch.spans = [span for span in batch.spans if span.id not in batch.removed]
        for id, span in answered.items():
            _remember(self._answers, id, span.id)

    def _recall(self, calls: Iterable[Span]) -> None:
        """Know the reports again that an earlier collector stored and that may tell of one of these calls."""
        starts = [call.started_at for call in calls]
        since, until = min(starts, default=0) - REACH_US, max(starts, default=0) + REACH_US
        begin, end = self._recalled
        if not starts or (begin <= since and until <= end):
            return
        apart = since > end or until < begin
        # Only what was not asked for before: a journal that is caught up with asks with each batch.
        pieces = [(since, until)] if apart else [(since, begin - 1), (end + 1, until)]
        for first, last in pieces:
            for span in self._store.reported_calls(first, last) if first <= last else ():
                if is_report(span):
                    _remember(self._waiting, span.id, (span.execution_id, answer_ids(span)))
        # What is reported from now on passes through here.
        until = _ALWAYS if until >= self._since else until
        self._recalled = (since, until) if apart else (min(begin, since), max(end, until))

    def _foreign(self, arrivals: Sequence[Arrival]) -> list[Arrival]:
        """What is reported but for kagura's own spans, which a receiver may have sent back."""
        own = {one.span.id: str(one.span.attributes[SPAN_ID]) for one in arrivals if SPAN_ID in one.span.attributes}
        known = self._store.known_spans(own.values()) if own else {}
        return [one for one in arrivals if own.get(one.span.id) not in known]

    def _claim(self, scene: Scene, calls: Iterable[Span], arrivals: Iterable[Arrival]) -> None:
        """Let traces go to the executions that their calls and their spans name."""
        for call in calls:
            if call.trace_id and call.id in self._traced and not is_made_up(call.execution_id):
                surely = call.execution_source in _BY_CALLER
                self._give(scene, call.trace_id, call.execution_id, homes.EXPLICIT if surely else homes.NAMED_BY_CALL)
        for told in (one.told for one in arrivals if one.told.trace_id):
            if told.execution_id:
                self._give(scene, told.trace_id, told.execution_id, homes.EXPLICIT)
            elif told.session_id:
                self._give(scene, told.trace_id, self._session(told.session_id), homes.NAMED_BY_SPAN)

    def _take_threads(self, scene: Scene) -> set[str]:
        """Let what sub-agents' threads report belong to the runs that they are part of; returns those that grew."""
        grown = set()
        for thread, execution_id in self._threads.items():
            if self._homes.claim(session_key(thread), execution_id, homes.NAMED_BY_CALL):
                for span in scene.whole(thread):
                    if span.execution_source == SESSION_RULE:
                        scene.move(span, execution_id, SESSION_RULE)
                self._tools.moved(thread, execution_id)
                grown.add(execution_id)
        return grown

    def _give(self, scene: Scene, trace_id: str, execution_id: str, rank: int) -> None:
        key = trace_key(trace_id)
        before = self._homes.claim(key, execution_id, rank)
        if before is None:
            return
        for span in scene.whole(before):
            if before == key or (span.trace_id == trace_id and span.execution_source in _BY_TRACE):
                scene.move(span, self._homes.of(key), span.execution_source or TRACE_RULE)
        if before == key:
            self._tools.moved(before, self._homes.of(key))

    def _arrive(self, scene: Scene, batch: Batch, arrivals: Iterable[Arrival]) -> set[str]:
        """Put what was reported into the batch; returns the executions that it belongs to."""
        touched = set()
        for one in arrivals:
            span = one.span
            span.execution_id, span.execution_source = self._execution_of(one.told)
            if span.parent_id:
                span.parent_id = self._homes.span(span.parent_id)
            if one.told.call_id:
                span.attributes[CALL_ID] = one.told.call_id
            if self._homes.span(span.id) != span.id:
                # It is the call that the relay saw: that was found out when it was sent the first time.
                continue
            scene.add(span)
            if one.contents:
                batch.contents.append((span.id, one.contents))
            if is_report(span):
                _remember(self._waiting, span.id, (span.execution_id, answer_ids(span)))
            self._tools.told(span)
            touched.add(span.execution_id)
        return touched

    def _execution_of(self, told: Incoming) -> tuple[str, str]:
        if told.execution_id:
            return told.execution_id, EXPLICIT_RULE
        if told.trace_id:
            home = self._homes.of(trace_key(told.trace_id))
            return home, SESSION_RULE if told.session_id and home == self._session(told.session_id) else TRACE_RULE
        if told.session_id:
            return self._session(told.session_id), SESSION_RULE
        return f"{homes.OWN}{told.id}", OWN_EXECUTION

    def _session(self, session_id: str) -> str:
        """The execution of a session: its own, or that of the run that a sub-agent's thread is part of."""
        key = session_key(session_id)
        home = self._homes.of(key)
        return session_id if home == key else home

    def _meet(self, scene: Scene, reports: Iterable[str], answered: Mapping[str, Span]) -> set[str]:
        """Bring reports and calls that name the same answer into one execution; returns where they are."""
        touched = set()
        waiting = {id: self._waiting[id] for id in reports if id in self._waiting}
        known = [(scene.run(self._homes.of(run)).get(id), ids) for id, (run, ids) in waiting.items()]
        told = [(report, ids) for report, ids in known if report is not None and ids]
        calls = self._calls(told, answered)
        for report, ids in told:
            call = next((calls[id] for id in ids if id in calls), None)
            if call is not None:
                self._unite(scene, report, call)
                touched |= {self._homes.of(report.execution_id), call.execution_id}
        return touched

    def _calls(self, told: Sequence[tuple[Span, set[str]]], answered: Mapping[str, Span]) -> dict[str, Span]:
        """The calls by the ids that reports name: of this batch, of the last ones, or from the store."""
        wanted = {id for _, ids in told for id in ids}
        found = {id: answered[id] for id in wanted & answered.keys()}
        missing = wanted - found.keys()
        if missing:
            spans = list(self._store.known_spans({self._answers.get(id, id) for id in missing}).values())
            starts = [report.started_at for report, ids in told if ids & missing]
            spans += self._store.calls_answered(missing, min(starts) - REACH_US, max(starts) + REACH_US)
            found |= {id: span for span in spans if is_call(span) for id in ids_of(span) & missing}
        return found

    def _unite(self, scene: Scene, report: Span, call: Span) -> None:
        """Bring a report and its call into one execution: a made-up one gives way."""
        home, other = report.execution_id, self._homes.of(call.execution_id)
        if home == other:
            return
        if other.startswith(homes.OWN):
            self._homes.claim(other, home, homes.MADE_UP)
            for span in scene.whole(other):
                own = span.execution_source in (None, OWN_EXECUTION)
                scene.move(span, home, TRACE_RULE if own else str(span.execution_source))
            self._tools.moved(other, home)
        elif not is_made_up(other) and is_made_up(home):
            self._homes.claim(home, other, homes.NAMED_BY_CALL)
            for span in scene.whole(home):
                scene.move(span, other, TRACE_RULE)
            self._tools.moved(home, other)
        elif is_made_up(other):
            for span in scene.whole(other):
                if span.id == call.id or span.attributes.get("asked_by") == call.id:
                    scene.move(span, home, TRACE_RULE)


def _threads(exchange: Exchange) -> list[str]:
    """The threads of sub-agents that a client names as if each were a session."""
    said = dict(exchange.request_headers)
    if said.keys().isdisjoint(_PARENT_HEADERS):
        return []
    return [said[row.agent] for row in AGENT_HEADERS if row.needs_parent and row.parent in said and row.agent in said]


_PARENT_HEADERS = frozenset(row.parent for row in AGENT_HEADERS if row.needs_parent)


def _ids(calls: Iterable[Span], arrivals: Iterable[Arrival]) -> Iterator[str]:
    """The ids that may stand for others."""
    yield from (call.execution_id for call in calls)
    for one in arrivals:
        told = one.told
        yield from (one.span.id, one.span.parent_id or "", trace_key(told.trace_id), session_key(told.session_id or ""))


def _remember(known: OrderedDict[str, T], id: str, value: T) -> None:
    known[id] = value
    known.move_to_end(id)
    if len(known) > REMEMBERED:
        known.popitem(last=False)
