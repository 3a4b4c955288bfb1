"""One call on its way: request out, answer back, both ends in the journal."""

import asyncio
import logging
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import quote

from kagura.journal import Ended, Started
from kagura.model import Labels, Outcome
from kagura.providers import error_body
from kagura.proxy import asgi
from kagura.proxy.dial import Origin
from kagura.proxy.flights import EventCount, Progress
from kagura.proxy.headers import answer_headers, kept, masked
from kagura.proxy.intake import Intake
from kagura.proxy.metrics import Metrics
from kagura.proxy.recode import StreamFilter, usage_filter
from kagura.proxy.recorder import Recorder
from kagura.proxy.upstream import UpstreamClient
from kagura.proxy.wire import Connection, RawHeaders, UpstreamError

_log = logging.getLogger("kagura.proxy")
_EVENTS = b"text/event-stream"
_REPEATABLE = frozenset(("GET", "HEAD", "OPTIONS"))
"""Methods that may be sent again where an idle connection turned out to be closed."""


class Plan(NamedTuple):
    """Where a call goes and what its head says."""

    provider: str
    dialect: str
    method: str
    target: str
    """Path and query at the provider."""
    origin: Origin
    head: bytes


class Call:
    """One call. `run` returns when the client has its answer, or has gone."""

    def __init__(
        self,
        plan: Plan,
        intake: Intake,
        send: asgi.Send,
        client: UpstreamClient,
        recorder: Recorder,
        metrics: Metrics,
        clock: Callable[[], int],
    ) -> None:
        self._plan = plan
        self._intake = intake
        self._send = send
        self._client = client
        self._recorder = recorder
        self._metrics = metrics
        self._clock = clock
        self._copy = intake.new_capture()
        self._events = EventCount()
        self._connection: Connection | None = None
        self._connected = asyncio.Event()
        self._unrecorded: Started | None = None
        self._own_headers: RawHeaders = []
        self._id = ""
        self._usage_asked = False
        self._answering = self._client_gone = self._ended = False
        self._status: int | None = None
        self._headers: RawHeaders = []
        self._sent_at: int | None = None
        self._first_byte_at: int | None = None
        self._last_byte_at: int | None = None

    async def run(
        self, call_id: str, received_at: int, labels: Labels, headers: RawHeaders, *, usage_asked: bool
    ) -> None:
        """Carry the call out and record it."""
        self._begin(call_id, received_at, labels, headers, usage_asked=usage_asked)
        task = asyncio.current_task()
        assert task is not None

        def gone() -> None:
            if not self._ended:
                self._client_gone = True
                task.cancel()

        unwatch = self._watched(gone)
        try:
            await self._carry_out()
        except asyncio.CancelledError:
            self._end(Outcome.CLIENT_CLOSED if self._client_gone else Outcome.INTERRUPTED)
            if not self._client_gone:
                raise
            task.uncancel()
        finally:
            unwatch()
            self._metrics.flights.pop(call_id, None)
            self._end(Outcome.INTERRUPTED)
            self._release()

    async def _carry_out(self) -> None:
        try:
            await self._exchange()
        except UpstreamError as failure:
            await self._fail(failure)

    def _begin(self, call_id: str, received_at: int, labels: Labels, headers: RawHeaders, *, usage_asked: bool) -> None:
        self._id, self._usage_asked = call_id, usage_asked
        self._own_headers = [(b"x-kagura-call-id", call_id.encode())]
        if labels.execution_id:
            shown = labels.execution_id if labels.execution_id.isascii() else quote(labels.execution_id)
            self._own_headers.append((b"x-kagura-execution-id", shown.encode()))
        start = Started(
            id=call_id,
            provider=self._plan.provider,
            dialect=self._plan.dialect,
            method=self._plan.method,
            target=masked(self._plan.target),
            received_at=received_at,
            labels=labels,
            request_headers=kept(headers),
            request_body=None if self._intake.whole is None else self._intake.captured(),
            usage_asked=usage_asked,
        )
        if not self._recorder.started(start):
            self._unrecorded = start
        self._metrics.flights[call_id] = self

    def progress(self) -> Progress:
        """How far the call has come."""
        streams = any(name.lower() == b"content-type" and _EVENTS in value.lower() for name, value in self._headers)
        return Progress(
            provider=self._plan.provider,
            first_byte_at=self._first_byte_at,
            last_byte_at=self._last_byte_at,
            status=self._status,
            bytes=self._copy.size,
            events=self._events.of(self._copy.parts) if streams else 0,
        )

    # --- the request ----------------------------------------------------------------------------------------------

    def _watched(self, gone: Callable[[], None]) -> Callable[[], object]:
        """See to it that the client's leaving is told; gives what ends that."""
        tell = self._intake.call_when_gone
        if tell is None or self._intake.whole is None:
            return asyncio.get_running_loop().create_task(self._watch(gone)).cancel
        tell(gone)
        return lambda: tell(None)

    async def _watch(self, gone: Callable[[], None]) -> None:
        """Send on what the client still sends, and wait for it to go away."""
        if self._intake.whole is not None or await self._stream_body():
            await self._intake.gone()
        gone()

    async def _stream_body(self) -> bool:
        """Pass the body on piece by piece; whether the client stayed to its end."""
        chunked = self._intake.length is None
        more = True
        while more:
            received = await self._intake.next()
            if received is None:
                return False
            piece, more = received
            await self._connected.wait()
            connection = self._connection
            if connection is None:  # answered before the request was whole: the rest is nobody's
                continue
            if piece:
                connection.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
            if not more:
                connection.write(b"0\r\n\r\n" if chunked else b"")
                connection.request_sent()
                self._sent_at = self._clock()
            await connection.drain()
        return True

    async def _open(self) -> Connection:
        """Send the request's head, and its body where it is all there; wait for the answer's head."""
        plan = self._plan
        again = plan.method in _REPEATABLE and self._intake.whole is not None
        fresh = False
        while True:
            connection = self._connection = await self._client.connection(plan.origin, fresh=fresh)
            whole = self._intake.whole is not None
            data = plan.head + self._intake.outgoing if whole else plan.head
            self._client.begin(connection, data, no_body=plan.method == "HEAD")
            if whole:
                connection.request_sent()
                self._sent_at = self._clock()
            self._connected.set()
            try:
                await connection.head()
            except UpstreamError:
                if fresh or not (again and connection.reused and not connection.answered):
                    raise
                fresh = True
            else:
                return connection

    # --- the answer -----------------------------------------------------------------------------------------------

    async def _exchange(self) -> None:
        connection = await self._open()
        status, headers = connection.status, connection.headers
        if not 200 <= status < 600:
            raise UpstreamError(502, "upstream_protocol_error", f"answered with the status {status}")
        stream_filter = self._filter(status, headers)
        shown = answer_headers(headers, no_body=status in (204, 304), refitted=stream_filter is not None)
        self._status, self._headers, self._answering = status, headers, True
        await asgi.start(self._send, status, shown + self._own_headers)
        over = False
        while not over:
            data, over = await connection.read()
            self._last_byte_at = self._clock()
            self._first_byte_at = self._first_byte_at or self._last_byte_at
            self._copy.add(data)
            if stream_filter is not None:
                data = stream_filter.feed(data) + (stream_filter.close() if over else b"")
            if over:
                self._release()
                self._end(Outcome.COMPLETED)
            if data or over:
                await asgi.body(self._send, data, more=not over)

    def _filter(self, status: int, headers: RawHeaders) -> StreamFilter | None:
        """What takes the usage chunk that nobody but us asked for out of the answer."""
        if not self._usage_asked or status != 200:
            return None
        lines = {name.lower(): value.lower() for name, value in headers}
        if not lines.get(b"content-type", b"").startswith(_EVENTS):
            return None
        return usage_filter(lines.get(b"content-encoding", b"").decode("latin-1"))

    async def _fail(self, failure: UpstreamError) -> None:
        """Tell the client that the provider failed; where its answer had begun, by breaking it off too."""
        plan = self._plan
        self._end(Outcome.UPSTREAM_ERROR, f"{failure.code}: {failure.message}")
        _log.warning("call %s: %s (%s): %s", self._id, plan.provider, plan.origin.authority, failure.message)
        if self._answering:
            return
        message = f"{plan.provider} ({plan.origin.authority}): {failure.message}"
        data, content_type = error_body(plan.dialect, failure.status, failure.code, message)
        headers = [(b"content-type", content_type.encode()), (b"content-length", b"%d" % len(data))]
        await asgi.start(self._send, failure.status, headers + self._own_headers)
        await asgi.body(self._send, data, more=False)

    # --- the end --------------------------------------------------------------------------------------------------

    def _release(self) -> None:
        if self._connection is not None:
            self._client.release(self._plan.origin, self._connection)
            self._connection = None

    def _end(self, outcome: Outcome, error: str | None = None) -> None:
        """Record the call's end, once."""
        if self._ended:
            return
        self._ended = True
        ended = Ended(
            id=self._id,
            outcome=outcome,
            done_at=self._clock(),
            request_body=None if self._intake.whole is not None else self._intake.captured(),
            sent_at=self._sent_at,
            first_byte_at=self._first_byte_at,
            last_byte_at=self._last_byte_at,
            status=self._status,
            response_headers=kept(self._headers),
            response_body=self._copy.body(),
            error=error,
        )
        self._recorder.ended(ended, self._unrecorded)
        metrics = self._metrics
        metrics.calls[self._plan.provider, str(self._status or "error")] += 1
        metrics.outcomes[outcome] += 1
        metrics.request_bytes += self._intake.size
        metrics.response_bytes += self._copy.size
