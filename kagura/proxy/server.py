"""Running the proxy: uvicorn on a socket of ours, until a signal says stop and all streams have ended."""

import gc
import ipaddress
import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

import uvicorn

from kagura.config import Settings
from kagura.errors import ProxyError
from kagura.providers import Provider, load
from kagura.proxy import asgi
from kagura.proxy.app import create_app
from kagura.proxy.hosts import is_loopback
from kagura.proxy.inbound import Protocol, connection_limit
from kagura.proxy.switching import Switching

KEEP_ALIVE_SECONDS = 120
"""Longer than clients keep idle connections, so that they are the ones to close them."""
BACKLOG = 2048
SWITCH_SECONDS = 0.0005
"""After which a thread that computes lets the relay go on: Python's own 5 ms would be added to each turn of a call."""
_NEEDLESS = ("ASGI callable returned without", "Unsupported upgrade request")


def serve(settings: Settings, *, app: asgi.App | None = None, ready: Callable[[str], None] = lambda _: None) -> None:
    """Serve until SIGINT or SIGTERM; then take no new calls, let running ones end, and return.

    `ready` gets the base URL once calls are taken. Raises ProxyError where the address cannot be listened on or a
    provider's address is the proxy's own, ConfigError where the provider table is wrong.
    """
    with listen(settings.proxy.host, settings.proxy.port) as listener:
        port = listener.getsockname()[1]
        refuse_self(load({n: row.given() for n, row in settings.providers.items()}), settings.proxy.host, port)
        server = Server(_config(app or create_app(settings)), lambda: ready(base_url(settings.proxy.host, port)))
        logging.getLogger("uvicorn.error").addFilter(_needed)
        sys.setswitchinterval(SWITCH_SECONDS)
        with _returning_on_signals(), suppress(KeyboardInterrupt):
            server.run(sockets=[listener])


class Server(uvicorn.Server):
    """uvicorn's server, which says when it listens."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so. What exists by now lives as long as the process: the collector need not look at it."""
        await super().startup(sockets)
        if not self.should_exit:
            gc.collect()
            gc.freeze()
            self._ready()


def _config(app: asgi.App) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="uvloop" if _has_uvloop() else "asyncio",
        http=Protocol,
        proxy_headers=False,
        ws=Switching,
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        backlog=BACKLOG,
        limit_concurrency=connection_limit() + 1,
    )


def _has_uvloop() -> bool:
    try:
        import uvloop  # noqa: F401
    except ImportError:
        return False
    return True


def _needed(record: logging.LogRecord) -> bool:
    """Whether a log line of uvicorn's says what the relay has not said itself."""
    return not record.getMessage().startswith(_NEEDLESS)


@contextmanager
def _returning_on_signals() -> Iterator[None]:
    """uvicorn raises the signal that ended it again; this lets the caller go on instead."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises ProxyError with the remedy where there can be none."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(BACKLOG)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        where = base_url(host, port)
        raise ProxyError(
            f"{where}: cannot listen: {error.strerror or error}",
            f"Is a proxy running there already? See {where}/kagura/health, or choose another --port.",
        ) from None
    return listener


def base_url(host: str, port: int) -> str:
    """How a client on this machine writes the proxy's address."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104
    return f"http://[{host}]:{port}" if ":" in host and not host.startswith("[") else f"http://{host}:{port}"


def refuse_self(table: Mapping[str, Provider], host: str, port: int) -> None:
    """Raise ProxyError where a provider's calls would come back to this proxy for ever."""
    own = _addresses(host)
    everywhere = any(address.is_unspecified for address in own)
    for name, row in table.items():
        parts = urlsplit(row.base_url or "")
        if not parts.hostname or (parts.port or {"http": 80, "https": 443}[parts.scheme]) != port:
            continue
        theirs = _addresses(parts.hostname)
        local = any(a.is_loopback or a.is_unspecified for a in theirs) or is_loopback(parts.hostname)
        mine = any(a.is_loopback for a in own)
        if (
            own & theirs
            or (local and (everywhere or mine))
            or (everywhere and theirs & _addresses(socket.gethostname()))
        ):
            raise ProxyError(
                f"providers.{name}.base_url: {row.base_url} is this proxy itself",
                "Give the provider's own address, or another --port.",
            )


def _addresses(host: str) -> set[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return set()
    return {ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found}
