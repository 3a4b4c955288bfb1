"""The upstream client: a pool of connections to providers, chosen by measurement (benchmarks/upstream_clients.py).

A relay needs no redirects, cookies, decoding or retries, and must not change a byte: what is left is small enough to
own, and costs a third of the CPU of a general client.
"""

import asyncio
from collections import defaultdict

from kagura.proxy.dial import Dialer, Origin
from kagura.proxy.wire import Connection, UpstreamError

IDLE_SECONDS = 15.0
"""An idle connection is closed after this, before providers and load balancers do it and cost somebody a call."""
RESTED_SECONDS = 1.0
"""After this the socket is asked whether the provider has just closed: uvicorn, as in vLLM, does so after five."""


class UpstreamClient:
    """Connections to providers, each lent to one call at a time."""

    def __init__(self, dialer: Dialer, read_timeout: float | None = None) -> None:
        self._dialer = dialer
        self._read_timeout = read_timeout
        self._idle: defaultdict[Origin, list[Connection]] = defaultdict(list)
        self._sweeper: asyncio.TimerHandle | None = None

    async def connection(self, origin: Origin, *, fresh: bool = False) -> Connection:
        """A connection to send one request on. Raises UpstreamError."""
        idle = self._idle[origin]
        while idle and not fresh:
            connection = idle.pop()
            rested = asyncio.get_running_loop().time() - connection.idle_since > RESTED_SECONDS
            if connection.usable and not (rested and connection.stale):
                connection.reused = True
                return connection
            connection.abort()
        return await self._dialer.open(origin)

    def begin(self, connection: Connection, head: bytes, *, no_body: bool) -> None:
        """Send a request's head; `no_body` says that its answer has none, as to HEAD."""
        connection.begin(head, no_body=no_body, read_timeout=self._read_timeout)

    def release(self, origin: Origin, connection: Connection) -> None:
        """Give a connection back; one whose exchange is not whole is broken off."""
        if not connection.reusable:
            connection.abort()
            return
        loop = asyncio.get_running_loop()
        connection.idle_since = loop.time()
        self._idle[origin].append(connection)
        if self._sweeper is None:
            self._sweeper = loop.call_later(IDLE_SECONDS, self._sweep)

    def close(self) -> None:
        """Break off all idle connections."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        for idle in self._idle.values():
            for connection in idle:
                connection.abort()
        self._idle.clear()

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        oldest = loop.time() - IDLE_SECONDS
        left = False
        for origin, idle in list(self._idle.items()):
            kept = []
            for connection in idle:
                if connection.usable and connection.idle_since > oldest:
                    kept.append(connection)
                else:
                    connection.abort()
            self._idle[origin] = kept
            left = left or bool(kept)
        self._sweeper = loop.call_later(IDLE_SECONDS / 3, self._sweep) if left else None


__all__ = ["Connection", "Origin", "UpstreamClient", "UpstreamError"]
