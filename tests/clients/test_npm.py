"""The npm packages `openai` and `@anthropic-ai/sdk` on a real node."""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.clients import anthropic_dialogue, openai_dialogue
from tests.clients.comparison import Both, bill, cost
from tests.clients.installed import environment
from tests.clients.upstream import said

SOURCES = Path(__file__).parent / "node"
CHAT_BILL = bill((1200 - 1024, "0.15"), (1024, "0.075"), (340, "0.60"))
MESSAGE_BILL = bill((40, "1.00"), (1000, "1.25"), (2000, "2.00"), (10000, "0.10"), (500, "5.00"))
"""Prices as in test_openai.py and test_anthropic.py."""


@pytest.fixture(scope="session")
def packages() -> Path:
    """A folder with the locked packages installed, kept between runs beside the system's temporary files."""
    if not (shutil.which("node") and shutil.which("npm")):
        if os.environ.get("CI"):
            pytest.fail("node and npm are not installed, and CI must run these tests")
        pytest.skip("node and npm are not installed")
    files = sorted(path for path in SOURCES.iterdir() if path.is_file())
    key = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"kagura-test-packages-{os.getuid()}" / key
    if not folder.exists():
        folder.parent.mkdir(mode=0o700, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=folder.parent))
        for path in files:
            shutil.copy(path, fresh)
        done = subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=fresh, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        try:
            fresh.rename(folder)
        except OSError:
            shutil.rmtree(fresh)
    return folder


@pytest.fixture
def node(packages: Path, tmp_path: Path) -> Callable[[str], Callable[[str], Any]]:
    """Gives the use that runs a task of clients.mjs."""

    def task(name: str) -> Callable[[str], Any]:
        def use(root: str) -> Any:
            command = ["node", "clients.mjs", name, root]
            env = environment(tmp_path)
            done = subprocess.run(command, cwd=packages, env=env, capture_output=True, timeout=30, check=False)
            assert done.returncode == 0, done.stderr.decode()
            return json.loads(done.stdout)

        return use

    return task


Node = Callable[[str], Callable[[str], Any]]


def test_no_address_of_a_registry_stands_in_the_lock() -> None:
    assert "://" not in (SOURCES / "package-lock.json").read_text()


@pytest.mark.parametrize("task", ["openai-stream", "openai-helper"])
def test_a_stream_with_parallel_tools(both: Both, node: Node, task: str) -> None:
    stream = openai_dialogue.chat_stream(*openai_dialogue.tools_in_pieces(), reason="tool_calls", coding="gzip")
    call = both([stream], node(task), asks_usage=True).call
    assert (call["status"], call["stream"], call["finish_reason"]) == ("completed", True, "tool_calls")
    assert call["tool_calls"] == ["get_weather", "get_time"]
    assert (call["input_tokens"], call["cache_read_tokens"], call["output_tokens"]) == (1200, 1024, 340)
    assert cost(call) == CHAT_BILL


def test_a_response(both: Both, node: Node) -> None:
    answer = said(openai_dialogue.response(openai_dialogue.MESSAGE_ITEM), coding="br")
    seen = both([answer], node("openai-response"))
    assert seen.result["output_text"] == "Good morning"
    assert (seen.call["endpoint"], seen.call["input_tokens"], seen.call["output_tokens"]) == ("responses", 2000, 150)


def test_a_message_stream_with_thinking_and_a_tool(both: Both, node: Node) -> None:
    call = both([anthropic_dialogue.stream()], node("anthropic-stream")).call
    assert (call["finish_reason"], call["tool_calls"]) == ("tool_use", ["get_weather"])
    assert cost(call) == MESSAGE_BILL


@pytest.mark.parametrize(
    ("task", "answer"),
    [
        ("openai-error", openai_dialogue.error(400, "no such model", "invalid_request_error")),
        ("anthropic-error", anthropic_dialogue.error(529, "overloaded_error", "Overloaded")),
    ],
)
def test_errors(both: Both, node: Node, task: str, answer: Any) -> None:
    seen = both([answer], node(task))
    assert seen.result["status"] == answer.status
    assert (seen.call["status"], seen.call["http_status"], seen.call["cost_usd"]) == ("failed", answer.status, None)
