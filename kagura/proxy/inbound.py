"""The clients' side: uvicorn's HTTP protocol, with an end to heads that never end and to connections without number."""

import asyncio
import logging
import resource
from collections.abc import Callable
from typing import cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from kagura.providers import error_body
from kagura.proxy.intake import GONE
from kagura.proxy.joined import JoinedHead
from kagura.proxy.recorder import LOG_INTERVAL

_log = logging.getLogger("kagura.proxy")

MAX_HEAD = 262_144
"""Bytes of a request's head; providers take less, and a parser that gathers more holds up every other call."""
MAX_FILES = 65_536
"""Open files that the process asks for; a call takes two, and many systems begin with 1,024."""
_KEPT_FILES = 64
"""Of these for the journal, libraries and whatever else is not a connection."""


def connection_limit() -> int:
    """How many clients may be connected, once the process may open as many files as it can get.

    Each may need a connection to a provider as well: clients beyond that would take it from calls that go on.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
        except (OSError, ValueError):  # macOS gives less than it says
            pass
    files = MAX_FILES if soft == resource.RLIM_INFINITY else soft
    return max(1, (files - _KEPT_FILES) // 2)


class Protocol(HttpToolsProtocol):
    """One client's connection. `timeout_keep_alive` seconds are also the time that a request's head may take."""

    _in_head = False
    _head_size = 0
    _late: asyncio.TimerHandle | None = None
    _lost = False
    _on_gone: Callable[[], None] | None = None
    _silent_until = 0.0
    """Shared by all connections: that they are too many is said once in a while."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a new connection, or refuse it where there are too many."""
        super().connection_made(cast(asyncio.Transport, JoinedHead(transport)))
        limit = self.config.limit_concurrency
        if limit is not None and len(self.connections) >= limit:
            self._turn_away(limit - 1)
        else:
            self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone."""
        self._lost = True
        self._stop_expecting()
        super().connection_lost(exc)
        self.call_when_gone(self._on_gone)

    def data_received(self, data: bytes) -> None:
        """Take bytes of a request."""
        super().data_received(data)
        if self._in_head and not self.transport.is_closing():
            self._head_size += len(data)
            if self._head_size > MAX_HEAD:
                self._refuse(431, "headers_too_large", f"The request's head is longer than {MAX_HEAD} bytes.")
            elif self._late is None:
                self._expect_head()

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._in_head, self._head_size = True, 0

    def on_headers_complete(self) -> None:
        """A request's head is whole. Trailers, which come in the same way later, are none of its headers."""
        self._in_head = False
        self._stop_expecting()
        super().on_headers_complete()
        self.scope["headers"] = self.headers.copy()
        self.scope["extensions"] = {GONE: self.call_when_gone}  # type: ignore[dict-item]

    def call_when_gone(self, callback: Callable[[], None] | None) -> None:
        """Call back once the client goes away, or soon where it has gone; `None` takes the wish back.

        What ASGI offers instead, a task that waits for the client's goodbye, costs a seventh of a whole call.
        """
        self._on_gone = callback
        if callback is None:
            return
        if self._lost:
            self._on_gone = None
            self.loop.call_soon(callback)
        else:
            self.flow.resume_reading()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP/1.1."""
        self._refuse(400, "invalid_http", "The request is not HTTP/1.1 as RFC 9112 wants it, and goes nowhere.")

    def _turn_away(self, limit: int) -> None:
        if self.loop.time() >= Protocol._silent_until:
            Protocol._silent_until = self.loop.time() + LOG_INTERVAL
            _log.error(
                "clients are refused: all %d connections are taken; `ulimit -n` says how many there can be", limit
            )
        self._refuse(503, "too_many_connections", f"All {limit} connections of the proxy are taken: try again later.")

    def _expect_head(self) -> None:
        self._late = self.loop.call_later(self.timeout_keep_alive, self._give_up)

    def _stop_expecting(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _give_up(self) -> None:
        """End a connection on which nothing was asked in time."""
        self._late = None
        if self._in_head:
            self._refuse(408, "request_timeout", f"The head took longer than {self.timeout_keep_alive} seconds.")
        else:
            self.transport.close()

    def _refuse(self, status: int, code: str, message: str) -> None:
        """Say why the connection ends, unless that would stand in the middle of an answer."""
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            data, content_type = error_body("openai", status, code, message)
            head = b"content-type: %b\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
            self.transport.write(STATUS_LINE[status] + head % (content_type.encode(), len(data)) + data)
        self.transport.close()
