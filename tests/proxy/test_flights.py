"""What the proxy tells of calls that go on."""

import asyncio
import json
from pathlib import Path

from kagura.proxy.flights import EventCount
from tests.proxy.stage import Stage, Visit, get, post, running, split

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


async def in_flight(stage: Stage) -> dict[str, dict[str, int | str | None]]:
    line, _, body = split(await stage.ask(get("/kagura/inflight")))
    assert line == "HTTP/1.1 200 OK"
    found: dict[str, dict[str, int | str | None]] = json.loads(body)
    return found


async def test_a_call_is_told_of_from_its_start_to_its_end(tmp_path: Path) -> None:
    may_answer, may_end = asyncio.Event(), asyncio.Event()

    async def script(visit: Visit) -> None:
        await visit.read_body()
        await may_answer.wait()
        await visit.say(HEAD)
        await visit.chunk(b"data: one\n\n")
        await visit.chunk(b"data: two\n\ndata: three\n\n")
        await may_end.wait()
        await visit.say(b"0\r\n\r\n")

    async with running(tmp_path) as stage:
        stage.upstream.script = script
        reader, writer = await stage.connect()
        writer.write(post("/openai/v1/chat/completions", b"{}"))
        while not stage.upstream.visits:
            await asyncio.sleep(0.005)
        ((id, waiting),) = (await in_flight(stage)).items()
        may_answer.set()
        await reader.readuntil(b"three")
        streaming = (await in_flight(stage))[id]
        may_end.set()
        await reader.read()
        writer.close()
        assert await in_flight(stage) == {}
        start, end = stage.pair()
    assert (waiting["provider"], waiting["first_byte_at"], waiting["bytes"]) == ("openai", None, 0)
    assert (streaming["events"], streaming["bytes"], streaming["status"]) == (3, 35, 200)
    assert (id, streaming["first_byte_at"]) == (start.id, end.first_byte_at)


async def test_other_hosts_pages_are_not_told(tmp_path: Path) -> None:
    async with running(tmp_path) as stage:
        line, _, _ = split(await stage.ask(get("/kagura/inflight", host="evil.example")))
    assert line == "HTTP/1.1 403 Forbidden"


def test_events_are_counted_once_and_not_where_they_are_only_spoken_of() -> None:
    count, pieces = EventCount(), [b"data: a\n\n", b'data: "data: x"\n\ndata: b\n\n']
    assert count.of(pieces) == 3
    pieces.append(b"event: end\ndata: c\n\n")
    assert count.of(pieces) == 4
