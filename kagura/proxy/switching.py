"""The server's side of an HTTP Upgrade: one request as ASGI, on a connection that may become a websocket's.

uvicorn hands such connections to a protocol of its own; this one lets the application answer in plain HTTP, or take
the bare connection out of the scope's extensions.
"""

import asyncio
import logging
from typing import Any
from urllib.parse import unquote

import httptools
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE
from uvicorn.server import ServerState

from kagura.proxy import asgi
from kagura.proxy.tunnel import Side
from kagura.proxy.wire import RawHeaders

_log = logging.getLogger("kagura.proxy")
EXTENSION = "kagura.switch"
"""Where a scope holds its `Switching`."""
_EARLY_LIMIT = 1_048_576


class Switching(Side):
    """A connection whose client asked for an upgrade. uvicorn makes one for each such request."""

    def __init__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any], _loop: object = None
    ) -> None:
        super().__init__()
        self._config, self._state, self._app_state = config, server_state, app_state
        self._task: asyncio.Task[None] | None = None
        self._early = b""
        self._asked = False
        self._writable = asyncio.Event()
        self._writable.set()
        self._gone = asyncio.Event()
        self.stopping = False
        """Whether the server takes no more calls."""
        self.on_stopping = _do_nothing
        """Called when the server stops; a websocket then ends as soon as it decently can."""

    # --- the server's side ----------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection over."""
        super().connection_made(transport)
        self._state.connections.add(self)  # type: ignore[arg-type]

    def data_received(self, data: bytes) -> None:
        """First the request's head, which the server puts together again; then what the client sends."""
        if self._task is None:
            self._state.total_requests += 1
            self._task = asyncio.get_running_loop().create_task(self._answer(self._scope(data)))
            self._state.tasks.add(self._task)
            self._task.add_done_callback(self._state.tasks.discard)
        elif self._other is not None:
            super().data_received(data)
        elif len(self._early) <= _EARLY_LIMIT:
            self._early += data

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone: its websocket ends, or the answer that it no longer waits for."""
        self._state.connections.discard(self)
        self._gone.set()
        self._writable.set()
        if self._on_lost is None and self._task is not None:
            self._task.cancel()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client takes no more for now."""
        self._writable.clear()
        super().pause_writing()

    def resume_writing(self) -> None:
        """The client takes bytes again."""
        self._writable.set()
        super().resume_writing()

    def shutdown(self) -> None:
        """The server stops."""
        self.stopping = True
        self.on_stopping()

    # --- the application's side -----------------------------------------------------------------------------------

    @property
    def gone(self) -> bool:
        """Whether the client has gone."""
        return self._gone.is_set()

    def switch(self, headers: RawHeaders) -> bytes:
        """Answer 101; the bytes that the client has sent without waiting for it."""
        self._write_head(101, headers)
        early, self._early = self._early, b""
        return early

    async def _answer(self, scope: asgi.Scope) -> None:
        try:
            await self._config.loaded_app(scope, self._receive, self._send)
        except asyncio.CancelledError:
            if not self.gone:
                raise
        except Exception:
            _log.exception("a request for an upgrade failed")
        finally:
            self.close()

    async def _receive(self) -> asgi.Message:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: asgi.Message) -> None:
        if message["type"] == "http.response.start":
            ending = [] if any(name.lower() == b"connection" for name, _ in message["headers"]) else [_CLOSE]
            self._write_head(message["status"], [*message["headers"], *ending])
            return
        self.write(message.get("body", b""))
        await self._writable.wait()

    def _write_head(self, status: int, headers: RawHeaders) -> None:
        lines = b"".join(b"%b: %b\r\n" % line for line in headers)
        self.write(
            b"%b%b\r\n" % (STATUS_LINE[status] if status in STATUS_LINE else b"HTTP/1.1 %d \r\n" % status, lines)
        )

    def _scope(self, head: bytes) -> asgi.Scope:
        line, *lines = head.split(b"\r\n")
        method, target, _ = line.split(b" ", 2)
        url = httptools.parse_url(target)
        path = url.path or b"/"
        return {
            "type": "http",
            "asgi": {"version": self._config.asgi_version, "spec_version": "2.3"},
            "http_version": "1.1",
            "scheme": "http",
            "method": method.decode("ascii"),
            "path": unquote(path.decode("ascii")),
            "raw_path": path,
            "query_string": url.query or b"",
            "root_path": "",
            "headers": [(name, value) for name, _, value in (pair.partition(b": ") for pair in lines if pair)],
            "state": self._app_state.copy(),
            "extensions": {EXTENSION: self},
        }


_CLOSE = (b"connection", b"close")


def _do_nothing() -> None:
    """Nobody wants to know."""
