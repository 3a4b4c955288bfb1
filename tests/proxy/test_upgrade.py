"""Websockets through the proxy: handshake, frames, ends."""

import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from kagura.config import ProviderSettings
from kagura.errors import JournalError
from kagura.journal import Ended, JournalWriter, Record, Started
from kagura.model import Outcome
from kagura.proxy.frames import close_frame
from tests.proxy.sockets import CREATE, KEY, accepted, accepts, answer, ask_for_websocket, open_websocket, text
from tests.proxy.stage import Stage, Visit, answers, ok, running, split, streamed


async def silent(visit: Visit) -> None:
    """Read until the other side has had enough."""
    while piece := await visit.reader.read(65_536):
        visit.body += piece
    raise ConnectionError


async def replies(visit: Visit) -> None:
    """Say an answer once something was asked."""
    await visit.reader.read(65_536)
    for event in answer():
        await visit.say(text(event))
    await silent(visit)


# --- the handshake ----------------------------------------------------------------------------------------------------


async def test_the_handshake_is_the_providers(tmp_path: Path) -> None:
    async with running(tmp_path) as stage:
        stage.upstream.script = accepts(silent, b"Sec-WebSocket-Protocol: realtime", b"X-Request-Id: r1")
        lines = ("Authorization: Bearer k", "OpenAI-Beta: realtime=v1", "X-Kagura-Execution-Id: run 1")
        path = "/agent/bob/openai/v1/realtime?model=gpt%2Drealtime"
        _, writer, head = await open_websocket(stage, path, *lines, "Sec-WebSocket-Protocol: realtime, other")
        writer.close()
        (visit,) = stage.upstream.visits
        assert visit.request_line == "GET /v1/realtime?model=gpt%2Drealtime HTTP/1.1"
        assert visit.values("host") == [f"127.0.0.1:{stage.upstream.port}"]
        for name, value in {
            "connection": "Upgrade",
            "upgrade": "websocket",
            "authorization": "Bearer k",
            "openai-beta": "realtime=v1",
            "sec-websocket-key": KEY,
            "sec-websocket-version": "13",
            "sec-websocket-protocol": "realtime, other",
        }.items():
            assert visit.values(name) == [value]
        assert visit.values("x-kagura-execution-id") == []
    _, headers, _ = split(head)
    assert headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert headers["sec-websocket-protocol"] == "realtime"
    assert (headers["x-request-id"], headers["x-kagura-execution-id"]) == ("r1", "run 1")


async def test_the_proxys_own_key_takes_the_place_of_the_clients(tmp_path: Path) -> None:
    environ = {"OUR_KEY": "ours"}
    row = ProviderSettings(api_key_env="OUR_KEY")
    async with running(tmp_path, environ=environ) as plain:
        url = plain.upstream.url
        async with running(tmp_path / "2", environ=environ, providers={"openai": _with_url(row, url)}) as stage:
            plain.upstream.script = accepts(silent)
            _, writer, _ = await open_websocket(stage, "/v1/responses", "Authorization: Bearer theirs")
            writer.close()
            assert plain.upstream.visits[0].values("authorization") == ["Bearer ours"]
            stranger = ask_for_websocket("/v1/responses", "Origin: https://evil.example")
            line, _, _ = split(await stage.ask(stranger))
            assert line == "HTTP/1.1 403 Forbidden"
            assert len(plain.upstream.visits) == 1


def _with_url(row: ProviderSettings, url: str) -> ProviderSettings:
    return ProviderSettings(base_url=url, api_key_env=row.api_key_env)


@pytest.mark.parametrize("status", [b"401 Unauthorized", b"403 Forbidden", b"404 Not Found", b"426 Upgrade Required"])
async def test_a_refusal_is_the_providers(tmp_path: Path, status: bytes) -> None:
    body = b'{"error":{"message":"no such luck","code":"nope"}}'
    async with running(tmp_path) as stage:
        stage.upstream.script = answers(ok(body, b"content-type: application/json", b"x-request-id: r", status=status))
        line, headers, got = split(await stage.ask(ask_for_websocket()))
        assert (line, got) == (f"HTTP/1.1 {status.decode()}", body)
        assert (headers["x-request-id"], headers["content-length"]) == ("r", str(len(body)))
        start, end = stage.pair()
    assert (start.method, start.target) == ("GET", "/v1/responses")
    assert (end.status, end.outcome, end.response_body.data) == (int(status[:3]), Outcome.COMPLETED, body)
    assert headers["x-kagura-call-id"] == start.id


async def test_a_refusal_of_unknown_length(tmp_path: Path) -> None:
    async with running(tmp_path) as stage:
        stage.upstream.script = answers(streamed(b"no ", b"way", lines=b"").replace(b"200 OK", b"503 Busy"))
        line, _, got = split(await stage.ask(ask_for_websocket()))
    assert (line, got) == ("HTTP/1.1 503 Service Unavailable", b"no way")


async def test_where_there_is_no_refusal_to_be_had_it_is_426(tmp_path: Path) -> None:
    nobody = {"openai": ProviderSettings(base_url="http://127.0.0.1:9")}
    async with running(tmp_path, providers=nobody) as stage:
        line, headers, body = split(await stage.ask(ask_for_websocket()))
        start, end = stage.pair()
    assert line == "HTTP/1.1 426 Upgrade Required"
    assert (headers["upgrade"], headers["connection"]) == ("HTTP/1.1", "close")
    assert json.loads(body)["error"]["code"] == "upstream_unreachable"
    assert (start.id, end.outcome, end.status) == (headers["x-kagura-call-id"], Outcome.UPSTREAM_ERROR, None)


@pytest.mark.parametrize("said", [b"HTTP/1.1 101 Switching Protocols\r\n\r\n", b"nonsense\r\n\r\n", b""])
async def test_a_provider_that_switches_to_nothing_is_none(tmp_path: Path, said: bytes) -> None:
    async def script(visit: Visit) -> None:
        await visit.say(said)
        raise ConnectionError

    async with running(tmp_path) as stage:
        stage.upstream.script = script
        line, _, _ = split(await stage.ask(ask_for_websocket()))
    assert line == "HTTP/1.1 426 Upgrade Required"


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/v1/chat/completions", "GET"),
        ("/v1/realtime/sessions", "GET"),
        ("/v1/messages", "GET"),
        ("/nobody/v1/responses", "GET"),
        ("/v1/responses", "POST"),
    ],
)
async def test_other_addresses_do_not_speak_over_websockets(tmp_path: Path, path: str, method: str) -> None:
    async with running(tmp_path) as stage:
        line, _, body = split(await stage.ask(ask_for_websocket(path, method=method)))
        assert (line, stage.upstream.visits, stage.records()) == ("HTTP/1.1 426 Upgrade Required", [], [])
    assert json.loads(body)["error"]["code"] == "websocket_unsupported"


async def test_plain_http_goes_on_when_a_websocket_was_asked_for_in_vain(tmp_path: Path) -> None:
    async with running(tmp_path) as stage:
        await stage.ask(ask_for_websocket("/v1/x"))
        health = ask_for_websocket("/kagura/health")
        line, _, body = split(await stage.ask(health))
        assert (line, json.loads(body)["status"]) == ("HTTP/1.1 200 OK", "ok")


# --- frames -----------------------------------------------------------------------------------------------------------

OPCODES = st.sampled_from([Opcode.TEXT, Opcode.BINARY, Opcode.CONT, Opcode.PING, Opcode.PONG])
FRAMES = st.lists(st.tuples(OPCODES, st.one_of(st.integers(0, 300), st.just(70_000)), st.booleans()), max_size=8)


def frames(drawn: list[tuple[Opcode, int, bool]], *, mask: bool) -> bytes:
    """Opcodes, sizes and final bits on the wire; control frames are small and whole."""
    control = (Opcode.PING, Opcode.PONG)
    made = [(opcode, min(size, 125), True) if opcode in control else (opcode, size, fin) for opcode, size, fin in drawn]
    return b"".join(
        Frame(opcode, (b'{"type":"response.create"}' * size)[:size], fin).serialize(mask=mask)
        for opcode, size, fin in made
    ) + close_frame(4321, "done", mask=mask)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(from_client=FRAMES, from_provider=FRAMES, cut=st.integers(1, 20_000))
async def test_frames_pass_untouched_in_both_directions(
    tmp_path: Path,
    from_client: list[tuple[Opcode, int, bool]],
    from_provider: list[tuple[Opcode, int, bool]],
    cut: int,
) -> None:
    up, down = frames(from_client, mask=True), frames(from_provider, mask=False)
    got: list[bytes] = []

    async def script(visit: Visit) -> None:
        for at in range(0, len(down), cut):
            await visit.say(down[at : at + cut])
        got.append(await visit.reader.readexactly(len(up)))
        raise ConnectionError

    async with running(tmp_path) as stage:
        stage.upstream.script = accepts(script, b"Sec-WebSocket-Extensions: x-unheard-of")
        reader, writer, _ = await open_websocket(stage)
        for at in range(0, len(up), cut):
            writer.write(up[at : at + cut])
            await writer.drain()
        async with asyncio.timeout(30):
            assert await reader.read() == down
        writer.close()
    assert got == [up]


async def test_nonsense_passes_too(tmp_path: Path) -> None:
    broken = b"\xc1\x0ano deflate"

    async def script(visit: Visit) -> None:
        await visit.say(broken + b"\xff" * 100)
        await silent(visit)

    async with running(tmp_path) as stage:
        stage.upstream.script = accepts(script)
        reader, writer, _ = await open_websocket(stage)
        async with asyncio.timeout(30):
            assert await reader.readexactly(len(broken) + 100) == broken + b"\xff" * 100
        writer.write(b"\x00" * 50)
        writer.close()
        await _gone(stage)
        assert stage.upstream.visits[0].body == b"\x00" * 50


async def test_what_the_provider_says_with_its_101_arrives(tmp_path: Path) -> None:
    hello = text({"type": "session.created", "session": {}})

    async def script(visit: Visit) -> None:
        await visit.say(accepted(visit.values("sec-websocket-key")[0]) + hello)
        await silent(visit)

    async with running(tmp_path) as stage:
        stage.upstream.script = script
        reader, writer, _ = await open_websocket(stage, "/v1/realtime")
        async with asyncio.timeout(30):
            assert await reader.readexactly(len(hello)) == hello
        writer.close()


async def test_a_slow_side_makes_the_other_wait(tmp_path: Path) -> None:
    size = 48 << 20
    sent = 0

    async def script(visit: Visit) -> None:
        nonlocal sent
        piece = Frame(Opcode.BINARY, b"x" * 1_048_570).serialize(mask=False)
        while sent < size:
            await visit.say(piece)
            sent += len(piece)
        await silent(visit)

    async with running(tmp_path) as stage:
        stage.upstream.script = accepts(script)
        reader, writer, _ = await open_websocket(stage)
        async with asyncio.timeout(30):
            waiting = -1
            while waiting != sent:
                waiting = sent
                await asyncio.sleep(0.2)
            assert sent < size // 2
            left = size
            while left > 0:
                left -= len(await reader.read(1 << 20))
        assert sent >= size
        writer.close()


# --- records ----------------------------------------------------------------------------------------------------------


async def test_an_answer_is_in_the_journal_before_the_client_has_it(tmp_path: Path) -> None:
    expected = b"".join(text(event) for event in answer())
    async with running(tmp_path) as stage:
        stage.upstream.script = accepts(replies)
        reader, writer, _ = await open_websocket(stage, "/run/r1/v1/responses", "session-id: 01a2-0322")
        writer.write(text(CREATE, mask=True))
        async with asyncio.timeout(30):
            await reader.readexactly(len(expected))
        start, end = stage.pair()
        writer.close()
        await _gone(stage)
        assert len(stage.records()) == 2
    assert (start.method, start.labels.execution_id) == ("WEBSOCKET", "r1")
    assert ("session-id", "01a2-0322") in start.request_headers
    assert start.request_headers[-1][0] == "x-kagura-connection-session-id"
    assert (end.outcome, end.status) == (Outcome.COMPLETED, 101)


async def test_calls_of_one_connection_share_a_session_and_no_two_connections_do(tmp_path: Path) -> None:
    async with running(tmp_path) as stage:
        stage.upstream.script = accepts(replies)
        for _ in range(2):
            reader, writer, _ = await open_websocket(stage)
            writer.write(text(CREATE, mask=True) * 2)
            await reader.readexactly(100)
            writer.close()
            await _gone(stage)
        await stage.ended(4)
        sessions = [record.request_headers[-1] for record in stage.records() if isinstance(record, Started)]
    assert sessions[0] == sessions[1] != sessions[2] == sessions[3]


async def test_the_client_leaves_in_the_middle(tmp_path: Path) -> None:
    async with running(tmp_path) as stage:
        stage.upstream.script = accepts(silent)
        _, writer, _ = await open_websocket(stage)
        writer.write(text(CREATE, mask=True))
        async with asyncio.timeout(30):
            while not stage.records():
                await asyncio.sleep(0.01)
        writer.transport.abort()
        await _gone(stage)
        (end,) = await stage.ended()
    assert (end.outcome, end.error) == (Outcome.CLIENT_CLOSED, None)


@pytest.mark.parametrize(
    ("goodbye", "error"),
    [
        (close_frame(1011, "overloaded", mask=False), "1011 (internal error) overloaded"),
        (b"", "the connection ended without goodbye"),
    ],
)
async def test_the_provider_leaves_in_the_middle(tmp_path: Path, goodbye: bytes, error: str) -> None:
    async def script(visit: Visit) -> None:
        await visit.reader.read(65_536)
        await visit.say(text(answer()[0]) + goodbye)
        raise ConnectionError

    async with running(tmp_path) as stage:
        stage.upstream.script = accepts(script)
        reader, writer, _ = await open_websocket(stage)
        writer.write(text(CREATE, mask=True))
        async with asyncio.timeout(30):
            assert await reader.read() == text(answer()[0]) + goodbye
        writer.close()
        (end,) = await stage.ended()
    assert (end.outcome, end.error) == (Outcome.UPSTREAM_ERROR, f"upstream_disconnected: {error}")
    assert json.loads(end.response_body.data[6:]) == answer()[0]


@pytest.mark.parametrize(
    ("said", "outcome", "error"),
    [
        (close_frame(1000, "", mask=False), Outcome.COMPLETED, None),
        (text({"type": "error", "error": {"message": "no"}}), Outcome.UPSTREAM_ERROR, '"message": "no"'),
        (close_frame(3000, "bad key", mask=False), Outcome.UPSTREAM_ERROR, "3000 (registered) bad key"),
    ],
)
async def test_a_connection_without_a_call_is_recorded_itself(
    tmp_path: Path, said: bytes, outcome: Outcome, error: str | None
) -> None:
    async with running(tmp_path) as stage:

        async def leave(visit: Visit) -> None:
            await visit.say(said)
            raise ConnectionError

        stage.upstream.script = accepts(leave)
        reader, writer, _ = await open_websocket(stage, "/v1/realtime?model=m")
        async with asyncio.timeout(30):
            assert await reader.read() == said
        writer.close()
        await stage.ended()
        start, end = stage.pair()
    assert (start.method, start.target, end.status) == ("GET", "/v1/realtime?model=m", 101)
    assert end.outcome == outcome
    assert (error in (end.error or "")) if error else end.error is None


class _FullDisk(JournalWriter):
    def append(self, record: Record) -> None:
        raise JournalError("no space left")


async def test_frames_pass_when_the_journal_cannot_be_written(tmp_path: Path) -> None:
    expected = b"".join(text(event) for event in answer())
    async with running(tmp_path, journal=_FullDisk(tmp_path)) as stage:
        stage.upstream.script = accepts(replies)
        reader, writer, _ = await open_websocket(stage)
        writer.write(text(CREATE, mask=True))
        async with asyncio.timeout(30):
            assert await reader.readexactly(len(expected)) == expected
        writer.close()


async def _gone(stage: Stage) -> None:
    """Wait until the provider's connection was closed."""
    async with asyncio.timeout(30):
        await stage.upstream.gone.wait()
    stage.upstream.gone.clear()


# --- the server stops -------------------------------------------------------------------------------------------------


async def test_an_idle_websocket_is_told_that_the_proxy_stops(tmp_path: Path) -> None:
    async with running(tmp_path) as stage:
        stage.upstream.script = accepts(silent)
        reader, writer, _ = await open_websocket(stage)
        stage.stop()
        async with asyncio.timeout(30):
            assert await reader.read() == close_frame(1001, "the proxy stops", mask=False)
        writer.close()
        await _gone(stage)
        assert stage.upstream.visits[0].body[:2] == b"\x88\x91"
        (end,) = await stage.ended()
    assert end.outcome == Outcome.COMPLETED


async def test_an_answer_on_its_way_ends_before_the_proxy_stops(tmp_path: Path) -> None:
    go_on = asyncio.Event()

    async def script(visit: Visit) -> None:
        await visit.reader.read(65_536)
        await visit.say(text(answer()[0]))
        await go_on.wait()
        await visit.say(text(answer()[-1]))
        await silent(visit)

    async with running(tmp_path) as stage:
        stage.upstream.script = accepts(script)
        reader, writer, _ = await open_websocket(stage)
        writer.write(text(CREATE, mask=True))
        async with asyncio.timeout(30):
            await reader.readexactly(len(text(answer()[0])))
            stage.stop()
            await asyncio.sleep(0.3)
            go_on.set()
            assert await reader.read() == text(answer()[-1]) + close_frame(1001, "the proxy stops", mask=False)
        writer.close()
        (end,) = await stage.ended()
    assert isinstance(end, Ended)
    assert end.outcome == Outcome.COMPLETED
