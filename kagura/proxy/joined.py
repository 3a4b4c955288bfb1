"""An answer's head and the first bytes of its body in one system call, where both are there at once."""

import asyncio
from typing import TYPE_CHECKING, Any

_HEAD = b"HTTP/1.1 "


class JoinedHead:
    """A transport that lets an answer's head wait for what is written next, a turn of the loop at most.

    uvicorn writes the two apart; a write costs more than all else that the relay does for a small answer. A piece of
    a body that looks like a head waits as long: the order of the bytes never changes.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._head = b""

    def write(self, data: bytes) -> None:
        """Send bytes; a head a moment later."""
        if self._head:
            data, self._head = self._head + data, b""
        elif data.startswith(_HEAD):
            self._head = data
            self._loop.call_soon(self._flush)
            return
        self._transport.write(data)

    def _flush(self) -> None:
        if self._head:
            head, self._head = self._head, b""
            self._transport.write(head)

    def close(self) -> None:
        """Close once everything is sent."""
        self._flush()
        self._transport.close()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Hand the connection to another protocol."""
        self._flush()
        self._transport.set_protocol(protocol)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Everything else is the transport's own."""
            return getattr(self._transport, name)
