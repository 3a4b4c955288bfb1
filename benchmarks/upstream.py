"""The provider of the benchmarks: a process of its own that answers chat completions at next to no cost.

    python -m benchmarks.upstream --port 9400 [--delay-ms 0] [--pause-ms 2]

A raw protocol on uvloop instead of a web framework: what the provider costs is taken from the machine that is measured.
"""

import argparse
import asyncio
import re
import time
from typing import cast

import uvloop

from benchmarks import wire

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_STREAM = re.compile(rb'"stream": ?true')
_ANSWER = wire.answer()
_EVENT = wire.event()
_PLAIN_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % _ANSWER.size
_STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


_END = _chunk(wire.end_of_stream()) + b"0\r\n\r\n"


class Provider(asyncio.Protocol):
    """One connection; requests are answered one after the other.

    `delay` seconds pass before an answer or a stream's first event, `pause` seconds between a stream's events.
    """

    served = 0

    def __init__(self, delay: float = 0.0, pause: float = 0.002) -> None:
        self._delay, self._pause = delay, pause
        self._data = b""
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._data += data
        while (end := self._data.find(b"\r\n\r\n") + 4) > 3:
            found = _LENGTH.search(self._data, 0, end)
            whole = end + (int(found[1]) if found else 0)
            if len(self._data) < whole:
                return
            body, self._data = self._data[end:whole], self._data[whole:]
            Provider.served += 1
            answer = self._begin_stream if _STREAM.search(body) else self._answer
            if self._delay:
                self._loop.call_later(self._delay, answer)
            else:
                answer()

    def _answer(self) -> None:
        self._transport.write(_PLAIN_HEAD + _ANSWER.filled(Provider.served))

    def _begin_stream(self) -> None:
        self._transport.write(_STREAM_HEAD)
        self._event(wire.EVENTS)

    def _event(self, left: int) -> None:
        if left:
            self._transport.write(_chunk(_EVENT.filled(time.monotonic_ns())))
            self._loop.call_later(self._pause, self._event, left - 1)
        else:
            self._transport.write(_END)


async def serve(port: int, delay: float, pause: float) -> None:
    """Answer on 127.0.0.1 until the process is ended."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Provider(delay, pause), "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--delay-ms", type=float, default=0.0, help="before an answer begins")
    parser.add_argument("--pause-ms", type=float, default=2.0, help="between the events of a stream")
    given = parser.parse_args()
    uvloop.run(serve(given.port, given.delay_ms / 1000, given.pause_ms / 1000))


if __name__ == "__main__":
    main()
