"""Clients that send heads without end, or connections without number, or what is no HTTP."""

import asyncio
import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from kagura.proxy.inbound import MAX_HEAD, Protocol
from tests.proxy.stage import Stage, Visit, answers, get, ok, post, running, split

BEGINNING = b"GET /v1/models HTTP/1.1\r\nHost: x\r\n"


async def told(stage: Stage, request: bytes) -> tuple[str, str]:
    """The status line and the code of the proxy's own error."""
    status, _, body = split(await stage.ask(request))
    return status, json.loads(body)["error"]["code"]


@pytest.mark.parametrize("more", [b"x-long: " + b"y" * MAX_HEAD, b"x: y\r\n" * (MAX_HEAD // 6 + 1)])
async def test_a_head_without_end_is_refused(tmp_path: Path, more: bytes) -> None:
    async with running(tmp_path) as stage:
        assert await told(stage, BEGINNING + more) == (
            "HTTP/1.1 431 Request Header Fields Too Large",
            "headers_too_large",
        )
        assert stage.upstream.visits == []


async def test_a_long_head_that_ends_passes(tmp_path: Path) -> None:
    long = "y" * (MAX_HEAD - 1000)
    async with running(tmp_path) as stage:
        for _ in range(2):
            assert (await stage.ask(get("/v1/models", f"x-long: {long}"))).startswith(b"HTTP/1.1 200")
        assert stage.upstream.visits[0].values("x-long") == [long]


async def test_a_head_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    async with running(tmp_path, timeout_keep_alive=0.2) as stage:
        assert await told(stage, BEGINNING) == ("HTTP/1.1 408 Request Timeout", "request_timeout")
        assert await stage.ask(b"") == b""


async def test_a_second_head_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    async with running(tmp_path, timeout_keep_alive=0.2) as stage:
        first = BEGINNING + b"\r\n"
        reader, writer = await stage.connect()
        writer.write(first)
        await reader.readuntil(b"\r\n\r\n{}")
        writer.write(BEGINNING)
        assert (await asyncio.wait_for(reader.read(), 5)).startswith(b"HTTP/1.1 408 ")
        writer.close()


async def test_an_answer_may_take_longer_than_a_head(tmp_path: Path) -> None:
    async def slow(visit: Visit) -> None:
        await asyncio.sleep(0.5)
        await visit.say(ok())

    async with running(tmp_path, timeout_keep_alive=0.2) as stage:
        stage.upstream.script = slow
        assert (await stage.ask(get("/v1/models"))).startswith(b"HTTP/1.1 200")


async def test_connections_beyond_the_limit_take_nothing_from_the_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Protocol, "_silent_until", 0.0)
    async with running(tmp_path, limit_concurrency=3) as stage:
        first, second = await stage.connect(), await stage.connect()
        await asyncio.sleep(0.05)
        for _ in range(2):
            assert await told(stage, b"") == ("HTTP/1.1 503 Service Unavailable", "too_many_connections")
        assert len([line for line in caplog.messages if "all 2 connections are taken" in line]) == 1
        for reader, writer in (first, second):
            writer.write(get("/v1/models"))
            assert (await reader.read()).startswith(b"HTTP/1.1 200")
            writer.close()
        await asyncio.sleep(0.05)
        assert (await stage.ask(get("/v1/models"))).startswith(b"HTTP/1.1 200")


async def test_trailers_are_no_headers(tmp_path: Path) -> None:
    body = b"2\r\n{}\r\n0\r\nX-Kagura-Agent: other\r\nX-Trailer: 1\r\n\r\n"
    request = (
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
    )
    async with running(tmp_path) as stage:
        assert (await stage.ask(request + body)).startswith(b"HTTP/1.1 200")
        assert stage.upstream.visits[0].values("x-trailer") == []
        assert stage.pair()[0].labels.agent is None


async def test_what_is_no_http_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path) as stage:
        for request in (b"\x16\x03\x01\x02\x00\x01", b"CONNECT a:443 HTTP/1.1\r\n\r\n", post("/v1/x", b"", "A : b")):
            assert await told(stage, request) == ("HTTP/1.1 400 Bad Request", "invalid_http")


async def test_no_refusal_stands_in_the_middle_of_an_answer(tmp_path: Path) -> None:
    async def half(visit: Visit) -> None:
        await visit.say(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345")
        await asyncio.sleep(0.2)

    async with running(tmp_path) as stage:
        stage.upstream.script = half
        reader, writer = await stage.connect()
        writer.write(BEGINNING + b"\r\n")
        await reader.readuntil(b"12345")
        writer.write(b"rubbish\r\n\r\n")
        assert await reader.read() == b""
        writer.close()


def test_a_process_asks_for_the_files_that_it_may_have() -> None:
    hard = 4096
    program = (
        "import resource\n"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, (256, {hard}))\n"
        "from kagura.proxy.inbound import connection_limit\n"
        "print(connection_limit(), resource.getrlimit(resource.RLIMIT_NOFILE)[0])\n"
    )
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < hard:
        pytest.skip("the test itself may not open that many files")
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert told.split() == [str((hard - 64) // 2), str(hard)]


async def test_answers_still_come_in_one_piece(tmp_path: Path) -> None:
    async with running(tmp_path) as stage:
        stage.upstream.script = answers(ok(b"12345"))
        reader, writer = await stage.connect()
        for _ in range(3):
            writer.write(BEGINNING + b"\r\n")
            assert (await reader.read(4096)).endswith(b"12345")
        writer.close()
