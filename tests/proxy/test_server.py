"""The proxy as a process: start, refusal, drain, memory."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from kagura.config import ProviderSettings
from kagura.errors import ProxyError
from kagura.providers import load
from kagura.proxy.server import base_url, listen, refuse_self
from tests.proxy.stage import Visit, get, ok

PROGRAM = """
import sys
from pathlib import Path
from kagura.config import ProviderSettings, ProxySettings, Settings
from kagura.proxy.server import serve
rows = {"openai": ProviderSettings(base_url=sys.argv[2])}
settings = Settings(home=Path(sys.argv[1]), providers=rows, proxy=ProxySettings(port=0))
serve(settings, ready=lambda url: print(url, flush=True))
print("done", flush=True)
"""


@asynccontextmanager
async def process(home: Path, script: object) -> AsyncIterator[tuple[subprocess.Popen[str], int]]:
    """A proxy process before an upstream of this process that runs `script`."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await script(Visit(await reader.readuntil(b"\r\n\r\n"), reader, writer))  # type: ignore[operator]
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    upstream = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    proxy = subprocess.Popen([sys.executable, "-c", PROGRAM, str(home), upstream], stdout=subprocess.PIPE, text=True)
    assert proxy.stdout is not None
    try:
        line = await asyncio.to_thread(proxy.stdout.readline)
        yield proxy, int(line.rpartition(":")[2])
    finally:
        proxy.kill()
        proxy.wait()
        proxy.stdout.close()
        server.close()
        await server.wait_closed()


def resident(pid: int) -> int:
    """Megabytes of memory that a process has now."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") >> 20


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_a_large_upload_passes_in_constant_memory(tmp_path: Path) -> None:
    size, piece = 256 << 20, b"x" * (1 << 20)
    received = peak = 0

    async def script(visit: Visit) -> None:
        nonlocal received
        while received < size:
            received += len(await visit.reader.read(1 << 20))
        await visit.say(ok(b"thanks"))

    async with process(tmp_path, script) as (proxy, port):
        before = resident(proxy.pid)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = (
            f"POST /openai/v1/files HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: {size}\r\n\r\n"
        )
        writer.write(head.encode())
        for _ in range(size // len(piece)):
            writer.write(piece)
            await writer.drain()
            peak = max(peak, resident(proxy.pid))
        assert (await reader.readuntil(b"thanks")).startswith(b"HTTP/1.1 200")
        writer.close()
    assert received == size
    assert peak - before < 16 + 24  # the captured copy and some slack


async def test_a_signal_lets_streams_end_and_returns(tmp_path: Path) -> None:
    go_on = asyncio.Event()

    async def script(visit: Visit) -> None:
        await visit.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        await go_on.wait()
        await visit.say(b"4\r\nlast\r\n0\r\n\r\n")

    async with process(tmp_path, script) as (proxy, port), asyncio.timeout(30):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(get("/openai/v1/x"))
        await reader.readuntil(b"first")
        proxy.send_signal(signal.SIGTERM)
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except ConnectionRefusedError:
                break
            await asyncio.sleep(0.05)
        assert proxy.poll() is None
        go_on.set()
        assert (await reader.read()).endswith(b"last\r\n0\r\n\r\n")
        writer.close()
        assert await asyncio.to_thread(proxy.wait) == 0
        assert proxy.stdout is not None
        assert proxy.stdout.read() == "done\n"


async def test_it_starts_quickly(tmp_path: Path) -> None:
    async def script(visit: Visit) -> None:
        await visit.say(ok())

    start = time.monotonic()
    async with process(tmp_path, script) as (proxy, _):
        assert time.monotonic() - start < 30
        if sys.platform == "linux":
            fields = Path(f"/proc/{proxy.pid}/stat").read_text().rpartition(")")[2].split()
            assert (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") < 2


def test_a_taken_port_is_told_with_a_remedy() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ProxyError, match="cannot listen") as raised:
            listen("127.0.0.1", port)
    assert "--port" in raised.value.remedy


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:4100"),
        ("127.0.0.1", "http://localhost:4100/v1"),
        ("0.0.0.0", "http://127.0.0.1:4100"),
        ("localhost", "http://[::1]:4100"),
        ("127.0.0.1", "http://0.0.0.0:4100"),
    ],
)
def test_a_provider_that_is_the_proxy_itself_is_refused(host: str, address: str) -> None:
    table = load({"mine": ProviderSettings(base_url=address).given()})
    with pytest.raises(ProxyError, match=r"providers\.mine\.base_url"):
        refuse_self(table, host, 4100)
    refuse_self(table, host, 4101)


def test_base_urls() -> None:
    assert base_url("0.0.0.0", 1) == "http://127.0.0.1:1"
    assert base_url("::", 1) == "http://[::1]:1"
    assert base_url("::1", 1) == "http://[::1]:1"
    assert base_url("box", 1) == "http://box:1"
