"""A provider on loopback that answers as a test scripts it, and keeps every request exactly as it arrived."""

import asyncio
import json
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol

import brotli
import zstandard

Pairs = tuple[tuple[str, str], ...]

ANSWER_HEADERS: Pairs = (("x-request-id", "req_0123"), ("x-ratelimit-remaining-requests", "4999"))
"""What providers send with every answer; two cookies, since copies of headers lose one of them easily."""
COOKIES: Pairs = (("set-cookie", "a=1; Path=/"), ("set-cookie", "b=2; Path=/"))


class Received(NamedTuple):
    """A request as it arrived."""

    line: str
    headers: Pairs
    """Names in lower case, in wire order."""
    body: bytes

    def header(self, name: str) -> str:
        return dict(self.headers).get(name, "")

    @property
    def path(self) -> str:
        return self.line.split(" ")[1]

    @property
    def json(self) -> Any:
        return json.loads(self.body or b"{}")


class Answer(NamedTuple):
    """What the provider says to one request."""

    pieces: tuple[bytes, ...] = (b"{}",)
    """The body as it is written to the socket, piece by piece."""
    status: int = 200
    headers: Pairs = (("content-type", "application/json"),)
    chunked: bool = False
    coding: str = ""
    """Compress the body so, if the client accepts it."""
    pause: float = 0.0
    """Seconds before each piece."""
    cut: bool = False
    """Close the connection before the body has ended."""


Script = Callable[[Received], Answer]


def said(value: object, status: int = 200, **more: Any) -> Answer:
    """A JSON answer."""
    headers = more.pop("headers", ())
    return Answer((json.dumps(value).encode(),), status, (("content-type", "application/json"), *headers), **more)


def events(pieces: Sequence[bytes], **more: Any) -> Answer:
    """A server-sent event stream."""
    return Answer(tuple(pieces), headers=(("content-type", "text/event-stream; charset=utf-8"),), chunked=True, **more)


def in_turn(*answers: Answer | Script) -> Script:
    """Answer the n-th request with the n-th answer, and any further one with an error."""
    left = iter(answers)

    def script(request: Received) -> Answer:
        answer = next(left, None)
        if answer is None:
            return said({"error": {"message": f"nothing scripted for {request.line}"}}, 418)
        return answer if isinstance(answer, Answer) else answer(request)

    return script


class Upstream:
    """The provider. `script` answers; `requests` is what came."""

    def __init__(self) -> None:
        self.script: Script = in_turn()
        self.requests: list[Received] = []
        self.url = ""

    def plays(self, *answers: Answer | Script) -> None:
        """Take a new script and forget what came before."""
        self.requests = []
        self.script = in_turn(*answers)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                request = await _read(reader)
                self.requests.append(request)
                answer = self.script(request)
                await _write(writer, request, answer)
                if answer.cut:
                    return
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *rest = head.removesuffix("\r\n\r\n").split("\r\n")
    headers = tuple((name.lower(), value) for name, _, value in (item.partition(": ") for item in rest))
    named = dict(headers)
    body = b""
    if "content-length" in named:
        body = await reader.readexactly(int(named["content-length"]))
    elif named.get("transfer-encoding") == "chunked":
        while size := int((await reader.readline()).strip(), 16):
            body += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readline()
    return Received(line, headers, body)


async def _write(writer: asyncio.StreamWriter, request: Received, answer: Answer) -> None:
    accepted = [coding.strip() for coding in request.header("accept-encoding").split(",")]
    coding = answer.coding if answer.coding in accepted else ""
    pieces = list(_compressed(coding, answer.pieces) if coding else answer.pieces)
    headers = [*answer.headers, *ANSWER_HEADERS, *COOKIES]
    if coding:
        headers.append(("content-encoding", coding))
    length = sum(map(len, pieces)) + (1 if answer.cut else 0)
    headers.append(("transfer-encoding", "chunked") if answer.chunked else ("content-length", str(length)))
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    writer.write(f"HTTP/1.1 {answer.status} Said\r\n{lines}\r\n".encode())
    for piece in pieces:
        await writer.drain()
        if answer.pause:
            await asyncio.sleep(answer.pause)
        writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if answer.chunked else piece)
    if answer.chunked and not answer.cut:
        writer.write(b"0\r\n\r\n")
    await writer.drain()


class _Compressor(Protocol):
    def add(self, data: bytes) -> bytes: ...
    def end(self) -> bytes: ...


class _Gzip:
    def __init__(self) -> None:
        self._inner = zlib.compressobj(wbits=31)

    def add(self, data: bytes) -> bytes:
        return self._inner.compress(data) + self._inner.flush(zlib.Z_SYNC_FLUSH)

    def end(self) -> bytes:
        return self._inner.flush()


class _Brotli:
    def __init__(self) -> None:
        self._inner = brotli.Compressor()

    def add(self, data: bytes) -> bytes:
        return bytes(self._inner.process(data) + self._inner.flush())

    def end(self) -> bytes:
        return bytes(self._inner.finish())


class _Zstd:
    def __init__(self) -> None:
        self._inner = zstandard.ZstdCompressor().compressobj()

    def add(self, data: bytes) -> bytes:
        return self._inner.compress(data) + self._inner.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)

    def end(self) -> bytes:
        return self._inner.flush()


CODINGS: dict[str, Callable[[], _Compressor]] = {"gzip": _Gzip, "br": _Brotli, "zstd": _Zstd}


def _compressed(coding: str, pieces: Sequence[bytes]) -> Iterator[bytes]:
    """The pieces compressed so that each can be read when it comes."""
    compressor = CODINGS[coding]()
    for piece in pieces:
        yield compressor.add(piece)
    yield compressor.end()


@contextmanager
def running_upstream() -> Iterator[Upstream]:
    """The provider in a thread of its own, so that clients that block can talk to it."""
    upstream = Upstream()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    serving = asyncio.start_server(upstream.serve, "127.0.0.1", 0, limit=1 << 24)
    server = asyncio.run_coroutine_threadsafe(serving, loop).result(5)
    upstream.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield upstream
    finally:
        asyncio.run_coroutine_threadsafe(_stop(server), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


async def _stop(server: asyncio.Server) -> None:
    """Close the server and what its connections still do."""
    server.close()
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
