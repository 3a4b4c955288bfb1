"""The load client: a process that keeps connections busy and says how long each answer took.

It reads one job a line from its standard input and writes one result a line, both JSON: measuring in a process of its
own keeps what starts, watches and counts away from the clock. Each connection is a closed loop on a raw protocol that
does no more than find the end of an answer and check that it is whole.
"""

import asyncio
import functools
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import msgspec
import uvloop

from benchmarks import wire

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_END_OF_CHUNKS = b"\r\n0\r\n\r\n"
_STAMPED = len(wire.STAMP) + wire.DIGITS
MIN_ANSWER = 600
"""Bytes of a plain body below which it cannot be the provider's."""
STALLED_SECONDS = 60
IDLE_SECONDS = 2
"""After which a kept connection is made anew: uvicorn closes idle ones after five."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A block of load. It ends after `calls` answers or when `seconds` are over, whichever comes first."""

    port: int
    connections: int = 1
    stream: bool = False
    calls: int = 1_000_000_000
    seconds: float = 3600.0


class Result(msgspec.Struct, kw_only=True):
    """What a block of load saw. Times are microseconds."""

    seconds: float = 0.0
    answered: list[int] = []
    """From the request to the last byte, one entry a good answer."""
    first: list[int] = []
    """From the request to the first event of a stream."""
    events: list[int] = []
    """From the provider's write of an event to its arrival here."""
    failed: int = 0
    failure: str | None = None
    """The beginning of the first answer that was not as it should be."""


class Block:
    """A job under way: hands out requests until it is over."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._left = job.calls
        self._deadline = time.monotonic() + job.seconds
        self._busy = 0
        self.template = wire.question(stream=job.stream)
        self.result = Result()
        self.over = asyncio.get_running_loop().create_future()

    def request(self) -> bytes | None:
        """The next request's bytes, or None where no more are due."""
        if self._left <= 0 or time.monotonic() >= self._deadline:
            return None
        self._left -= 1
        self._busy += 1
        return _head(self._job.port, self.template.size) + self.template.filled(time.monotonic_ns())

    def done(self) -> None:
        """A connection has its answer, good or bad."""
        self._busy -= 1

    def rest(self) -> None:
        """A connection has nothing more to do."""
        if not self._busy and not self.over.done():
            self.over.set_result(None)


@functools.cache
def _head(port: int, length: int) -> bytes:
    return (
        b"POST %b HTTP/1.1\r\nhost: 127.0.0.1:%d\r\nuser-agent: kagura-bench\r\naccept: */*\r\n"
        b"content-type: application/json\r\nauthorization: Bearer sk-bench\r\ncontent-length: %d\r\n\r\n"
    ) % (wire.PATH, port, length)


class Connection(asyncio.Protocol):
    """One keep-alive connection."""

    def __init__(self) -> None:
        self._block: Block | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    @property
    def usable(self) -> bool:
        """Whether the other side keeps it open."""
        return not self._transport.is_closing()

    def close(self) -> None:
        """Close it."""
        self._transport.close()

    def work(self, block: Block) -> None:
        """Send the block's next request, if there is one."""
        self._block = block
        request = block.request()
        if request is None:
            self._block = None
            block.rest()
            return
        self._data = b""
        self._missing: int | None = None
        self._first = 0
        self._events = 0
        self._seen = 0
        self._sent = time.monotonic_ns()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        block = self._block
        if block is None:
            self._transport.abort()
            return
        self._data += data
        if self._missing is None and not self._read_head():
            return
        if self._missing:
            if len(self._data) >= self._missing:
                self._finish(block, now, good=self._missing > MIN_ANSWER)
            return
        self._read_events(block, now)
        if self._data.endswith(_END_OF_CHUNKS):
            self._finish(block, now, good=self._events == wire.EVENTS)

    def _read_head(self) -> bool:
        """Find the body's end: `_missing` is the answer's size, or 0 where it comes in chunks."""
        end = self._data.find(b"\r\n\r\n") + 4
        if end < 4:
            return False
        found = _LENGTH.search(self._data, 0, end)
        self._missing = end + int(found[1]) if found else 0
        self._seen = end
        return True

    def _read_events(self, block: Block, now: int) -> None:
        data = self._data
        while (at := data.find(wire.STAMP, self._seen)) >= 0 and len(data) >= at + _STAMPED:
            if not self._first:
                self._first = now
            self._seen = at + _STAMPED
            self._events += 1
            block.result.events.append((now - int(data[at + len(wire.STAMP) : self._seen])) // 1000)

    def _finish(self, block: Block, now: int, *, good: bool) -> None:
        block.done()
        if good and self._data.startswith(b"HTTP/1.1 200"):
            block.result.answered.append((now - self._sent) // 1000)
            if self._first:
                block.result.first.append((self._first - self._sent) // 1000)
        else:
            self._fail(block, self._data[:400].decode("utf-8", "replace"))
        self.work(block)

    def connection_lost(self, exc: Exception | None) -> None:
        block, self._block = self._block, None
        if block is not None:
            block.done()
            self._fail(block, f"connection lost: {exc or 'closed'}")
            block.rest()

    @staticmethod
    def _fail(block: Block, what: str) -> None:
        block.result.failed += 1
        block.result.failure = block.result.failure or what


class Pool:
    """The connections to each port, kept from job to job until the other side may have grown tired of them."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[float, list[Connection]]] = {}

    async def take(self, port: int, count: int) -> list[Connection]:
        """This many connections that are ready for a request."""
        since, connections = self._kept.pop(port, (0.0, []))
        if time.monotonic() - since > IDLE_SECONDS:
            for connection in connections:
                connection.close()
            connections = []
        loop = asyncio.get_running_loop()
        while len(connections) < count:
            _, made = await loop.create_connection(Connection, "127.0.0.1", port)
            connections.append(made)
        return [connection for connection in connections if connection.usable]

    def give_back(self, port: int, connections: list[Connection]) -> None:
        """Keep these for the next job."""
        self._kept[port] = time.monotonic(), connections


async def _run(job: Job, pool: Pool) -> Result:
    connections = await pool.take(job.port, job.connections)
    block = Block(job)
    began = time.monotonic()
    for connection in connections[: job.connections]:
        connection.work(block)
    await asyncio.wait_for(block.over, job.seconds + STALLED_SECONDS)
    block.result.seconds = time.monotonic() - began
    pool.give_back(job.port, connections)
    return block.result


async def _serve() -> None:
    pool = Pool()
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.buffer.readline):
        result = await _run(msgspec.json.decode(line, type=Job), pool)
        sys.stdout.buffer.write(msgspec.json.encode(result) + b"\n")
        sys.stdout.buffer.flush()


class LoadClient:
    """The parent's end of a load process."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    def run(self, job: Job) -> Result:
        """Do a job and wait for its result. Raises RuntimeError where the load process has died."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode(job) + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the load client ended in the middle of {job}")
        return msgspec.json.decode(line, type=Result)


@contextmanager
def load_client() -> Iterator[LoadClient]:
    """A load process for as long as the block runs."""
    command = [sys.executable, "-m", "benchmarks.load"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield LoadClient(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()


if __name__ == "__main__":
    uvloop.run(_serve())
