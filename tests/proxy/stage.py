"""A stage for the relay: a raw upstream that records bytes, the proxy under a real uvicorn, raw clients."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import uvicorn

from kagura.config import CaptureSettings, ProviderSettings, ProxySettings, Settings
from kagura.journal import Ended, JournalWriter, Record, Started, journal_files
from kagura.proxy.app import create_app
from kagura.proxy.inbound import Protocol
from kagura.proxy.server import KEEP_ALIVE_SECONDS, listen
from kagura.proxy.switching import Switching

Script = Callable[["Visit"], Awaitable[None]]


class Visit:
    """One request as the upstream got it, and the hand that answers it."""

    def __init__(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.head, self.reader, self.writer = head, reader, writer
        self.body = b""

    @property
    def request_line(self) -> str:
        return self.head.split(b"\r\n")[0].decode("latin-1")

    @property
    def lines(self) -> list[bytes]:
        return self.head.split(b"\r\n")[1:-2]

    def values(self, name: str) -> list[str]:
        pairs = [line.partition(b": ") for line in self.lines]
        return [value.decode("latin-1") for key, _, value in pairs if key.lower() == name.encode()]

    async def read_body(self) -> bytes:
        if length := self.values("content-length"):
            self.body = await self.reader.readexactly(int(length[0]))
        elif self.values("transfer-encoding"):
            while size := int((await self.reader.readline()).strip(), 16):
                self.body += await self.reader.readexactly(size)
                await self.reader.readexactly(2)
            await self.reader.readline()
        return self.body

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def chunk(self, data: bytes) -> None:
        await self.say(b"%x\r\n%b\r\n" % (len(data), data))


def answers(*data: bytes) -> Script:
    """A script that reads the request and then says each piece."""

    async def script(visit: Visit) -> None:
        await visit.read_body()
        for piece in data:
            await visit.say(piece)

    return script


def ok(body: bytes = b"{}", *lines: bytes, status: bytes = b"200 OK") -> bytes:
    """A whole answer with a length."""
    head = b"".join(line + b"\r\n" for line in lines)
    return b"HTTP/1.1 %b\r\n%bcontent-length: %d\r\n\r\n%b" % (status, head, len(body), body)


def streamed(*chunks: bytes, lines: bytes = b"content-type: text/event-stream\r\n") -> bytes:
    """A whole chunked answer."""
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return b"HTTP/1.1 200 OK\r\n%btransfer-encoding: chunked\r\n\r\n%b0\r\n\r\n" % (lines, body)


class Upstream:
    """A provider that does what the test says."""

    def __init__(self) -> None:
        self.script: Script = answers(ok())
        self.visits: list[Visit] = []
        self.connections = 0
        self.writers: set[asyncio.StreamWriter] = set()
        self.port = 0
        self.gone = asyncio.Event()
        """Set when the proxy has closed a connection."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.add(writer)
        try:
            while True:
                visit = Visit(await reader.readuntil(b"\r\n\r\n"), reader, writer)
                self.visits.append(visit)
                await self.script(visit)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.gone.set()
        finally:
            writer.close()


class Stage:
    """A running proxy before a running upstream."""

    def __init__(self, upstream: Upstream, port: int, home: Path, server: uvicorn.Server) -> None:
        self.upstream, self.port, self.home = upstream, port, home
        self._server = server

    def stop(self) -> None:
        """Let the proxy end as on a signal."""
        self._server.should_exit = True

    async def ask(self, request: bytes, *, patience: float = 30) -> bytes:
        """Send raw bytes; the whole raw answer, read to the end of the connection."""
        reader, writer = await self.connect()
        writer.write(request)
        async with asyncio.timeout(patience):
            answer = await reader.read()
        writer.close()
        return answer

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 22)

    def records(self) -> list[Record]:
        return [record for file in journal_files(self.home / "journal") for _, record in file.records() if record]

    def pair(self) -> tuple[Started, Ended]:
        """The two records of the only call."""
        start, end = self.records()
        assert isinstance(start, Started)
        assert isinstance(end, Ended)
        return start, end

    async def ended(self, count: int = 1) -> list[Ended]:
        """Wait until so many calls have an end in the journal."""
        async with asyncio.timeout(30):
            while len(found := [record for record in self.records() if isinstance(record, Ended)]) < count:
                await asyncio.sleep(0.01)
        return found

    def journal_bytes(self) -> bytes:
        return b"".join(file.path.read_bytes() for file in journal_files(self.home / "journal"))


def post(path: str, body: bytes, *lines: str, host: str = "127.0.0.1") -> bytes:
    """A raw POST of JSON that closes its connection."""
    head = "".join(f"{line}\r\n" for line in lines)
    return (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Type: application/json\r\n"
        f"{head}Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def get(path: str, *lines: str, method: str = "GET", host: str = "127.0.0.1") -> bytes:
    """A raw request without a body that closes its connection."""
    head = "".join(f"{line}\r\n" for line in lines)
    return f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{head}\r\n".encode()


def split(answer: bytes) -> tuple[str, dict[str, str], bytes]:
    """Status line, headers and body of a raw answer; a chunked body is put together."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    if headers.get("transfer-encoding") == "chunked":
        plain = b""
        while body:
            size, _, body = body.partition(b"\r\n")
            plain += body[: int(size, 16)]
            body = body[int(size, 16) + 2 :]
        body = plain
    return status, headers, body


def settings_for(home: Path, upstream: str, **changes: object) -> Settings:
    """Settings whose openai, anthropic, gemini and groq rows lead to the upstream."""
    usage = changes.pop("include_usage", None)
    names = ("openai", "anthropic", "gemini", "groq")
    rows = {name: ProviderSettings(base_url=upstream, include_usage=usage) for name in names}  # type: ignore[arg-type]
    rows.update(changes.pop("providers", {}))  # type: ignore[call-overload]
    proxy = changes.pop("proxy", ProxySettings(connect_timeout=2))
    capture = changes.pop("capture", CaptureSettings())
    return Settings(home=home, providers=rows, proxy=proxy, capture=capture, **changes)  # type: ignore[arg-type]


@asynccontextmanager
async def running(
    home: Path,
    *,
    journal: JournalWriter | None = None,
    environ: dict[str, str] | None = None,
    timeout_keep_alive: float = KEEP_ALIVE_SECONDS,
    limit_concurrency: int | None = None,
    http: type[Protocol] | Literal["httptools"] = Protocol,
    **changes: object,
) -> AsyncIterator[Stage]:
    """The whole stage; `changes` are settings."""
    upstream = Upstream()
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0, limit=1 << 22)
    upstream.port = server.sockets[0].getsockname()[1]
    app = create_app(settings_for(home, upstream.url, **changes), journal=journal, environ=environ or {})
    config = uvicorn.Config(
        app,
        http=http,
        ws=Switching,
        lifespan="on",
        log_config=None,
        server_header=False,
        date_header=False,
        timeout_keep_alive=timeout_keep_alive,  # type: ignore[arg-type]
        limit_concurrency=limit_concurrency,
    )
    proxy = uvicorn.Server(config)
    listener = listen("127.0.0.1", 0)
    task = asyncio.create_task(proxy.serve(sockets=[listener]))
    while not proxy.started:
        await asyncio.sleep(0.005)
    try:
        yield Stage(upstream, listener.getsockname()[1], home, proxy)
    finally:
        for writer in upstream.writers:
            writer.close()
        proxy.should_exit = True
        await task
        server.close()
        await server.wait_closed()
