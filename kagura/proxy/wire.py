"""One HTTP/1.1 connection to a provider: bytes out as they are, an answer in as it comes.

httptools, which the server side needs anyway, parses; nothing is decoded, renamed, re-ordered or gathered.
"""

import asyncio
import select
from typing import cast

import httptools

RawHeaders = list[tuple[bytes, bytes]]
"""Header lines in wire order, names in the case they came in."""

HIGH_WATER = 262_144
"""Bytes of an answer that wait for a slow client before the provider is told to wait."""
MAX_HEAD = 1_048_576
"""A longer answer head is taken for damage."""


def _frames(name: bytes, value: bytes) -> bool:
    """Whether a header line says where the body ends; a coding other than chunked ends with the connection."""
    return name == b"content-length" or (name == b"transfer-encoding" and b"chunked" in value.lower())


class UpstreamError(Exception):
    """A provider that could not be reached or that broke off; a state of the call, told to the client as `status`."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


class Connection(asyncio.Protocol):
    """A connection that carries one exchange after the other.

    `begin`, then `write`, then `head`, then `read` until it says that the answer is whole.
    """

    def __init__(self) -> None:
        self.reused = False
        """Whether it has carried an exchange before."""
        self.idle_since = 0.0
        self.status = 0
        self.headers: RawHeaders = []
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._loop = asyncio.get_running_loop()
        self._chunks: list[bytes] = []
        self._waiting = 0
        self._paused = False
        self._head_size = 0
        self._headed = self._complete = self._to_the_end = self._reusable = self._request_sent = False
        self._no_body = False
        self._switched: bytes | None = None
        """What has come of the protocol that a 101 switched to."""
        self._failure: UpstreamError | None = None
        self._reader: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self._blocked = False
        self._read_timeout: float | None = None

    # --- the relay's side ---------------------------------------------------------------------------------------

    @property
    def usable(self) -> bool:
        """Whether another exchange can begin on it."""
        return self._transport is not None and not self._transport.is_closing() and self._failure is None

    @property
    def stale(self) -> bool:
        """Whether something waits to be read that nobody asked for, as a rule the provider's goodbye."""
        socket = None if self._transport is None else self._transport.get_extra_info("socket")
        if socket is None:
            return False
        poll = select.poll()
        poll.register(socket.fileno(), select.POLLIN)
        return bool(poll.poll(0))

    @property
    def reusable(self) -> bool:
        """Whether request and answer are both whole and the provider keeps the connection open."""
        return self._complete and self._reusable and self._request_sent and self.usable

    @property
    def answered(self) -> bool:
        """Whether any byte of the answer has come."""
        return self._head_size > 0

    def begin(self, head: bytes, *, no_body: bool, read_timeout: float | None) -> None:
        """Send a request's head. `no_body` says that the answer has none, as to HEAD."""
        self._parser = httptools.HttpResponseParser(self)
        self.status, self.headers = 0, []
        self._head_size = 0
        self._headed = self._complete = self._to_the_end = self._reusable = self._request_sent = False
        self._no_body = no_body
        self._read_timeout = read_timeout
        self.write(head)

    def write(self, data: bytes) -> None:
        """Send bytes of the request; those for a lost connection are dropped, since `head` tells of the loss."""
        if self.usable:
            cast(asyncio.Transport, self._transport).write(data)

    async def drain(self) -> None:
        """Wait until the provider takes more bytes."""
        if self._blocked and self.usable:
            self._room = self._loop.create_future()
            await self._room

    def request_sent(self) -> None:
        """Note that the whole request is out."""
        self._request_sent = True

    async def head(self) -> None:
        """Wait for `status` and `headers`. Raises UpstreamError."""
        while not self._headed:
            if self._failure is not None:
                raise self._failure
            await self._wait()

    async def read(self) -> tuple[bytes, bool]:
        """All bytes of the body that have come, at least one unless it is over, and whether it is over.

        Raises UpstreamError where the answer breaks off.
        """
        while not self._chunks and not self._complete:
            if self._failure is not None:
                raise self._failure
            await self._wait()
        chunks = self._chunks
        data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        self._chunks, self._waiting = [], 0
        if self._paused and self.usable:
            self._paused = False
            cast(asyncio.Transport, self._transport).resume_reading()
        return data, self._complete

    def switch(self, protocol: asyncio.Protocol) -> bytes:
        """After a 101, let `protocol` take the connection over; the bytes that have come for it.

        It gets no further ones before it calls `resume_reading`. Raises UpstreamError where nothing was switched.
        """
        if self._switched is None or not self.usable:
            raise UpstreamError(502, "upstream_protocol_error", "answered with 101 and switched to nothing")
        transport = cast(asyncio.Transport, self._transport)
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        self._transport = None
        return self._switched

    def abort(self) -> None:
        """Break the connection off at once."""
        if self._transport is not None:
            self._transport.abort()

    async def _wait(self) -> None:
        self._reader = self._loop.create_future()
        if self._read_timeout is None:
            await self._reader
            return
        try:
            async with asyncio.timeout(self._read_timeout):
                await self._reader
        except TimeoutError:
            message = f"sent nothing for {self._read_timeout:g} seconds"
            raise UpstreamError(504, "upstream_timeout", message) from None

    def _wake(self) -> None:
        if self._reader is not None:
            if not self._reader.done():
                self._reader.set_result(None)
            self._reader = None

    def _fail(self, code: str, message: str) -> None:
        self._failure = UpstreamError(502, code, message)
        self.abort()
        self._wake()

    # --- the transport's side -----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Parse what came; bytes that nobody asked for end the connection."""
        if self._switched is not None:
            self._switched += data
            return
        if self._parser is None or self._complete:
            self._fail("upstream_protocol_error", "sent bytes that belong to no answer")
            return
        if not self._headed:
            self._head_size += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._reusable, self._switched = False, data[upgrade.args[0] :]
            cast(asyncio.Transport, self._transport).pause_reading()
        except httptools.HttpParserError as error:
            if not self._complete:
                self._fail("upstream_protocol_error", f"answered with broken HTTP: {error}"[:200])
            self._reusable = False
        if not self._headed and self._head_size > MAX_HEAD:
            self._fail("upstream_protocol_error", f"sent more than {MAX_HEAD} bytes of headers")

    def connection_lost(self, exc: Exception | None) -> None:
        """The provider has closed: the end of an answer without length, else a broken answer."""
        if self._headed and self._to_the_end and exc is None:
            self._complete = True
        elif self._failure is None:
            what = "the answer broke off" if self._headed else "the connection was closed before an answer came"
            self._failure = UpstreamError(502, "upstream_disconnected", f"{what}{f': {exc}' if exc else ''}")
        self._blocked = False
        self._wake()
        self.resume_writing()

    def pause_writing(self) -> None:
        """The provider takes no more bytes for now."""
        self._blocked = True

    def resume_writing(self) -> None:
        """The provider takes bytes again."""
        self._blocked = False
        if self._room is not None and not self._room.done():
            self._room.set_result(None)
        self._room = None

    # --- the parser's side --------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """A second answer to one request makes the connection unfit for another."""
        if self._complete:
            self._reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header line; trailers, which come later, are dropped."""
        if not self._headed:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The final answer's head is whole; informational ones are passed over."""
        parser = cast(httptools.HttpResponseParser, self._parser)
        if self._headed:
            return
        status = parser.get_status_code()
        if 100 <= status < 200 and status != 101:
            self.headers = []
            return
        self.status, self._headed = status, True
        if self._no_body:
            self._reusable, self._complete = parser.should_keep_alive(), True
        elif status not in (204, 304):
            self._to_the_end = not any(_frames(name.lower(), value) for name, value in self.headers)
        self._wake()

    def on_body(self, body: bytes) -> None:
        """Bytes of the body, free of their framing."""
        if self._complete:
            self._reusable = False
            return
        self._chunks.append(body)
        self._waiting += len(body)
        if self._waiting > HIGH_WATER and not self._paused and self.usable:
            self._paused = True
            cast(asyncio.Transport, self._transport).pause_reading()
        self._wake()

    def on_message_complete(self) -> None:
        """The answer is whole."""
        if self._headed and not self._complete:
            self._reusable = cast(httptools.HttpResponseParser, self._parser).should_keep_alive()
            self._complete = True
            self._wake()
