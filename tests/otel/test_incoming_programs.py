"""Real instrumentations, each in a program of its own, through a real proxy into the store."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.clients.installed import PATIENCE, Proxy, environment, exported

PROGRAM = Path(__file__).parent / "program.py"
LIBRARIES = ("openinference", "traceloop", "openai-v2", "httpx", "openinference+httpx", "openinference+traceloop")


def run(library: str, proxy: Proxy) -> list[dict[str, Any]]:
    """The spans of the execution that the program was."""
    before = {span["execution_id"] for span in exported(proxy.home)}
    command = [sys.executable, str(PROGRAM), library, proxy.root]
    env = environment(proxy.home) | {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true"}
    ended = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    deadline = time.monotonic() + PATIENCE
    while True:
        spans = [span for span in exported(proxy.home) if span["execution_id"] not in before]
        if any(span["name"] == "handle request" for span in spans):
            return spans
        assert time.monotonic() < deadline, spans
        time.sleep(0.05)


def tree(spans: list[dict[str, Any]], parent: str | None = None, depth: int = 0) -> list[str]:
    """Kinds and names, indented as they hang."""
    known = {span["id"] for span in spans}
    below = [span for span in spans if (span["parent_id"] if span["parent_id"] in known else None) == parent]
    lines = []
    for span in sorted(below, key=lambda span: span["started_at"]):
        lines += [f"{'  ' * depth}{span['kind']} {span['name']}", *tree(spans, span["id"], depth + 1)]
    return lines


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_program_and_its_calls_are_one_tree(library: str, proxy: Proxy) -> None:
    spans = run(library, proxy)
    assert tree(spans) == [
        "span handle request",
        "  agent forecaster",
        "    llm chat gpt-4o",
        "    tool get_weather",
        "    llm chat gpt-4o",
    ]
    assert len({span["execution_id"] for span in spans}) == 1
    calls = [span for span in spans if span["kind"] == "llm"]
    assert [(call["input_tokens"], call["output_tokens"], call["http_status"]) for call in calls] == [
        (100, 20, 200),
        (130, 5, 200),
    ]
    assert {call["agent"] for call in calls} == {"forecaster"}
    (tool,) = [span for span in spans if span["kind"] == "tool"]
    assert not tool["inferred"]
