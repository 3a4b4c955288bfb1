"""Which call of the relay is the one that a program reports as well.

By what both carry, the surest first: the call's own id; the place in the trace, where the program's HTTP client sent a
`traceparent`; the id of the answer; and within one execution, the same model at the same time.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from kagura.collector.identity import client_name
from kagura.collector.scene import REPORT, is_call, is_report
from kagura.model import JsonObject, Span, SpanKind, Status, Usage
from kagura.otel.incoming import scoped_id
from kagura.otel.outgoing_ids import read_traceparent

SLACK_US = 1_000_000
"""So far the clocks of a program and of the relay, and what they take for a call's begin, may differ."""

LATE_US = 15_000_000
"""So long after the last byte a program that is busy may take an answer for ended, if begin and tokens are the same."""

CALL_ID = "kagura.call_id"
SEEN_TWICE = "reported_as"
"""The attribute of a call that names the spans by which programs reported it too."""
REPORTED_BY = "reported_by"
"""The attribute that names the libraries and events that did."""

DEFAULT_AGENT = "default"
_STEPS = 32
_HTTP_METHODS = ("http.request.method", "http.method")
_ID_HEADERS = ("request-id", "x-request-id")


def caller_of(span: Span) -> str | None:
    """kagura's id of the span that a call's `traceparent` names."""
    found = read_traceparent(_headers(span).get("traceparent"))
    return scoped_id(*found) if found else None


def is_http_request(span: Span) -> bool:
    """Whether a reported span is an HTTP client's, of one request."""
    reported = REPORT in span.attributes and span.kind is SpanKind.SPAN
    return reported and any(name in span.attributes for name in _HTTP_METHODS)


def agent_above(span: Span, run: Mapping[str, Span]) -> str:
    """Whose doing a reported span or a traced call is: where it does not say so itself, that of the agent above it.

    The name of a service or of a client library is no agent's, but better than none.
    """
    origin = span.attributes.get(REPORT)
    if isinstance(origin, dict):
        own = span.agent not in (origin.get("service"), DEFAULT_AGENT)
    else:
        own = not caller_of(span) or span.agent not in (client_of(span), DEFAULT_AGENT)
    above = [] if own else list(_ancestors(span.parent_id, run))
    agents = [other for other in above if other.kind is SpanKind.AGENT and not other.inferred]
    reported = [other for other in above if REPORT in other.attributes]
    return next((other.agent for other in (*agents, *reported)), span.agent)


def _ancestors(span_id: str | None, run: Mapping[str, Span]) -> Iterator[Span]:
    for _ in range(_STEPS):
        span = run.get(span_id) if span_id else None
        if span is None:
            return
        yield span
        span_id = span.parent_id


def parents(span_id: str | None, run: Mapping[str, Span]) -> Iterator[Span]:
    """A span and those above it, up to one that is no mere step or to one that is not known."""
    for span in _ancestors(span_id, run):
        yield span
        if span.kind is not SpanKind.SPAN:
            return


def made_by(call: Span, run: Mapping[str, Span]) -> Span | None:
    """The model's span, reported or seen, below which a call was made."""
    for start in (caller_of(call), call.parent_id):
        for span in parents(start, run):
            if span is not call and (is_report(span) or is_call(span)):
                return span
    return None


def ids_of(call: Span) -> set[str]:
    """The ids by which a call is known: its own, and those that the provider gave its answer."""
    headers = _headers(call)
    given = (call.id, call.response_id, *(headers.get(name) for name in _ID_HEADERS))
    return {str(id) for id in given if id}


def answer_ids(report: Span) -> set[str]:
    """The ids of the answer that a program reports."""
    given = (report.response_id, report.attributes.get("request_id"), report.attributes.get(CALL_ID))
    return {str(id) for id in given if id}


def pairs(run: Mapping[str, Span]) -> Iterator[tuple[Span, Span]]:
    """Reports of an execution, each with the call that it tells of; those by place in the trace come first, alone.

    The call is one that the relay saw, else a report of another library: those that instrument one another's calls,
    or that tell by span and by event, report one call twice. The caller merges each pair before it takes the next,
    and asks again until there is none.
    """
    calls = [span for span in run.values() if is_call(span)]
    reports = sorted((span for span in run.values() if is_report(span)), key=_start)
    if not reports:
        return
    placed: dict[str, list[Span]] = {}
    for call in calls:
        made = made_by(call, run)
        if made is not None and is_report(made):
            placed.setdefault(made.id, []).append(call)
    if placed:
        yield from [(run[id], best(run[id], made)) for id, made in placed.items()]
        return
    seen = Nearby(calls)
    for report in reports:
        found = alike(report, [*seen.near(report), *_above(report, run, is_call)])
        if found is not None:
            yield report, found
    left = [report for report in reports if report.id in run]
    traced = Nearby([report for report in left if not _is_event(report)])
    for report in left:
        if _is_event(report):
            twin = alike(report, traced.near(report))
            if twin is not None:
                yield report, twin
        else:
            outer = next((one for one in _above(report, run, is_report) if _fits(one, report)), None)
            if outer is not None and _channel(outer) != _channel(report):
                yield outer, report


class Nearby:
    """Calls by when they began, by when they ended, and by their ids."""

    def __init__(self, calls: Sequence[Span]) -> None:
        self._by_start = sorted(calls, key=_start)
        self._by_end = sorted(calls, key=_end)
        self._by_id = {id: call for call in calls for id in ids_of(call)}

    def near(self, report: Span) -> list[Span]:
        """Those that a report may tell of: its answer's, else those that began in its time, or ended when it did."""
        named = [self._by_id[id] for id in answer_ids(report) if id in self._by_id]
        if named:
            return named
        listed, key = (self._by_end, _end) if _is_event(report) else (self._by_start, _start)
        since = _end(report) - LATE_US if _is_event(report) else _start(report) - SLACK_US
        first = bisect_left(listed, since, key=key)
        return list(listed[first : bisect_right(listed, _end(report) + SLACK_US, key=key)])


def alike(report: Span, calls: Iterable[Span]) -> Span | None:
    """Which of these calls a report tells of, by the answer's id, or by model and time."""
    fitting = (call for call in calls if call is not report and _fits(report, call))
    free = [call for call in fitting if _told_twice(report, call) or _channel(report) not in _channels(call)]
    if len(free) > 1 and not _is_event(report):
        # Those that name the span that made them are told from one another by it, be it that it comes later.
        free = [call for call in free if _told_twice(report, call) or caller_of(call) is None]
    return min(free, key=lambda call: _distance(report, call), default=None)


def reported_by(report: Span, call: Span) -> list[str]:
    """The libraries and events that told of a call, with those of a report that is merged with it."""
    return sorted({*_channels(call), *_channels(report)})


def _channel(report: Span) -> str:
    """What tells of calls: a library by its spans, or an event. It tells of each call once."""
    origin = report.attributes.get(REPORT)
    return str(origin.get("event") or origin.get("scope")) if isinstance(origin, dict) else ""


def event_of(span: Span) -> str:
    """The event that told of a span; empty where none did."""
    return _channel(span) if _is_event(span) else ""


def _channels(span: Span) -> set[str]:
    told = span.attributes.get(REPORTED_BY)
    own = {_channel(span)} if is_report(span) else set()
    return {*own, *map(str, told)} if isinstance(told, list) else own


def _is_event(report: Span) -> bool:
    """Whether a log record told of it: that says when it ended, not always when it began, nor where it stands."""
    origin = report.attributes.get(REPORT)
    return isinstance(origin, dict) and "event" in origin


def _above(span: Span, run: Mapping[str, Span], fits: Callable[[Span], bool]) -> list[Span]:
    return [other for other in parents(span.parent_id, run) if other is not span and fits(other)]


def _start(span: Span) -> int:
    return span.started_at


def _end(span: Span) -> int:
    return span.ended_at or span.started_at


def _told_twice(report: Span, call: Span) -> bool:
    return report.parent_id == call.id or bool(answer_ids(report) & ids_of(call))


def best(report: Span, calls: Iterable[Span]) -> Span:
    """Of several attempts at what a program reports as one call, the one that it tells of."""
    ids = answer_ids(report)
    return max(calls, key=lambda call: (bool(ids & ids_of(call)), call.status is Status.COMPLETED, call.started_at))


def _fits(report: Span, call: Span) -> bool:
    ids, own = answer_ids(report), ids_of(call)
    if ids & own:
        return True
    if (report.response_id and call.response_id) or call.kind is not report.kind:
        return False
    models = {call.request_model, call.response_model} & {report.request_model, report.response_model} - {None}
    if _is_event(report):
        later = _end(report) - _end(call)
        began_so = abs(report.started_at - call.started_at) <= SLACK_US
        most = LATE_US if began_so and _same_tokens(report, call) else SLACK_US
        return bool(models) and -SLACK_US <= later <= most
    meets = call.started_at <= _end(report) and _end(call) >= report.started_at
    within = call.started_at >= report.started_at - SLACK_US and _end(call) <= _end(report) + SLACK_US
    return bool(models) and meets and within


def _distance(report: Span, call: Span) -> tuple[bool, bool, int]:
    """How little a call that fits is what a report tells of: by id, by tokens, by time."""
    same = _same_tokens(report, call)
    began = 0 if _is_event(report) else abs(report.started_at - call.started_at)
    return not answer_ids(report) & ids_of(call), not same, began + abs(_end(report) - _end(call))


def _same_tokens(report: Span, call: Span) -> bool:
    return report.usage is not None and call.usage is not None and _tokens(report.usage) == _tokens(call.usage)


def _tokens(usage: Usage) -> tuple[int | None, int | None]:
    return usage.input, usage.output


def client_of(call: Span) -> str | None:
    """What the program that made a call says it is."""
    return client_name({name: str(value) for name, value in _headers(call).items()})


def _headers(span: Span) -> JsonObject:
    found = span.attributes.get("headers")
    return found if isinstance(found, dict) else {}
