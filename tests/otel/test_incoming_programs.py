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


def run(library: str, proxy: Proxy, *past: str, **variables: str) -> list[dict[str, Any]]:
    """The spans of the execution that the program was."""
    before = {span["execution_id"] for span in exported(proxy.home)}
    command = [sys.executable, str(PROGRAM), library, proxy.root, *past]
    env = environment(proxy.home) | {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true"} | variables
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


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {
            "OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental",
            "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "EVENT_ONLY",
        },
    ],
    ids=["an event a message", "an event a call"],
)
def test_what_was_said_past_the_proxy_comes_in_log_records(variables: dict[str, str], proxy: Proxy) -> None:
    ids = {span["id"] for span in run("openai-v2", proxy, proxy.upstream, **variables) if span["kind"] == "llm"}
    deadline = time.monotonic() + PATIENCE
    while True:
        calls = [span for span in exported(proxy.home, "--content") if span["id"] in ids]
        if all(call["output_messages"] for call in calls):
            break
        assert time.monotonic() < deadline, calls
        time.sleep(0.05)
    calls.sort(key=lambda call: str(call["started_at"]))
    assert [(call["input_tokens"], call["http_status"], call["tool_calls"]) for call in calls] == [
        (100, None, ["get_weather"]),
        (130, None, []),
    ]
    assert [message["role"] for message in calls[1]["input_messages"]] == ["user", "assistant", "tool"]
    assert [call["input_messages"][0]["content"] for call in calls] == ["What is the weather in Kyoto?"] * 2
    assert [message["content"] for message in calls[1]["output_messages"]] == ["Clear."]
