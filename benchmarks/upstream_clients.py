"""Which HTTP client should the relay speak with to providers? pyreqwest, aiohttp and kagura's own, in one run.

Each client carries the same bare relay (uvicorn, uvloop, httptools, pure ASGI) in a process of its own. One raw load
generator measures the added latency at one connection against direct, then requests a second and the relay's CPU a
request at 32, then the CPU a chunk of streams and the delay of the first chunk. The last row is the whole proxy, its
two journal records included. Numbers of one run compare; numbers of two machines do not.

    python benchmarks/upstream_clients.py [--seconds 4]
"""

import argparse
import asyncio
import atexit
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvloop

ANSWER = json.dumps({"choices": [{"message": {"content": "x" * 800}}], "usage": {"prompt_tokens": 9}}).encode()
QUESTION = json.dumps({"model": "m", "messages": [{"role": "user", "content": "y" * 400}]}).encode()
EVENT = b'data: {"choices":[{"delta":{"content":"' + b"z" * 60 + b'"}}]}\n\n'
EVENTS = 200
EVENT_PAUSE = 0.002
Relay = Callable[[dict[str, Any], Any, Any], Awaitable[None]]


class Upstream(asyncio.Protocol):
    """A provider that costs next to nothing: a fixed answer, or a paced stream of events."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport, self.data = transport, b""

    def data_received(self, data: bytes) -> None:
        self.data += data
        while (end := self.data.find(b"\r\n\r\n")) >= 0:
            head = self.data[:end].lower()
            length = int(head.split(b"content-length:")[1].split(b"\r\n")[0]) if b"content-length:" in head else 0
            if len(self.data) < end + 4 + length:
                return
            self.data = self.data[end + 4 + length :]
            if b"/stream" in head.split(b"\r\n")[0]:
                self.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
                self.event(EVENTS)
            else:
                head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(ANSWER)
                self.write(head + ANSWER)

    def write(self, data: bytes) -> None:
        self.transport.write(data)  # type: ignore[attr-defined]

    def event(self, left: int) -> None:
        self.write(b"%x\r\n%s\r\n" % (len(EVENT), EVENT) if left else b"0\r\n\r\n")
        if left:
            asyncio.get_running_loop().call_later(EVENT_PAUSE, self.event, left - 1)


def aiohttp_relay(base: str) -> Relay:
    """The relay on aiohttp."""
    import aiohttp
    from yarl import URL

    session: aiohttp.ClientSession | None = None
    host, _, port = base.removeprefix("http://").partition(":")

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        nonlocal session
        session = session or aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        )
        body = (await receive())["body"]
        url = URL.build(scheme="http", host=host, port=int(port), path=scope["raw_path"].decode(), encoded=True)
        headers = [(k.decode(), v.decode()) for k, v in scope["headers"] if k not in (b"host", b"connection")]
        async with session.request(
            scope["method"], url, headers=headers, data=body or None, allow_redirects=False
        ) as answer:
            kept = [(k, v) for k, v in answer.raw_headers if k.lower() not in (b"transfer-encoding", b"connection")]
            await send({"type": "http.response.start", "status": answer.status, "headers": kept})
            async for chunk in answer.content.iter_any():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return app


def pyreqwest_relay(base: str) -> Relay:
    """The relay on pyreqwest, with everything off that would touch bytes."""
    from pyreqwest.client import Client, ClientBuilder

    client: Client | None = None

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        nonlocal client
        if client is None:
            builder = ClientBuilder().http1_only().follow_redirects(False).referer(False).error_for_status(False)
            builder = builder.gzip(False).brotli(False).zstd(False).deflate(False).default_cookie_store(False)
            client = builder.tcp_nodelay(True).build()
        body = (await receive())["body"]
        request = client.request(scope["method"], base + scope["raw_path"].decode()).streamed_read_buffer_limit(0)
        request = request.headers(
            [
                (k.decode(), v.decode())
                for k, v in scope["headers"]
                if k not in (b"host", b"connection", b"content-length")
            ]
        )
        if body:
            request = request.body_bytes(body)
        async with request.build_streamed() as answer:
            kept = [
                (k.encode(), v.encode())
                for k, v in answer.headers.items()
                if k not in ("transfer-encoding", "connection")
            ]
            await send({"type": "http.response.start", "status": answer.status, "headers": kept})
            while (chunk := await answer.body_reader.read_chunk()) is not None:
                await send({"type": "http.response.body", "body": bytes(chunk), "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return app


def own_relay(base: str) -> Relay:
    """The relay on kagura's own client."""
    from kagura.proxy.dial import Dialer, origin_of
    from kagura.proxy.upstream import UpstreamClient

    client, origin = UpstreamClient(Dialer(10)), origin_of(base, {})

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        body = (await receive())["body"]
        parts = [f"{scope['method']} ".encode(), scope["raw_path"], b" HTTP/1.1\r\nHost: h\r\n"]
        for name, value in scope["headers"]:
            if name not in (b"host", b"connection"):
                parts += (name, b": ", value, b"\r\n")
        connection = await client.connection(origin)
        client.begin(connection, b"".join((*parts, b"\r\n", body)), no_body=False)
        connection.request_sent()
        await connection.head()
        kept = [(k, v) for k, v in connection.headers if k.lower() not in (b"transfer-encoding", b"connection")]
        await send({"type": "http.response.start", "status": connection.status, "headers": kept})
        over = False
        while not over:
            data, over = await connection.read()
            await send({"type": "http.response.body", "body": data, "more_body": not over})
        client.release(origin, connection)

    return app


def whole_proxy(base: str) -> Relay:
    """kagura's proxy as it is, its journal in a folder that goes away with it."""
    from kagura.config import ProviderSettings, Settings
    from kagura.proxy.app import create_app

    home = tempfile.TemporaryDirectory()
    atexit.register(home.cleanup)
    providers = {"openai": ProviderSettings(base_url=base)}
    app = create_app(Settings(home=Path(home.name), providers=providers))

    async def prefixed(scope: dict[str, Any], receive: Any, send: Any) -> None:
        scope["raw_path"] = b"/openai" + scope["raw_path"] if scope["type"] == "http" else b""
        await app(scope, receive, send)

    return prefixed


RELAYS: dict[str, Callable[[str], Relay]] = {
    "pyreqwest": pyreqwest_relay,
    "aiohttp": aiohttp_relay,
    "own": own_relay,
    "whole": whole_proxy,
}


def serve_relay(name: str, port: int, upstream: str) -> None:
    """Run one relay until it is ended."""
    import uvicorn

    from kagura.proxy.switching import Switching

    uvicorn.run(
        RELAYS[name](upstream),
        port=port,
        loop="uvloop",
        http="httptools",
        ws=Switching if name == "whole" else "none",
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        date_header=False,
    )


async def serve_upstream(port: int) -> None:
    """Run the stand-in provider until it is ended."""
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


class Connection:
    """A raw keep-alive client connection that does no more than find the end of an answer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: bytes) -> None:
        self.reader, self.writer = reader, writer
        head = b"POST %s HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\nauthorization: Bearer k\r\n" % path
        self.request = head + b"content-length: %d\r\n\r\n" % len(QUESTION) + QUESTION

    @classmethod
    async def open(cls, port: int, path: bytes) -> "Connection":
        return cls(*await asyncio.open_connection("127.0.0.1", port), path)

    async def plain(self) -> float:
        """One request; seconds to the whole answer."""
        start = time.perf_counter()
        self.writer.write(self.request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        await self.reader.readexactly(int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]))
        return time.perf_counter() - start

    async def stream(self) -> float:
        """One streamed request to its end; seconds to the first event."""
        start = time.perf_counter()
        self.writer.write(self.request)
        await self.reader.readuntil(b"\n\n")
        first = time.perf_counter() - start
        await self.reader.readuntil(b"0\r\n\r\n")
        return first


def cpu(pid: int) -> float:
    """CPU seconds that a process has used so far, all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def quantile(values: list[float], share: float) -> float:
    """The value below which `share` of the values lie, in milliseconds."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] * 1000


async def alternate(direct: int, relay: int, rounds: int, path: bytes, *, stream: bool) -> dict[str, float]:
    """Added latency at one connection: direct and relayed requests in turn, so that both see the same machine."""
    pair = [await Connection.open(direct, path), await Connection.open(relay, path)]
    times: list[list[float]] = [[], []]
    for _ in range(rounds):
        for connection, seconds in zip(pair, times, strict=True):
            seconds.append(await (connection.stream() if stream else connection.plain()))
    skip = rounds // 10
    base, via = times[0][skip:], times[1][skip:]
    return {
        "p50": quantile(via, 0.5) - quantile(base, 0.5),
        "p99": quantile(via, 0.99) - quantile(base, 0.99),
    }


async def load(port: int, seconds: float, path: bytes, connections: int, *, stream: bool) -> list[float]:
    """Seconds of each request of a closed loop."""
    stop = time.perf_counter() + seconds
    times: list[float] = []

    async def one() -> None:
        connection = await Connection.open(port, path)
        while time.perf_counter() < stop:
            times.append(await (connection.stream() if stream else connection.plain()))

    await asyncio.gather(*(one() for _ in range(connections)))
    return times


async def measure(name: str, direct: int, port: int, pid: int, seconds: float) -> dict[str, Any]:
    """One client's row of the table."""
    await load(port, 1, b"/v1/chat/completions", 8, stream=False)
    one = await alternate(direct, port, int(seconds * 1000), b"/v1/chat/completions", stream=False)
    before, start = cpu(pid), time.perf_counter()
    times = await load(port, seconds, b"/v1/chat/completions", 32, stream=False)
    wall, used = time.perf_counter() - start, cpu(pid) - before
    before = cpu(pid)
    streams = await load(port, seconds, b"/stream", 16, stream=True)
    chunk = (cpu(pid) - before) / (len(streams) * EVENTS)
    first = await alternate(direct, port, 6, b"/stream", stream=True)
    return {
        "client": name,
        "added_p50_ms": round(one["p50"], 3),
        "added_p99_ms": round(one["p99"], 3),
        "requests_s": round(len(times) / wall),
        "cpu_request_us": round(used / len(times) * 1e6),
        "p99_at_32_ms": round(quantile(times, 0.99), 1),
        "cpu_chunk_us": round(chunk * 1e6, 1),
        "first_chunk_ms": round(first["p50"], 2),
    }


async def compare(seconds: float) -> list[dict[str, Any]]:
    """Start all parts, measure each client in turn, end all parts."""
    me = [sys.executable, __file__]
    parts = [subprocess.Popen([*me, "--role", "upstream", "--port", "9350"])]
    rows = []
    try:
        for port, name in enumerate(RELAYS, 9351):
            relay = subprocess.Popen([*me, "--role", name, "--port", str(port)])
            parts.append(relay)
            await until_open(port)
            await until_open(9350)
            rows.append(await measure(name, 9350, port, relay.pid, seconds))
            relay.terminate()
            relay.wait()
    finally:
        for part in parts:
            part.terminate()
            part.wait()
    return rows


async def until_open(port: int) -> None:
    """Wait for a port to listen."""
    for _ in range(200):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise TimeoutError(f"nothing listens on {port}")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--role", choices=["upstream", *RELAYS], help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, default=0, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.role == "upstream":
        uvloop.run(serve_upstream(given.port))
    elif given.role:
        serve_relay(given.role, given.port, "http://127.0.0.1:9350")
    else:
        rows = uvloop.run(compare(given.seconds))
        print(" ".join(f"{name:>15}" for name in rows[0]))
        for row in rows:
            print(" ".join(f"{value:>15}" for value in row.values()))
        print(json.dumps(rows))


if __name__ == "__main__":
    main()
