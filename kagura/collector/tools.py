"""Tool spans without an SDK: from the answer that asks for a tool to the request that brings its result.

A span's id follows from the call that asked and the tool's place in its answer, so that reading again doubles nothing.
Where a program reports the same call itself, one span remains: the reported one.
"""

import hashlib
import logging
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

from kagura.collector.atoms import Asked, Brought
from kagura.collector.canonical import History, Turn, result_text
from kagura.collector.chains import EDITED, Link, Reading, results_of
from kagura.collector.redaction import Redaction
from kagura.collector.served import served_tools
from kagura.config import ToolSettings
from kagura.model import Span, SpanKind, Status, now_us
from kagura.store import Store

log = logging.getLogger(__name__)

REMEMBERED = 2000
"""Runs whose tool spans are kept in mind."""

SLACK_US = 1_000_000
"""So far a reported call may reach beyond what was seen on the wire."""

CALL_ID = "gen_ai.tool.call.id"
"""The attribute that names the model's tool call, as the OpenTelemetry conventions do."""

ASKED_BY = "asked_by"
"""The attribute of a tool that calls show: the call that asked for it."""

DURATIONS_HEADER = "x-claude-code-prev-tool-durations"
"""What claude-code measured itself: `Bash=245;Bash=2037`, in milliseconds, tools as they ended."""

_DURATION = re.compile(r"([^=,;\s]+)=(\d{1,9})\b")
_CALL_IDS = (CALL_ID, "tool_call_id", "tool_call.id")
_FOREVER = 1 << 62
TOOL_KINDS = (SpanKind.TOOL, SpanKind.MEMORY, SpanKind.RETRIEVAL)
"""What a tool's call can be."""


class Tools:
    """Makes the tool spans of calls, and keeps them apart from those that programs report."""

    def __init__(
        self, store: Store, settings: ToolSettings, redaction: Redaction, now: Callable[[], int] = now_us
    ) -> None:
        self._store = store
        self._patterns = ((SpanKind.MEMORY, settings.memory), (SpanKind.RETRIEVAL, settings.retrieval))
        self._redaction = redaction
        self._since = now()
        self._runs: OrderedDict[str, dict[str, Span]] = OrderedDict()
        self._renamed: OrderedDict[str, str] = OrderedDict()

    def kind_of(self, name: str) -> SpanKind:
        """What a tool of this name is."""
        lower = name.lower()
        return next(
            (kind for kind, patterns in self._patterns if any(fnmatchcase(lower, row.lower()) for row in patterns)),
            SpanKind.TOOL,
        )

    def spans(self, reading: Reading, link: Link | None) -> Iterator[Span]:
        """The tools whose results a call brings, and those that the provider ran while it answered."""
        try:
            found = [*(self._brought(reading, link) if link else ()), *self._served(reading)]
        except (TypeError, ValueError, AttributeError, RecursionError):
            log.exception("the tools of call %s could not be read", reading.span.id)
            found = []
        if not found:
            return
        run = self._run(reading.span, link.state.started_at if link else reading.span.started_at)
        for span in found:
            if not any(same_call(span, other) for other in run.values() if not other.inferred):
                run[span.id] = span
                yield span

    def reported(self, span: Span) -> None:
        """Take note of a span that a program reported; it takes the place of one that was inferred before it."""
        if span.kind not in TOOL_KINDS:
            return
        run = self._run(span, span.started_at)
        known = self._renamed.get(span.id) or next(
            (other.id for other in run.values() if other.inferred and same_call(other, span)), None
        )
        if known:
            self._renamed[span.id] = known
            if len(self._renamed) > REMEMBERED:
                self._renamed.popitem(last=False)
            span.id = known
        run[span.id] = span

    def told(self, span: Span) -> None:
        """Take note of a span of a program's telemetry: no span is inferred for the same call any more."""
        if span.kind in TOOL_KINDS:
            run = self._run(span, span.started_at)
            for other in [other for other in run.values() if other.inferred and same_call(span, other)]:
                del run[other.id]
            run[span.id] = span

    def moved(self, execution_id: str, other_id: str) -> None:
        """Take note that one execution's spans belong to another one from now on."""
        run = self._runs.pop(execution_id, None)
        if run:
            self._runs.setdefault(other_id, {}).update(run)

    def _run(self, span: Span, began: int) -> dict[str, Span]:
        """The tool spans of a span's run, by id; read from the store where an earlier collector may know some."""
        run = self._runs.get(span.execution_id)
        if run is None:
            run = self._runs[span.execution_id] = {}
            if began < self._since:
                stored = self._store.spans_of_kinds(span.execution_id, TOOL_KINDS)
                run |= {other.id: other for other in stored}
            if len(self._runs) > REMEMBERED:
                self._runs.popitem(last=False)
        self._runs.move_to_end(span.execution_id)
        return run

    def _brought(self, reading: Reading, link: Link) -> Iterator[Span]:
        span = reading.span
        results = results_of(reading.history, link.turn)
        if not results or link.fork or span.attempt > 1 or span.kind is not SpanKind.LLM:
            return
        asked = self._asked(reading, link)
        began = min(link.state.ended_at, span.started_at)
        paired = _paired(asked, results)
        durations = _measured(reading, asked, paired, results)
        for index, (call, result) in enumerate(zip(asked, paired, strict=True)):
            if result is None:
                continue
            measured = durations.get(index)
            ended = span.started_at if measured is None else began + measured
            made = self._span(span, _id(link.state.span_id, "tool", index), call, result, (began, ended))
            made.parent_id = span.parent_id
            made.attributes[ASKED_BY] = link.state.span_id
            if measured is not None:
                made.attributes["duration_source"] = "client"
            yield made

    def _asked(self, reading: Reading, link: Link) -> list[Asked]:
        if link.turn:
            # Some clients put each result behind its call, so that parallel calls look like turns of their own.
            end = None if link.rule.name == EDITED.name else _called(reading.history, link.turn)
            said = reading.history.atoms[link.turn.begin : end]
            asked = [atom for atom in said if isinstance(atom, Asked)]
            if asked:
                return asked
        stored = self._store.known_spans([link.state.span_id]).get(link.state.span_id)
        return [Asked(call.id, call.name, call.arguments) for call in stored.tool_calls] if stored else []

    def _served(self, reading: Reading) -> Iterator[Span]:
        """The provider does not say when its tools ran: they stand at the end of the call, without a duration."""
        span = reading.span
        at = span.ended_at
        if at is None:
            return
        for index, (call, result) in enumerate(served_tools(reading.call.output_messages)):
            made = self._span(span, _id(span.id, "served", index), call, result, (at, at))
            made.parent_id = span.id
            made.attributes["server_side"] = True
            yield made

    def _span(self, beside: Span, id: str, call: Asked, result: Brought, times: tuple[int, int]) -> Span:
        said = result_text(result.content)
        preview = self._redaction.preview
        return Span(
            id=id,
            execution_id=beside.execution_id,
            execution_source=beside.execution_source,
            kind=self.kind_of(call.name),
            name=call.name or "tool",
            agent=beside.agent,
            status=Status.FAILED if result.failed else Status.COMPLETED,
            started_at=times[0],
            ended_at=times[1],
            session_id=beside.session_id,
            user=beside.user,
            error=(preview(said) or "the tool failed") if result.failed else None,
            inferred=True,
            input_preview=preview(result_text(call.arguments)),
            output_preview=preview(said),
            attributes={CALL_ID: call.id} if call.id else {},
        )


def tool_span_id(asking_id: str, index: int) -> str:
    """The id of the span of the tool that a call asked for at this place of its answer."""
    return _id(asking_id, "tool", index)


def _id(span_id: str, name: str, index: int) -> str:
    return hashlib.blake2b(f"{span_id} {name} {index}".encode(), digest_size=8).hexdigest()


def _paired(asked: Sequence[Asked], results: Iterable[Brought]) -> list[Brought | None]:
    """The result of each call: by id, else by name, else by order."""
    left = list(results)
    paired: list[Brought | None] = [None] * len(asked)
    for fits in (_by_id, _by_name, _by_order):
        for at, call in enumerate(asked):
            found = None if paired[at] else next((result for result in left if fits(call, result)), None)
            if found is not None:
                paired[at] = found
                left.remove(found)
    return paired


def _by_id(call: Asked, result: Brought) -> bool:
    return call.id is not None and call.id == result.id


def _by_name(call: Asked, result: Brought) -> bool:
    return result.name == call.name and None in (call.id, result.id)


def _by_order(call: Asked, result: Brought) -> bool:
    return result.name is None and None in (call.id, result.id)


def same_call(span: Span, other: Span) -> bool:
    """Whether two spans are one call of a tool: by its id, or by name and time."""
    ids = _call_id(span), _call_id(other)
    if all(ids):
        return ids[0] == ids[1]
    return span.name == other.name and other.started_at <= _latest(span) and span.started_at <= _latest(other)


def _call_id(span: Span) -> str:
    return next((str(span.attributes[name]) for name in _CALL_IDS if name in span.attributes), "")


def _latest(span: Span) -> int:
    """Until when another report may speak of the same call; without a known end, for ever."""
    return _FOREVER if span.ended_at is None else span.ended_at + SLACK_US


def _called(said: History, turn: Turn) -> int:
    """The end of a turn together with the calls that the client read out of its text."""
    end = turn.end
    while end < len(said.atoms) and isinstance(said.atoms[end], Asked):
        end += 1
    return end


def _measured(
    reading: Reading, asked: Sequence[Asked], paired: Sequence[Brought | None], results: Iterable[Brought]
) -> dict[int, int]:
    """Microseconds of each call, by its place, where the client measured them.

    The header names tools as they ended, and so stand the results; a tool without a time of its own is left out of it.
    """
    said = next((value for name, value in reading.exchange.request_headers if name == DURATIONS_HEADER), "")
    durations = [(name, int(value) * 1000) for name, value in _DURATION.findall(said)]
    found: dict[int, int] = {}
    for result in results if durations else ():
        place = next((at for at, other in enumerate(paired) if other is result), None)
        if place is None:
            continue
        name = asked[place].name
        measured = next((durations.pop(at) for at, (named, _) in enumerate(durations) if named == name), None)
        if measured:
            found[place] = measured[1]
    return found
