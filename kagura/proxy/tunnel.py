"""Two connections joined into one: bytes in, bytes out, in both directions, with a look at what passes.

Frames pass as they came: masked, deflated, cut and numbered by the ends themselves, pings and closing codes too. A
side that takes no more makes the other one wait; a side that ends, ends the other.
"""

import asyncio
from collections.abc import Callable
from typing import cast

LINGER_SECONDS = 30.0
"""How long a side that is closed may take for the bytes that are still on their way to it."""
Tap = Callable[[bytes], None]


class Side(asyncio.Protocol):
    """One end of a tunnel. What it gets goes through `tap`, then to the other side."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self._other: Side | None = None
        self._tap: Tap = _ignore
        self._on_lost: Callable[[Exception | None], None] | None = None

    def join(self, other: "Side", tap: Tap, on_lost: Callable[[Exception | None], None]) -> None:
        """From now on pass everything to `other`; `on_lost` is told when this side has gone."""
        self._other, self._tap, self._on_lost = other, tap, on_lost

    def part(self) -> None:
        """Pass nothing on any more; what still comes is dropped."""
        self._other = None

    def write(self, data: bytes) -> None:
        """Send bytes; those for a side that has gone are dropped."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    def read_on(self, *, go: bool) -> None:
        """Take bytes from this side, or let it wait."""
        if self.transport is None or self.transport.is_closing():
            return
        if go:
            self.transport.resume_reading()
        else:
            self.transport.pause_reading()

    def close(self) -> None:
        """End this side once it has taken what was written to it, or has taken too long."""
        transport = self.transport
        if transport is None or transport.is_closing():
            return
        if transport.get_write_buffer_size():
            asyncio.get_running_loop().call_later(LINGER_SECONDS, transport.abort)
        transport.close()

    def abort(self) -> None:
        """Break this side off at once."""
        if self.transport is not None:
            self.transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Pass bytes on, seen before they go: what is recorded is recorded before the other side has it."""
        if self._other is not None:
            self._tap(data)
        if self._other is not None:
            self._other.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """This side has gone."""
        if self._on_lost is not None:
            self._on_lost(exc)

    def pause_writing(self) -> None:
        """This side takes no more: the other one waits."""
        if self._other is not None:
            self._other.read_on(go=False)

    def resume_writing(self) -> None:
        """This side takes bytes again."""
        if self._other is not None:
            self._other.read_on(go=True)


def _ignore(_: bytes) -> None:
    """Look at nothing."""


async def join(
    client: Side, provider: Side, from_client: Tap, from_provider: Tap, early: tuple[bytes, bytes]
) -> tuple[bool, Exception | None]:
    """Relay until both sides have gone. Whether the client was the first to go, and what broke it.

    `early` is what client and provider have sent before they were joined.
    """
    loop = asyncio.get_running_loop()
    first: asyncio.Future[tuple[bool, Exception | None]] = loop.create_future()
    gone: set[Side] = set()
    over: asyncio.Future[None] = loop.create_future()

    def lost(side: Side, other: Side, error: Exception | None) -> None:
        gone.add(side)
        if not first.done():
            first.set_result((side is client, error))
        if error is None:
            other.close()
        else:
            other.abort()
        if len(gone) == 2 and not over.done():
            over.set_result(None)

    client.join(provider, from_client, lambda error: lost(client, provider, error))
    provider.join(client, from_provider, lambda error: lost(provider, client, error))
    for side, data in zip((client, provider), early, strict=True):
        if data:
            side.data_received(data)
    provider.read_on(go=True)
    try:
        await over
    finally:
        client.abort()
        provider.abort()
    return await first
