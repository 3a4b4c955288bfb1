"""The worker's life: none before it is needed, one as long as the proxy, and calls that survive it."""

import asyncio
import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kagura.model import Outcome
from tests.clients import anthropic_dialogue as say
from tests.proxy.stage import Stage, Visit, answers, ok, post, running, split

BODY = json.dumps({"model": "anthropic/claude-x", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]})
STREAM = BODY.replace('{"model"', '{"stream": true, "model"').encode()
ASK = post("/v1/chat/completions", BODY.encode(), "Authorization: Bearer k")
MESSAGE = say.message(say.TEXT).pieces[0]


def workers() -> list[int]:
    """The translators that this process has started."""
    children = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    pids = [int(pid) for file in children for pid in file.read_text().split()]
    return [pid for pid in pids if b"kagura.proxy.translation" in Path(f"/proc/{pid}/cmdline").read_bytes()]


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at /proc")
async def test_one_worker_from_the_first_call_to_the_end_and_another_if_it_dies(tmp_path: Path) -> None:
    async with running(tmp_path) as stage:
        assert workers() == []
        stage.upstream.script = answers(ok(MESSAGE, b"content-type: application/json"))
        status, _, body = split(await stage.ask(ASK, patience=60))
        assert (status, json.loads(body)["usage"]["prompt_tokens"]) == ("HTTP/1.1 200 OK", 13040)
        await a_client_that_leaves(stage)
        assert (await stage.ended(2))[-1].outcome is Outcome.CLIENT_CLOSED
        (worker,) = workers()

        os.kill(worker, 9)
        await asyncio.sleep(0.2)  # the relay sees its connections closed
        assert workers() == []
        _, writer = await stage.connect()
        writer.write(ASK)
        async with asyncio.timeout(30):
            while not workers():
                await asyncio.sleep(0.02)
        writer.close()
    assert workers() == []


async def a_client_that_leaves(stage: Stage) -> None:
    """The provider sees at once that nobody waits for its answer."""
    stage.upstream.script = slow_stream
    reader, writer = await stage.connect()
    writer.write(post("/v1/chat/completions", STREAM, "Authorization: Bearer k"))
    async with asyncio.timeout(30):
        await reader.readuntil(b"Good")
    stage.upstream.gone.clear()
    writer.close()
    async with asyncio.timeout(30):
        await stage.upstream.gone.wait()


async def slow_stream(visit: Visit) -> None:
    """Begins to answer and never ends."""
    await visit.read_body()
    await visit.say(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
    for piece in say.overloaded_stream().pieces[:3]:
        await visit.chunk(piece)
    assert await visit.reader.read() == b""
    raise ConnectionError


async def test_without_the_extra_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    async with running(tmp_path) as stage:
        status, _, body = split(await stage.ask(ASK))
        error = json.loads(body)["error"]
        assert (status.split()[1], error["code"]) == ("501", "translation_unavailable")
        assert "pip install 'kagura[litellm]'" in error["message"]
        start, end = stage.pair()
        assert (start.provider, end.outcome) == ("anthropic", Outcome.UPSTREAM_ERROR)
        assert stage.upstream.visits == []


@pytest.mark.parametrize("release", ["1.82.7", "1.82.8", "1.107.0", "1.107.3"])
async def test_compromised_releases_are_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, release: str) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda _: release)
    async with running(tmp_path) as stage:
        status, _, body = split(await stage.ask(ASK))
        assert status.split()[1] == "501"
        assert "compromised" in json.loads(body)["error"]["message"]
        assert workers() == []


def test_the_relay_imports_nothing_of_litellm() -> None:
    program = "import sys, kagura.proxy.server; assert not [name for name in sys.modules if 'litellm' in name]"
    subprocess.run([sys.executable, "-c", program], check=True)
