"""OpenAI's own client over websockets: real client, real server, and what the records mean."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from openai import AsyncOpenAI
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from kagura.config import ProviderSettings
from kagura.journal import Ended, Started
from kagura.journal.records import exchange
from kagura.model import Call
from kagura.providers import read
from tests.proxy.sockets import CREATE, answer, provider
from tests.proxy.stage import Stage, running

SESSION = {"type": "realtime", "model": "gpt-realtime"}
SPOKEN = {
    "total_tokens": 30,
    "input_tokens": 20,
    "output_tokens": 10,
    "input_token_details": {"text_tokens": 15, "audio_tokens": 5, "cached_tokens": 0},
    "output_token_details": {"text_tokens": 2, "audio_tokens": 8},
}


async def responses_api(websocket: ServerConnection) -> None:
    """Answers each request with the usual three events."""
    number = 0
    async for asked in websocket:
        assert json.loads(asked)["type"] == "response.create"
        number += 1
        for event in answer(f"resp_{number}"):
            await websocket.send(json.dumps({"sequence_number": 0} | event))


async def realtime_api(websocket: ServerConnection) -> None:
    """Opens a session, and answers when asked to."""
    await websocket.send(json.dumps({"type": "session.created", "event_id": "e", "session": SESSION}))
    async for asked in websocket:
        if json.loads(asked)["type"] == "response.create":
            created = {"id": "resp_1", "object": "realtime.response", "status": "in_progress", "output": []}
            done = created | {"status": "completed", "usage": SPOKEN}
            await websocket.send(json.dumps({"type": "response.created", "event_id": "e", "response": created}))
            await websocket.send(json.dumps({"type": "response.done", "event_id": "e", "response": done}))


@asynccontextmanager
async def relayed(home: Path, upstream: str) -> AsyncIterator[tuple[Stage, AsyncOpenAI]]:
    """A proxy before the upstream, and OpenAI's client before the proxy."""
    async with running(home, providers={"openai": ProviderSettings(base_url=upstream)}) as stage:
        client = AsyncOpenAI(api_key="k", base_url=f"http://127.0.0.1:{stage.port}/v1")
        client.websocket_base_url = f"ws://127.0.0.1:{stage.port}/v1"
        async with client:
            yield stage, client


def calls(stage: Stage) -> list[Call]:
    """What the records mean, in the order in which the calls began."""
    records = stage.records()
    ends = {record.id: record for record in records if isinstance(record, Ended)}
    return [read(exchange(start, ends[start.id])) for start in records if isinstance(start, Started)]


async def test_the_responses_api(tmp_path: Path) -> None:
    async with provider(responses_api) as upstream, relayed(tmp_path, upstream) as (stage, client):
        async with client.responses.connect() as connection:
            for number in (1, 2):
                await connection.response.create(
                    model="gpt-5", input="Hi", previous_response_id=f"resp_{number - 1}" if number > 1 else None
                )
                kinds = []
                async for event in connection:
                    kinds.append(event.type)
                    if event.type == "response.completed":
                        break
                assert kinds == ["response.created", "response.output_text.delta", "response.completed"]
        first, second = calls(stage)
    assert (first.endpoint, first.request_model, first.response_model) == ("responses", "gpt-5", "gpt-5-2025-08-07")
    assert (first.response_id, second.response_id) == ("resp_1", "resp_2")
    assert second.previous_response_id == "resp_1"
    assert second.usage and (second.usage.input, second.usage.cache_read, second.usage.output) == (30, 20, 12)
    assert (second.stream, second.complete, second.notes) == (True, True, [])


async def test_the_realtime_api(tmp_path: Path) -> None:
    async with provider(realtime_api) as upstream, relayed(tmp_path, upstream) as (stage, client):
        async with client.realtime.connect(model="gpt-realtime") as connection:
            await connection.conversation.item.create(
                item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}
            )
            await connection.response.create()
            async for event in connection:
                if event.type == "response.done":
                    break
        (call,) = calls(stage)
    assert (call.endpoint, call.request_model, call.response_id) == ("realtime", "gpt-realtime", "resp_1")
    assert [message.text for message in call.input_messages] == ["Hi"]
    usage = call.usage
    assert usage is not None
    assert (usage.input, usage.output, usage.audio_input, usage.audio_output) == (20, 10, 5, 8)


@pytest.mark.parametrize("compression", ["deflate", None])
async def test_compressed_or_not_it_is_read(tmp_path: Path, compression: str | None) -> None:
    async with provider(responses_api, compression=compression) as upstream, relayed(tmp_path, upstream) as (stage, _):
        async with connect(f"ws://127.0.0.1:{stage.port}/v1/responses") as websocket:
            assert bool(websocket.protocol.extensions) == (compression is not None)
            for _ in range(3):
                await websocket.send(json.dumps(CREATE | {"input": "long " * 20_000}))
                assert [json.loads(await websocket.recv())["type"] for _ in range(3)][-1] == "response.completed"
            await (await websocket.ping())
        usages = [call.usage.input for call in calls(stage) if call.usage]
    assert usages == [30, 30, 30]


async def test_a_message_of_many_megabytes(tmp_path: Path) -> None:
    async def echo(websocket: ServerConnection) -> None:
        async for message in websocket:
            await websocket.send(message)

    large = "x" * (24 << 20)
    async with (
        provider(echo, max_size=None) as upstream,
        relayed(tmp_path, upstream) as (stage, _),
        connect(f"ws://127.0.0.1:{stage.port}/v1/realtime", max_size=None) as websocket,
    ):
        await websocket.send(large)
        assert await websocket.recv() == large


async def test_codes_and_reasons_arrive_on_both_sides(tmp_path: Path) -> None:
    seen: list[tuple[int | None, str | None]] = []

    async def closing(websocket: ServerConnection) -> None:
        if "leave" in (websocket.request.path if websocket.request else ""):
            await websocket.close(4001, "told to")
        else:
            await websocket.wait_closed()
            seen.append((websocket.close_code, websocket.close_reason))

    async with provider(closing) as upstream, relayed(tmp_path, upstream) as (stage, _):
        root = f"ws://127.0.0.1:{stage.port}/v1/realtime"
        async with connect(f"{root}?leave") as websocket:
            with pytest.raises(ConnectionClosedError):
                await websocket.recv()
        assert (websocket.close_code, websocket.close_reason) == (4001, "told to")
        async with connect(root) as websocket:
            await websocket.close(4002, "had enough")
        async with connect(root):
            pass
        await stage.ended(3)
    assert seen == [(4002, "had enough"), (1000, "")]


async def test_a_refusal_reaches_the_client_as_it_is(tmp_path: Path) -> None:
    async def never(_: ServerConnection) -> None:
        raise AssertionError

    async def refuse(websocket: ServerConnection, _: object) -> object:
        return websocket.respond(401, "who are you?")

    async with provider(never, process_request=refuse) as upstream, relayed(tmp_path, upstream) as (stage, _):
        with pytest.raises(InvalidStatus) as refusal:
            await connect(f"ws://127.0.0.1:{stage.port}/v1/responses")
    assert (refusal.value.response.status_code, refusal.value.response.body) == (401, b"who are you?")
