"""Connections to providers: kept, lent again, and not lent once the provider has closed them."""

import asyncio
import socket
from collections.abc import Callable

import pytest
import uvloop

from kagura.proxy.dial import Dialer, Origin
from kagura.proxy.upstream import RESTED_SECONDS, Connection, UpstreamClient

LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]
Loop = Callable[[], asyncio.AbstractEventLoop]


def origin(server: socket.socket) -> Origin:
    return Origin("http", "127.0.0.1", server.getsockname()[1])


async def exchange(client: UpstreamClient, server: socket.socket) -> tuple[Connection, socket.socket]:
    """A whole exchange on a fresh connection, which is idle then; the connection, and the provider's end."""
    connection = await client.connection(origin(server))
    peer, _ = server.accept()
    client.begin(connection, b"GET / HTTP/1.1\r\n\r\n", no_body=False)
    connection.request_sent()
    peer.recv(1000)
    peer.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi")
    await connection.head()
    assert await connection.read() == (b"hi", True)
    client.release(origin(server), connection)
    return connection, peer


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("rest", [0, RESTED_SECONDS * 2])
def test_an_idle_connection_is_lent_again(loop: Loop, rest: float) -> None:
    async def scene() -> None:
        client = UpstreamClient(Dialer(2))
        with socket.create_server(("127.0.0.1", 0)) as server:
            connection, peer = await exchange(client, server)
            connection.idle_since -= rest
            assert await client.connection(origin(server)) is connection
            assert connection.reused
            connection.abort()
            peer.close()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(scene())


@pytest.mark.parametrize("loop", LOOPS)
def test_a_goodbye_that_nobody_has_read_yet_is_seen(loop: Loop) -> None:
    async def scene() -> None:
        client = UpstreamClient(Dialer(2))
        with socket.create_server(("127.0.0.1", 0)) as server:
            connection, peer = await exchange(client, server)
            connection.idle_since -= RESTED_SECONDS * 2
            peer.close()
            fresh = await client.connection(origin(server))
            assert fresh is not connection
            assert not fresh.reused
            fresh.abort()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(scene())
