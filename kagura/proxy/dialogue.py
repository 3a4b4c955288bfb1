"""The calls in a websocket: each answer that is asked for on it becomes two records, as a call over HTTP does."""

from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from kagura.journal import Ended, Started
from kagura.model import Body, Headers, Labels, Outcome
from kagura.providers.realtime import METHOD, Event, Protocol, member, peek, request_body
from kagura.proxy.flights import Progress
from kagura.proxy.frames import Message
from kagura.proxy.metrics import Metrics
from kagura.proxy.recorder import Recorder

SWITCHED = 101
_STREAM = ("content-type", "text/event-stream")
"""How the events of an answer are written down."""
_MAX_ITEMS = 1000
_MAX_WAITING = 1000


class Subject(NamedTuple):
    """What all calls of one connection have in common."""

    provider: str
    dialect: str
    target: str
    """Path and query at the provider, secrets masked."""
    labels: Labels
    request_headers: Headers
    response_headers: Headers
    capture_limit: int


class _Call:
    """A call that has no end yet."""

    def __init__(self, start: Started, event_id: str | None, response_id: str | None) -> None:
        self.start = start
        self.unrecorded: Started | None = None
        self.event_id = event_id
        """The id of the client's event that asked."""
        self.response_id = response_id
        self.first_byte_at: int | None = None
        self.last_byte_at: int | None = None
        self.status = SWITCHED
        self._parts: list[bytes] = []
        self._kept = self._size = 0

    def add(self, message: Message, at: int, limit: int, *, last: bool) -> None:
        """Take an event of the answer. The last one, which holds the usage, is kept whatever came before it."""
        lines = message.data.splitlines() or [b""]
        event = b"data: " + b"\ndata: ".join(lines) + b"\n\n"
        self.first_byte_at, self.last_byte_at = self.first_byte_at or at, at
        self._size += len(event) + message.size - len(message.data)
        if message.text and (last or self._kept + len(event) <= limit):
            self._parts.append(event)
            self._kept += len(event)

    def body(self) -> Body:
        return Body(b"".join(self._parts), self._size)

    def progress(self) -> Progress:
        return Progress(
            provider=self.start.provider,
            first_byte_at=self.first_byte_at,
            last_byte_at=self.last_byte_at,
            status=self.status,
            bytes=self._size,
            events=len(self._parts),
        )


class Dialogue:
    """Follows what client and provider say to each other, and records the calls in it."""

    def __init__(
        self,
        protocol: Protocol,
        subject: Subject,
        recorder: Recorder,
        metrics: Metrics,
        clock: Callable[[], int],
        new_id: Callable[[], str],
    ) -> None:
        self._protocol = protocol
        self._subject = subject
        self._recorder = recorder
        self._metrics = metrics
        self._clock = clock
        self._new_id = new_id
        self._open: list[_Call] = []
        self._session = b""
        self._items: list[bytes] = []
        self._heard_at: OrderedDict[str, int] = OrderedDict()
        self.calls = 0
        """Calls so far."""
        self.complaint: str | None = None
        """The provider's last error that belongs to no call."""

    @property
    def idle(self) -> bool:
        """Whether no answer is on its way."""
        return not self._open

    def sent(self, message: Message) -> None:
        """A message of the client's, before the provider has it."""
        event = peek(message.data) if message.text else None
        if event is None:
            return
        if event.type == self._protocol.asks:
            self._begin(message, event)
        elif event.type == self._protocol.item and len(self._items) < _MAX_ITEMS:
            self._items += filter(None, [member(message.data, "item")])

    def received(self, message: Message) -> None:
        """A message of the provider's, before the client has it."""
        event = (peek(message.data) if message.text else None) or Event()
        protocol = self._protocol
        if event.type in protocol.session:
            self._session = member(message.data, "session")
        elif event.type == protocol.heard and event.item_id:
            self._heard_at[event.item_id] = self._clock()
            if len(self._heard_at) > _MAX_WAITING:
                self._heard_at.popitem(last=False)
        elif event.type in protocol.transcribed:
            self._transcribed(message, event)
        else:
            self._answered(message, event)

    def closed(self, outcome: Outcome, error: str | None) -> None:
        """The connection has ended, and with it every answer that was still on its way."""
        for call in [*self._open]:
            self._end(call, outcome, error)

    # --- calls ----------------------------------------------------------------------------------------------------

    def _begin(self, message: Message | None, event: Event) -> _Call:
        """A call begins, asked for by the client, or by nobody where a server answers of itself."""
        if self._protocol.sequential and message is not None:
            body = Body(message.data[: self._subject.capture_limit], message.size)
        else:
            body = self._composed(member(message.data, "response") if message else b"")
            self._items = []
        response_id = None if message else event.answers
        call = _Call(self._start(body, self._clock()), event.event_id, response_id)
        if not self._recorder.started(call.start):
            call.unrecorded = call.start
        self._open.append(call)
        self._metrics.flights[call.start.id] = call
        return call

    def _composed(self, response: bytes, *, transcribing: bool = False) -> Body:
        items = [] if transcribing else self._items
        body = request_body(self._session, items, response, transcribing=transcribing)
        if len(body) > self._subject.capture_limit:
            return Body(request_body(self._session, [], b"", transcribing=transcribing), len(body))
        return Body(body, len(body))

    def _start(self, body: Body, at: int) -> Started:
        subject = self._subject
        return Started(
            id=self._new_id(),
            provider=subject.provider,
            dialect=subject.dialect,
            method=METHOD,
            target=subject.target,
            received_at=at,
            labels=subject.labels,
            request_headers=subject.request_headers,
            request_body=body,
        )

    def _answered(self, message: Message, event: Event) -> None:
        call = self._call_of(event)
        if call is None:
            if event.type == "error":
                self.complaint = message.data[:1000].decode("utf-8", "replace")
            return
        last = event.type in self._protocol.ends or event.type == "error"
        if event.type == "error" and event.status is not None and 400 <= event.status < 600:
            call.status = event.status
        call.add(message, self._clock(), self._subject.capture_limit, last=last)
        if last:
            self._end(call, Outcome.COMPLETED, None)

    def _call_of(self, event: Event) -> _Call | None:
        """The call that a server's event belongs to."""
        if event.type == "error" and not self._protocol.sequential:
            return self._refused(event)
        named = event.answers
        if named is not None:
            for call in self._open:
                if call.response_id == named:
                    return call
            for call in self._open:
                if call.response_id is None:
                    call.response_id = named
                    return call
            if event.type == self._protocol.begins:
                return self._begin(None, event)
        return self._open[0] if self._open and self._protocol.sequential else None

    def _refused(self, event: Event) -> _Call | None:
        """The call that a server refuses: it names the event that asked, where that had an id."""
        refused = event.error.event_id if event.error else None
        waiting = (call for call in self._open if call.response_id is None)
        return next((call for call in waiting if call.event_id == refused), None)

    def _transcribed(self, message: Message, event: Event) -> None:
        """A transcript: a call that was asked for when the audio was complete, and is over."""
        at = self._clock()
        body = self._composed(b"", transcribing=True)
        call = _Call(self._start(body, self._heard_at.pop(event.item_id or "", at)), None, None)
        if not self._recorder.started(call.start):
            call.unrecorded = call.start
        call.add(message, at, self._subject.capture_limit, last=True)
        self._open.append(call)
        self._metrics.flights[call.start.id] = call
        self._end(call, Outcome.COMPLETED, None)

    def _end(self, call: _Call, outcome: Outcome, error: str | None) -> None:
        self._open.remove(call)
        self.calls += 1
        body = call.body()
        ended = Ended(
            id=call.start.id,
            outcome=outcome,
            done_at=self._clock(),
            sent_at=call.start.received_at,
            first_byte_at=call.first_byte_at,
            last_byte_at=call.last_byte_at,
            status=call.status,
            response_headers=[_STREAM, *self._subject.response_headers],
            response_body=body,
            error=error,
        )
        self._recorder.ended(ended, call.unrecorded)
        metrics = self._metrics
        metrics.flights.pop(call.start.id, None)
        metrics.calls[self._subject.provider, str(call.status)] += 1
        metrics.outcomes[outcome] += 1
        metrics.response_bytes += body.size
        if call.start.request_body:
            metrics.request_bytes += call.start.request_body.size
