"""One call: chunk by chunk, broken off on either side, recorded before its last byte."""

import asyncio
import json
import os
from pathlib import Path
from typing import Literal

import pytest

from kagura.config import CaptureSettings, ProviderSettings, ProxySettings
from kagura.errors import JournalError
from kagura.journal import Ended, JournalWriter, Record
from kagura.model import Outcome
from kagura.proxy.inbound import Protocol
from tests.proxy.stage import Visit, answers, get, ok, post, running, split
from tests.proxy.test_include_usage import DONE, FIRST


async def test_each_chunk_comes_when_the_provider_sends_it(tmp_path: Path) -> None:
    go_on = asyncio.Event()
    pieces = (FIRST, FIRST[:60], FIRST[60:], DONE)

    async def script(visit: Visit) -> None:
        await visit.read_body()
        await visit.say(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        for piece in pieces:
            await visit.chunk(piece)
            await go_on.wait()
            go_on.clear()
        await visit.say(b"0\r\n\r\n")

    async with running(tmp_path) as stage, asyncio.timeout(30):
        stage.upstream.script = script
        reader, writer = await stage.connect()
        writer.write(post("/openai/v1/chat/completions", b'{"stream":true}'))
        await reader.readuntil(b"\r\n\r\n")
        for piece in pieces:
            assert await reader.readuntil(piece + b"\r\n")
            go_on.set()
        writer.close()


async def test_an_answer_before_the_request_has_ended_is_relayed(tmp_path: Path) -> None:
    async def script(visit: Visit) -> None:
        await visit.say(ok(b"too large", status=b"413 Too Large"))

    async with running(tmp_path) as stage, asyncio.timeout(30):
        stage.upstream.script = script
        reader, writer = await stage.connect()
        writer.write(b"POST /openai/v1/files HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nbeginning")
        assert (await reader.readuntil(b"too large")).startswith(b"HTTP/1.1 413")
        writer.close()


async def test_expect_continue_is_answered(tmp_path: Path) -> None:
    async with running(tmp_path) as stage, asyncio.timeout(30):
        reader, writer = await stage.connect()
        writer.write(b"POST /openai/v1/files HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100")
        writer.write(b"hi")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        assert stage.upstream.visits[0].body == b"hi"
        writer.close()


async def test_a_client_that_goes_away_ends_the_providers_call(tmp_path: Path) -> None:
    async def forever(visit: Visit) -> None:
        await visit.read_body()
        await visit.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")
        await visit.reader.readexactly(1)

    async with running(tmp_path) as stage, asyncio.timeout(30):
        stage.upstream.script = forever
        reader, writer = await stage.connect()
        writer.write(post("/openai/v1/chat/completions", b"{}"))
        await reader.readuntil(b"hello")
        writer.close()
        await stage.upstream.gone.wait()
        (end,) = await stage.ended()
    assert (end.outcome, end.status, end.response_body.data) == (Outcome.CLIENT_CLOSED, 200, b"hello")
    assert end.first_byte_at
    assert end.last_byte_at
    assert end.first_byte_at <= end.last_byte_at <= end.done_at


@pytest.mark.parametrize("http", [Protocol, "httptools"])
@pytest.mark.parametrize("size", [2, 400_000])
@pytest.mark.parametrize("path", ["/openai/v1/chat/completions", "/anthropic/v1/messages"])
async def test_a_client_that_goes_away_before_the_answer_ends_the_call_too(
    tmp_path: Path, path: str, size: int, http: type[Protocol] | Literal["httptools"]
) -> None:
    async def silent(visit: Visit) -> None:
        await visit.read_body()
        await visit.reader.readexactly(1)

    async with running(tmp_path, http=http) as stage, asyncio.timeout(30):
        stage.upstream.script = silent
        _, writer = await stage.connect()
        writer.write(post(path, b"{}".center(size)))
        while not (stage.upstream.visits and len(stage.upstream.visits[0].body) == size):
            await asyncio.sleep(0.01)
        writer.close()
        await stage.upstream.gone.wait()
        (end,) = await stage.ended()
    assert (end.outcome, end.status) == (Outcome.CLIENT_CLOSED, None)


async def test_a_slow_client_slows_the_provider(tmp_path: Path) -> None:
    sent = 0

    async def flood(visit: Visit) -> None:
        nonlocal sent
        await visit.say(b"HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n")
        for _ in range(1000):
            await visit.say(b"x" * 100_000)
            sent += 100_000

    async with running(tmp_path) as stage, asyncio.timeout(30):
        stage.upstream.script = flood
        reader, writer = await stage.connect()
        writer.write(get("/openai/v1/x"))
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.5)
        assert sent < 50_000_000
        while await reader.read(1 << 20):
            pass
        assert sent == 100_000_000
        (end,) = await stage.ended()
        writer.close()
    assert (end.outcome, end.response_body.size) == (Outcome.COMPLETED, 100_000_000)


async def test_captured_copies_are_bounded(tmp_path: Path) -> None:
    async with running(tmp_path, capture=CaptureSettings(max_body=10)) as stage:
        stage.upstream.script = answers(ok(b"a" * 30))
        await stage.ask(post("/v1/chat/completions", b"b" * 20))
        start, end = stage.pair()
    assert start.request_body is not None
    assert (start.request_body.data, start.request_body.size) == (b"b" * 10, 20)
    assert (end.response_body.data, end.response_body.size) == (b"a" * 10, 30)


async def test_a_broken_answer_breaks_the_clients_connection_too(tmp_path: Path) -> None:
    async def broken(visit: Visit) -> None:
        await visit.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")
        visit.writer.close()

    async with running(tmp_path) as stage:
        stage.upstream.script = broken
        answer = await stage.ask(get("/openai/v1/x"))
        (end,) = await stage.ended()
    assert answer.endswith(b"5\r\nhello\r\n")
    assert (end.outcome, end.status, end.response_body.data) == (Outcome.UPSTREAM_ERROR, 200, b"hello")
    assert end.error
    assert end.error.startswith("upstream_disconnected")


@pytest.mark.parametrize(
    ("path", "where"),
    [
        ("/v1/chat/completions", ("error", "code")),
        ("/v1/messages", ("error", "code")),
        ("/v1beta/models/g:generateContent", None),
    ],
)
async def test_an_unreachable_provider_is_told_in_the_clients_dialect(
    tmp_path: Path, path: str, where: tuple[str, str] | None
) -> None:
    nowhere = {name: ProviderSettings(base_url="http://127.0.0.1:9") for name in ("openai", "anthropic", "gemini")}
    async with running(tmp_path, providers=nowhere) as stage:
        line, headers, body = split(await stage.ask(post(path, b"{}")))
        start, end = stage.pair()
    answer = json.loads(body)
    assert line == "HTTP/1.1 502 Bad Gateway"
    assert headers["x-kagura-call-id"] == start.id
    assert start.provider in answer["error"]["message"]
    if where:
        assert answer[where[0]][where[1]] == "upstream_unreachable"
    else:
        assert answer["error"]["details"][0]["reason"] == "upstream_unreachable"
    assert (end.outcome, end.status) == (Outcome.UPSTREAM_ERROR, None)


async def test_a_silent_provider_times_out_where_a_limit_is_set(tmp_path: Path) -> None:
    async def silent(visit: Visit) -> None:
        await visit.reader.readexactly(1)

    async with running(tmp_path, proxy=ProxySettings(read_timeout=0.2)) as stage:
        stage.upstream.script = silent
        line, _, body = split(await stage.ask(get("/openai/v1/x")))
    assert line == "HTTP/1.1 504 Gateway Timeout"
    assert json.loads(body)["error"]["code"] == "upstream_timeout"


@pytest.mark.parametrize(
    "garbage",
    [
        b"not http at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nbad header\x01: x\r\n\r\n",
        b"HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n\x81\x00",
    ],
)
async def test_broken_http_is_the_providers_failure(tmp_path: Path, garbage: bytes) -> None:
    async with running(tmp_path) as stage:
        stage.upstream.script = answers(garbage)
        line, _, body = split(await stage.ask(get("/openai/v1/x")))
    assert line == "HTTP/1.1 502 Bad Gateway"
    assert json.loads(body)["error"]["code"] == "upstream_protocol_error"


async def test_the_journal_tells_the_call(tmp_path: Path) -> None:
    headers = ("X-Kagura-Execution-Id: run-9", "X-Kagura-Tags: a=1", "User-Agent: test/1", "X-Odd: no")
    async with running(tmp_path) as stage:
        stage.upstream.script = answers(
            ok(b'{"id":1}', b"Content-Type: application/json", b"Set-Cookie: s=1", b"x-request-id: r")
        )
        _, shown, _ = split(await stage.ask(post("/agent/bot/v1/chat/completions?a=b", b'{"m":1}', *headers)))
        start, end = stage.pair()
    assert (shown["x-kagura-call-id"], shown["x-kagura-execution-id"]) == (start.id, "run-9")
    assert (start.provider, start.method, start.target) == ("openai", "POST", "/v1/chat/completions?a=b")
    assert (start.labels.execution_id, start.labels.agent, start.labels.tags) == ("run-9", "bot", {"a": "1"})
    assert ("user-agent", "test/1") in start.request_headers
    assert "x-odd" not in dict(start.request_headers)
    assert end.response_headers == [
        ("content-type", "application/json"),
        ("x-request-id", "r"),
        ("content-length", "8"),
    ]
    assert (end.outcome, end.status, end.response_body.data) == (Outcome.COMPLETED, 200, b'{"id":1}')
    assert end.sent_at
    assert end.first_byte_at
    assert end.last_byte_at
    assert start.received_at <= end.sent_at <= end.first_byte_at <= end.last_byte_at <= end.done_at


async def test_no_secret_enters_the_journal(tmp_path: Path) -> None:
    secret = "s3cr3t-" + os.urandom(8).hex()
    lines = [
        f"{name}: {secret}"
        for name in ("Authorization", "x-api-key", "api-key", "x-goog-api-key", "Cookie", "X-Custom")
    ]
    async with running(tmp_path) as stage:
        stage.upstream.script = answers(ok(b"{}", f"Set-Cookie: {secret}".encode(), f"x-auth-token: {secret}".encode()))
        await stage.ask(post(f"/v1beta/models/g:generateContent?key={secret}&sig={secret}", b"{}", *lines))
        assert stage.upstream.visits[0].request_line.count(secret) == 2
        assert len(stage.records()) == 2
        assert secret.encode() not in stage.journal_bytes()


class _FullDisk(JournalWriter):
    def append(self, record: Record) -> None:
        raise JournalError("no space left")


async def test_a_call_goes_on_when_the_journal_cannot(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with running(tmp_path, journal=_FullDisk(tmp_path)) as stage:
        for _ in range(3):
            line, _, body = split(await stage.ask(get("/openai/v1/x")))
            assert (line, body) == ("HTTP/1.1 200 OK", b"{}")
        health = json.loads(split(await stage.ask(get("/kagura/health")))[2])
    assert health["status"] == "degraded"
    assert health["journal"] == {
        "failures": 6,
        "calls_waiting": 3,
        "calls_unrecorded": 0,
        "last_failure": "no space left",
    }
    assert [line for line in caplog.messages if "not recorded" in line] == [
        "calls go on but are not recorded; 0 wait in memory: no space left",
        "3 calls are not recorded: the journal could not be written to the end",
    ]


async def test_the_end_is_in_the_journal_before_the_client_has_the_last_byte(tmp_path: Path) -> None:
    class Watched(JournalWriter):
        ends = 0

        def append(self, record: Record) -> None:
            self.ends += isinstance(record, Ended)
            super().append(record)

    journal = Watched(tmp_path / "journal")
    async with running(tmp_path, journal=journal) as stage, asyncio.timeout(30):
        reader, writer = await stage.connect()
        for count in range(1, 4):
            writer.write(b"GET /openai/v1/x HTTP/1.1\r\nHost: x\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n{}")
            assert journal.ends == count
        writer.close()
