"""The proxy as one ASGI application: `/kagura/…` is its own, all else is relayed."""

import asyncio
import os
from collections.abc import Callable, Mapping

from kagura.config import Settings
from kagura.journal import JournalWriter
from kagura.model import new_span_id, now_us
from kagura.providers import error_body, load
from kagura.proxy import asgi
from kagura.proxy.hosts import HostGuard
from kagura.proxy.metrics import Metrics
from kagura.proxy.readers import Readers
from kagura.proxy.recorder import Recorder
from kagura.proxy.relay import WEBSOCKET, Relay

OWN_PATHS = b"/kagura/"


def create_app(
    settings: Settings,
    *,
    journal: JournalWriter | None = None,
    environ: Mapping[str, str] = os.environ,
    clock: Callable[[], int] = now_us,
    new_id: Callable[[], str] = new_span_id,
) -> asgi.App:
    """The application for any ASGI server. Raises ConfigError where the provider table is wrong.

    The lifespan's end closes journal and connections; nothing is opened before the first call.
    """
    journal = journal or JournalWriter(settings.journal_dir, settings.journal.segment_size)
    recorder, metrics, readers = Recorder(journal), Metrics(), Readers()
    guard = HostGuard(settings.proxy.host, settings.proxy.allowed_hosts)
    table = load({name: row.given() for name, row in settings.providers.items()})
    relay = Relay(settings, table, recorder, metrics, guard=guard, environ=environ, clock=clock, new_id=new_id)

    def close() -> None:
        readers.close()
        relay.close()
        recorder.close()

    own = OwnEndpoints(lambda: _create_api(settings, recorder, metrics, guard, readers))

    async def application(scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        if scope["type"] == "websocket":
            await _refuse_websocket(scope, receive, send)
        elif scope["type"] == "lifespan":
            await _live(receive, send, close)
        elif asgi.raw_path(scope).startswith(OWN_PATHS):
            await own(scope, receive, send)
        elif asgi.raw_path(scope) == b"/" and scope["method"] in ("GET", "HEAD"):
            await _greet(scope, send)
        else:
            await relay(scope, receive, send)

    return application


class OwnEndpoints:
    """The FastAPI application, made at its first request: importing it takes longer than starting the relay."""

    def __init__(self, create: Callable[[], asgi.App]) -> None:
        self._create = create
        self._api: asgi.App | None = None
        self._creating = asyncio.Lock()

    async def __call__(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        """Answer one request."""
        api = self._api or await self._created()
        await api(scope, receive, send)

    async def _created(self) -> asgi.App:
        async with self._creating:
            if self._api is None:
                self._api = await asyncio.to_thread(self._create)
            return self._api


def _create_api(
    settings: Settings, recorder: Recorder, metrics: Metrics, guard: HostGuard, readers: Readers
) -> asgi.App:
    from kagura.proxy.api import create_api

    return create_api(settings, recorder, metrics, guard, readers)


async def _greet(scope: asgi.Scope, send: asgi.Send) -> None:
    """Answer those who only ask whether somebody is there, as claude-code does before its first call."""
    data = b"kagura is here: OpenAI's API begins at /v1, Anthropic's and Gemini's at /, a provider's at /PROVIDER.\n"
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(data))]
    await asgi.start(send, 200, headers)
    await asgi.body(send, b"" if scope["method"] == "HEAD" else data, more=False)


async def _live(receive: asgi.Receive, send: asgi.Send, close: Callable[[], None]) -> None:
    """The server's start and end."""
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    close()
    await send({"type": "lifespan.shutdown.complete"})


async def _refuse_websocket(scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
    """Answer 426 where the server can; clients then turn to plain HTTP at once."""
    await receive()
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008})
        return
    data, content_type = error_body(WEBSOCKET.dialect, WEBSOCKET.status, WEBSOCKET.code, WEBSOCKET.message)
    headers = [(b"content-type", content_type.encode()), (b"content-length", b"%d" % len(data))]
    await send({"type": "websocket.http.response.start", "status": WEBSOCKET.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": data})
