"""One websocket on its way: the provider decides on the handshake, then frames pass until one side ends."""

import asyncio
import logging
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import quote

from kagura.journal import Ended, Started
from kagura.model import Headers, Labels, Outcome
from kagura.providers import error_body
from kagura.providers.realtime import Protocol
from kagura.proxy import asgi
from kagura.proxy.call import Plan
from kagura.proxy.capture import Capture
from kagura.proxy.dialogue import SWITCHED, Dialogue, Subject
from kagura.proxy.frames import close_frame
from kagura.proxy.headers import NOT_SWITCHING, SWITCHING, answer_headers, kept, masked
from kagura.proxy.metrics import Metrics
from kagura.proxy.recorder import Recorder
from kagura.proxy.switching import Switching
from kagura.proxy.tunnel import Side, join
from kagura.proxy.upstream import UpstreamClient
from kagura.proxy.watch import Watch
from kagura.proxy.wire import Connection, RawHeaders, UpstreamError

_log = logging.getLogger("kagura.proxy")
SESSION = "x-kagura-connection-session-id"
"""Stands in the records behind the client's own headers: calls of one connection belong together where nothing else
says to whom."""
GOING_AWAY = 1001
FAREWELL_SECONDS = 1.0
"""How long both sides have to answer the proxy's own goodbye."""


class House(NamedTuple):
    """What every websocket of a proxy uses."""

    upstream: UpstreamClient
    recorder: Recorder
    metrics: Metrics
    clock: Callable[[], int]
    new_id: Callable[[], str]
    capture_limit: int
    """Bytes of each answer that are kept."""
    message_limit: int
    """Bytes of one message that are looked at; longer ones pass unread."""


class Upgrade:
    """One connection. `run` returns when the client has its refusal, or when the websocket is over."""

    def __init__(self, plan: Plan, protocol: Protocol, client: Switching, send: asgi.Send, house: House) -> None:
        self._plan = plan
        self._protocol = protocol
        self._client = client
        self._send = send
        self._house = house
        self._copy = Capture(house.capture_limit)
        self._connection: Connection | None = None
        self._own_headers: RawHeaders = []
        self._start: Started | None = None
        self._answering = self._ended = False
        self._status: int | None = None
        self._headers: Headers = []
        self._sent_at: int | None = None
        self._answered_at: int | None = None

    async def run(self, received_at: int, labels: Labels, headers: RawHeaders) -> None:
        """Carry it out and record it."""
        self._start = self._started(received_at, labels, headers)
        if labels.execution_id:
            shown = labels.execution_id if labels.execution_id.isascii() else quote(labels.execution_id)
            self._own_headers = [(b"x-kagura-execution-id", shown.encode())]
        try:
            connection = await self._handshake()
            if connection.status == SWITCHED:
                await self._relay(connection)
            else:
                await self._pass_refusal(connection)
        except UpstreamError as failure:
            await self._fail(failure)
        except asyncio.CancelledError:
            self._end(Outcome.CLIENT_CLOSED if self._client.gone else Outcome.INTERRUPTED)
            raise
        finally:
            if self._connection is not None:
                self._connection.abort()

    def _started(self, received_at: int, labels: Labels, headers: RawHeaders) -> Started:
        plan, connection_id = self._plan, self._house.new_id()
        return Started(
            id=connection_id,
            provider=plan.provider,
            dialect=plan.dialect,
            method=plan.method,
            target=masked(plan.target),
            received_at=received_at,
            labels=labels,
            request_headers=[*kept(headers), (SESSION, f"websocket-{connection_id}")],
        )

    async def _handshake(self) -> Connection:
        """Ask the provider, on a connection of its own; the answer's head."""
        upstream = self._house.upstream
        connection = self._connection = await upstream.connection(self._plan.origin, fresh=True)
        upstream.begin(connection, self._plan.head, no_body=False)
        connection.request_sent()
        self._sent_at = self._house.clock()
        await connection.head()
        self._answered_at = self._house.clock()
        return connection

    # --- refused --------------------------------------------------------------------------------------------------

    async def _pass_refusal(self, connection: Connection) -> None:
        """The provider speaks plain HTTP: its answer is the client's."""
        status, headers = connection.status, connection.headers
        if not 200 <= status < 600:
            raise UpstreamError(502, "upstream_protocol_error", f"answered with the status {status}")
        shown = answer_headers(headers, no_body=status in (204, 304), refitted=False)
        self._status, self._headers, self._answering = status, kept(headers), True
        await asgi.start(self._send, status, shown + self._call_id())
        over = False
        while not over:
            data, over = await connection.read()
            self._copy.add(data)
            if over:
                self._end(Outcome.COMPLETED)
            await asgi.body(self._send, data, more=not over)

    async def _fail(self, failure: UpstreamError) -> None:
        """There is no answer of the provider's: 426 sends clients to plain HTTP, which tells them more."""
        plan = self._plan
        self._end(Outcome.UPSTREAM_ERROR, f"{failure.code}: {failure.message}")
        _log.warning("websocket to %s (%s): %s", plan.provider, plan.origin.authority, failure.message)
        if self._answering:
            self._client.abort()
            return
        message = f"{plan.provider} ({plan.origin.authority}): {failure.message}"
        data, content_type = error_body(plan.dialect, 426, failure.code, message)
        headers = [(b"content-type", content_type.encode()), (b"content-length", b"%d" % len(data)), *NOT_SWITCHING]
        await asgi.start(self._send, 426, headers + self._call_id())
        await asgi.body(self._send, data, more=False)

    def _call_id(self) -> RawHeaders:
        assert self._start is not None
        return [(b"x-kagura-call-id", self._start.id.encode()), *self._own_headers]

    # --- accepted -------------------------------------------------------------------------------------------------

    async def _relay(self, connection: Connection) -> None:
        """Pass frames until one side ends, then record what that cut off."""
        house, client, provider = self._house, self._client, Side()
        self._status, self._headers = connection.status, kept(connection.headers)
        dialogue = self._dialogue()
        watch = Watch(dialogue, connection.headers, house.message_limit)
        arrived = connection.switch(provider)
        shown = answer_headers(connection.headers, no_body=False, refitted=False)
        early = client.switch([*SWITCHING, *shown, *self._own_headers])
        farewell = _Farewell(client, provider, watch)
        house.metrics.websockets += 1
        try:
            client_first, broken = await join(
                client,
                provider,
                farewell.after(watch.from_client),
                farewell.after(watch.from_provider),
                (early, arrived),
            )
        except asyncio.CancelledError:
            dialogue.closed(Outcome.INTERRUPTED, None)
            self._ended = dialogue.calls > 0
            raise
        finally:
            house.metrics.websockets -= 1
        outcome, error = watch.outcome(client_first=client_first, broken=broken)
        dialogue.closed(outcome, error)
        if dialogue.calls:
            return
        if dialogue.complaint:
            self._end(Outcome.UPSTREAM_ERROR, dialogue.complaint)
        elif watch.ended_well or farewell.said or watch.blind:
            self._end(Outcome.COMPLETED)
        else:
            self._end(outcome, error)

    def _dialogue(self) -> Dialogue:
        house, start = self._house, self._start
        assert start is not None
        subject = Subject(
            start.provider,
            start.dialect,
            start.target,
            start.labels,
            start.request_headers,
            self._headers,
            house.capture_limit,
        )
        return Dialogue(self._protocol, subject, house.recorder, house.metrics, house.clock, house.new_id)

    def _end(self, outcome: Outcome, error: str | None = None) -> None:
        """Record the connection itself, once, where it carried no call."""
        house, start = self._house, self._start
        assert start is not None
        if self._ended:
            return
        self._ended = True
        ended = Ended(
            id=start.id,
            outcome=outcome,
            done_at=house.clock(),
            sent_at=self._sent_at,
            first_byte_at=self._answered_at,
            last_byte_at=self._answered_at,
            status=self._status,
            response_headers=self._headers,
            response_body=self._copy.body(),
            error=error,
        )
        house.recorder.ended(ended, start)
        house.metrics.calls[start.provider, str(self._status or "error")] += 1
        house.metrics.outcomes[outcome] += 1
        house.metrics.response_bytes += self._copy.size


class _Farewell:
    """Ends a websocket when the server stops: once no answer is on its way and no frame is half out."""

    def __init__(self, client: Switching, provider: Side, watch: Watch) -> None:
        self._client, self._provider, self._watch = client, provider, watch
        self._loop = asyncio.get_running_loop()
        self.said = False
        client.on_stopping = self._try
        if client.stopping:
            self._loop.call_soon(self._try)

    def after(self, tap: Callable[[bytes], None]) -> Callable[[bytes], None]:
        """The tap, and a look whether now is the time."""

        def both(data: bytes) -> None:
            tap(data)
            if self._client.stopping:
                self._loop.call_soon(self._try)

        return both

    def _try(self) -> None:
        if self.said or not self._watch.interruptible:
            return
        self.said = True
        for side in (self._client, self._provider):
            side.part()
            if not self._watch.blind:
                side.write(close_frame(GOING_AWAY, "the proxy stops", mask=side is self._provider))
            side.read_on(go=True)
            self._loop.call_later(0 if self._watch.blind else FAREWELL_SECONDS, side.close)
