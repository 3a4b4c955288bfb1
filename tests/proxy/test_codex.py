"""The Codex CLI from npm, which speaks over a websocket first, in its own words through the proxy."""

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection

from kagura.collector.identity import identify
from kagura.config import ProviderSettings
from kagura.journal import Ended, Started
from kagura.journal.records import exchange
from kagura.providers import read
from tests.proxy.sockets import USAGE, provider, response
from tests.proxy.stage import running

SOURCES = Path(__file__).parent / "codex"
SAID = {"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": "Done."}]}


@pytest.fixture(scope="session")
def codex() -> Path:
    """The locked version, installed once beside the system's temporary files."""
    if not (shutil.which("node") and shutil.which("npm")):
        if os.environ.get("CI"):
            pytest.fail("node and npm are not installed, and CI must run this test")
        pytest.skip("node and npm are not installed")
    key = hashlib.sha256((SOURCES / "package-lock.json").read_bytes()).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"kagura-test-packages-{os.getuid()}" / key
    if not folder.exists():
        folder.parent.mkdir(mode=0o700, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=folder.parent))
        for name in ("package.json", "package-lock.json"):
            shutil.copy(SOURCES / name, fresh)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=fresh, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        try:
            fresh.rename(folder)
        except OSError:
            shutil.rmtree(fresh)
    return folder / "node_modules" / ".bin" / "codex"


async def model(websocket: ServerConnection) -> None:
    """Says that it is done, to whatever it is asked; nothing where only a warm-up was wanted."""
    number = 0
    async for asked in websocket:
        event = json.loads(asked)
        number += 1
        output = [] if event.get("generate") is False else [SAID]
        events: list[dict[str, object]] = [
            {"type": "response.created", "response": response(f"resp_{number}", "in_progress")},
            *({"type": "response.output_item.done", "output_index": 0, "item": item} for item in output),
            {"type": "response.completed", "response": response(f"resp_{number}", "completed", usage=USAGE)},
        ]
        for event in events:
            await websocket.send(json.dumps(event))


async def test_codex_over_its_websocket(tmp_path: Path, codex: Path) -> None:
    home, work = tmp_path / "codex", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "CODEX_HOME": str(home), "CODEX_API_KEY": "sk-test"}
    env |= {"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1"}  # it asks for plugins and updates elsewhere
    async with (
        provider(model) as upstream,
        running(tmp_path / "home", providers={"openai": ProviderSettings(base_url=upstream)}) as stage,
    ):
        address = f"openai_base_url=http://127.0.0.1:{stage.port}/agent/coder/v1"
        settings = ["-c", address, "-c", "model=gpt-5", "-c", "features.plugins=false"]
        command = [codex, "exec", "--skip-git-repo-check", *settings, "Say that you are done."]
        process = await asyncio.create_subprocess_exec(
            *map(str, command),
            cwd=work,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        said, errors = await asyncio.wait_for(process.communicate(), 60)
        assert (process.returncode, said.decode().strip()) == (0, "Done."), errors.decode()
        records = stage.records()
    ends = {record.id: record for record in records if isinstance(record, Ended)}
    exchanges = [exchange(start, ends[start.id]) for start in records if isinstance(start, Started)]
    calls = [read(found) for found in exchanges]
    whose = {identify(found, call)[:3] for found, call in zip(exchanges, calls, strict=True)}
    assert {found.method for found in exchanges} == {"WEBSOCKET"}
    assert len(whose) == 1
    assert [(source, agent) for _, source, agent in whose] == [("codex", "coder")]
    assert [call.usage.input for call in calls if call.usage] == [30] * len(calls)
    assert (calls[-1].request_model, calls[-1].output_messages[-1].text) == ("gpt-5", "Done.")
    assert calls[-1].previous_response_id == "resp_1"
