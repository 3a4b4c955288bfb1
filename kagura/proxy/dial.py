"""Opening connections to providers: addresses raced, TLS verified, `HTTPS_PROXY` honoured."""

import asyncio
import base64
import ssl
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple, TypeVar
from urllib.parse import unquote, urlsplit

import aiohappyeyeballs

from kagura.proxy.hosts import is_loopback
from kagura.proxy.wire import Connection, UpstreamError

ADDRESS_DELAY = 0.25
"""Seconds before the next address of a host is tried beside the first (RFC 8305)."""


class Origin(NamedTuple):
    """Where a provider listens, and through which proxy it is reached."""

    scheme: str
    host: str
    port: int
    proxy: str | None = None

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS.get(self.scheme, self.port) else f"{host}:{self.port}"


_PORTS = {"http": 80, "https": 443}
_P = TypeVar("_P", bound=asyncio.Protocol)


def origin_of(base_url: str, environ: Mapping[str, str]) -> Origin:
    """The origin of a base URL, with the proxy that the environment names for it.

    `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` count, in either case; loopback is never sent to a proxy.
    """
    parts = urlsplit(base_url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    return Origin(parts.scheme, host, port, _proxy_for(parts.scheme, host, port, environ))


def _proxy_for(scheme: str, host: str, port: int, environ: Mapping[str, str]) -> str | None:
    proxies = _proxies(environ)
    proxy = proxies.get(scheme) or proxies.get("all")
    if not proxy or is_loopback(host) or _bypasses(proxies.get("no", ""), host, port):
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    return proxy if urlsplit(proxy).scheme in _PORTS else None


def unusable_proxies(environ: Mapping[str, str]) -> list[str]:
    """The proxies that the environment names and that calls do not go through, without their credentials.

    SOCKS is not spoken: who relies on it to hide where calls come from must know that they go straight.
    """
    found = _proxies(environ)
    named = [urlsplit(found[kind]) for kind in ("http", "https", "all") if "://" in found.get(kind, "")]
    return sorted({f"{url.scheme}://{url.netloc.rpartition('@')[2]}" for url in named if url.scheme not in _PORTS})


def _bypasses(no_proxy: str, host: str, port: int) -> bool:
    """Whether `NO_PROXY` names the host: itself, a domain above it, either with this port, or `*`."""
    for entry in (part.strip().lower().removeprefix(".") for part in no_proxy.split(",")):
        name = entry.removesuffix(f":{port}")
        if entry == "*" or (name and (host == name or host.endswith(f".{name}"))):
            return True
    return False


def _proxies(environ: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for kind in ("http", "https", "all", "no"):
        value = environ.get(f"{kind}_proxy") or environ.get(f"{kind}_proxy".upper())
        if value:
            found[kind] = value
    return found


def tls_context() -> ssl.SSLContext:
    """Verification on, the system's trust store (or `SSL_CERT_FILE`, `SSL_CERT_DIR`), HTTP/1.1."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


class Dialer:
    """Opens connections; a failure is an UpstreamError that says which step failed."""

    def __init__(
        self,
        timeout: float,
        context: Callable[[], ssl.SSLContext] = tls_context,
        doors: Mapping["Origin", Callable[[], Awaitable[Connection]]] | None = None,
    ) -> None:
        self._timeout = timeout
        self._doors = doors or {}
        self._make_context = context
        self._context: ssl.SSLContext | None = None

    async def open(self, origin: Origin) -> Connection:
        """A fresh connection to `origin`, by its own door where it has one. Raises UpstreamError."""
        if origin in self._doors:
            return await self._doors[origin]()
        try:
            async with asyncio.timeout(self._timeout):
                return await (self._tunnel(origin) if origin.proxy else self._direct(origin))
        except TimeoutError:
            message = f"no connection within {self._timeout:g} seconds"
            raise UpstreamError(504, "upstream_timeout", message) from None
        except ssl.SSLError as error:
            reason = getattr(error, "verify_message", "") or error.reason or str(error)
            raise UpstreamError(502, "upstream_tls_error", f"TLS failed: {reason}") from None
        except OSError as error:
            reason = error.strerror or str(error)
            raise UpstreamError(502, "upstream_unreachable", f"cannot be reached: {reason}") from None

    def _tls(self, scheme: str) -> ssl.SSLContext | None:
        if scheme != "https":
            return None
        if self._context is None:
            self._context = self._make_context()
        return self._context

    async def _direct(self, origin: Origin) -> Connection:
        return await self._connect(origin.scheme, origin.host, origin.port, Connection)

    async def _connect(self, scheme: str, host: str, port: int, make: Callable[[], _P]) -> _P:
        """A connected protocol, over TLS where the scheme says so."""
        loop = asyncio.get_running_loop()
        addresses = await loop.getaddrinfo(host, port, type=1)
        socket = await aiohappyeyeballs.start_connection(addresses, happy_eyeballs_delay=ADDRESS_DELAY)
        context = self._tls(scheme)
        try:
            _, protocol = await loop.create_connection(
                make, sock=socket, ssl=context, server_hostname=host if context else None
            )
        except BaseException:
            socket.close()
            raise
        return protocol

    async def _tunnel(self, origin: Origin) -> Connection:
        """A connection through the proxy: CONNECT for TLS, else requests in absolute form (the caller's part)."""
        proxy = urlsplit(origin.proxy or "")
        host, port = proxy.hostname or "", proxy.port or _PORTS[proxy.scheme]
        if origin.scheme == "http":
            return await self._connect(proxy.scheme, host, port, Connection)
        handshake = await self._connect(proxy.scheme, host, port, _Handshake)
        try:
            await handshake.ask(f"{origin.host}:{origin.port}", proxy_authorization(origin))
            loop = asyncio.get_running_loop()
            connection = Connection()
            context = self._tls("https")
            assert context is not None
            transport = await loop.start_tls(handshake.transport, connection, context, server_hostname=origin.host)
            if transport is None:
                raise ConnectionAbortedError("the proxy closed the tunnel")
        except BaseException:
            handshake.transport.abort()
            raise
        connection.connection_made(transport)
        return connection


def proxy_authorization(origin: Origin) -> str | None:
    """The Proxy-Authorization value for the credentials in the proxy's address, if it holds any."""
    proxy = urlsplit(origin.proxy or "")
    if proxy.username is None:
        return None
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


class _Handshake(asyncio.Protocol):
    """Asks a proxy for a tunnel."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self._answer = bytearray()
        self._done: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._answer += data
        if b"\r\n\r\n" in self._answer and not self._done.done():
            self._done.set_result(bytes(self._answer))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_result(bytes(self._answer))

    async def ask(self, authority: str, authorization: str | None) -> None:
        credentials = f"Proxy-Authorization: {authorization}\r\n" if authorization else ""
        self.transport.write(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n{credentials}\r\n".encode())
        status = (await self._done).split(b"\r\n", 1)[0].split(b" ")
        if len(status) < 2 or not status[1].startswith(b"2"):
            line = b" ".join(status).decode("ascii", "replace")[:100]
            raise UpstreamError(502, "upstream_unreachable", f"the proxy refused the tunnel: {line or 'no answer'}")
