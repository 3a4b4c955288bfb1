"""The floor under every proxy: a process that copies bytes between two sockets and does nothing else.

    python -m benchmarks.tcp_relay --port 9401 --upstream 9400

What it adds is the price of one process more on the way, the wake-ups and the system calls, and none of it HTTP: the
rest of what a proxy adds is the proxy's own.
"""

import argparse
import asyncio
from typing import cast

import uvloop


class End(asyncio.Protocol):
    """One of the two connections; what comes in here goes out at the other."""

    def __init__(self) -> None:
        self.other: End | None = None
        self._early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def join(self, other: "End") -> None:
        """Copy to `other` from now on, and what has come before."""
        self.other = other
        for data in self._early:
            other.transport.write(data)

    def data_received(self, data: bytes) -> None:
        if self.other is None:
            self._early.append(data)
        else:
            self.other.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.other is not None:
            self.other.transport.close()


class Accepted(End):
    """A client's connection, which gets one to the provider."""

    def __init__(self, upstream: int) -> None:
        super().__init__()
        self._upstream = upstream

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._task = asyncio.get_running_loop().create_task(self._dial())

    async def _dial(self) -> None:
        _, provider = await asyncio.get_running_loop().create_connection(End, "127.0.0.1", self._upstream)
        provider.join(self)
        self.join(provider)


async def serve(port: int, upstream: int) -> None:
    """Copy on 127.0.0.1 until the process is ended."""
    server = await asyncio.get_running_loop().create_server(lambda: Accepted(upstream), "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--upstream", type=int, required=True, help="the provider's port on 127.0.0.1")
    given = parser.parse_args()
    uvloop.run(serve(given.port, given.upstream))


if __name__ == "__main__":
    main()
