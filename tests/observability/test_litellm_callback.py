"""Calls that a program makes with the LiteLLM library, without any proxy, recorded by the callback."""

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from kagura.collector import drain
from kagura.config import Settings
from kagura.store import Store
from tests.clients import anthropic_dialogue as say
from tests.clients import openai_dialogue
from tests.clients.comparison import bill, cost
from tests.clients.installed import Proxy, environment, exported
from tests.clients.upstream import Upstream

BILL = bill((40, "1.00"), (1000, "1.25"), (2000, "2.00"), (10000, "0.10"), (500, "5.00"))
"""Claude Haiku 4.5: input, cache write for five minutes and for an hour, cache read, output
(https://platform.claude.com/docs/en/about-claude/pricing, November 2026)."""

Calls = list[dict[str, Any]]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("program") / "home"


@pytest.fixture(scope="module")
def calls(upstream: Upstream, proxy: Proxy, home: Path) -> Calls:
    """What stands in the store once the program has ended."""
    upstream.plays(
        say.message(say.TOOL_USE, reason="tool_use"),
        say.stream(),
        say.error(429, "rate_limit_error", "not today"),
        say.message(say.TEXT),
        say.message(say.TEXT),
        say.stream(),
        openai_dialogue.embeddings([0.5]),
    )
    run_program(home, upstream.url, proxy.root)
    assert len(upstream.requests) == 7
    assert len(proxy.calls(1)) == 1
    drain(Settings(home=home))
    return exported(home)


def run_program(home: Path, *arguments: str, **variables: str) -> None:
    env = environment(home, LITELLM_LOCAL_MODEL_COST_MAP="True", LITELLM_MODE="PRODUCTION", **variables)
    command = [sys.executable, "-m", "tests.observability.program", *arguments]
    ended = subprocess.run(command, env=env, capture_output=True, text=True, timeout=100, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "not recorded" not in ended.stderr


def assert_message(call: dict[str, Any]) -> None:
    assert (call["kind"], call["endpoint"], call["provider"]) == ("llm", "chat/completions", "anthropic")
    assert (call["status"], call["error"], call["request_model"]) == ("completed", None, "claude-haiku-4-5")
    assert (call["input_tokens"], call["cache_read_tokens"], call["cache_write_tokens"]) == (13040, 10000, 3000)
    assert (call["output_tokens"], call["usage_source"]) == (500, "provider")
    assert cost(call) == BILL
    assert call["duration_ms"] > 0


def test_every_call_is_recorded_once_and_none_that_the_proxy_saw(calls: Calls) -> None:
    assert [(call["kind"], call["status"], call["stream"]) for call in calls] == [
        ("llm", "completed", False),
        ("llm", "completed", True),
        ("llm", "failed", False),
        ("llm", "completed", False),
        ("llm", "completed", True),
        ("embedding", "completed", False),
    ]


def test_plain_and_streamed_synchronous_and_asynchronous(calls: Calls) -> None:
    plain, streamed, _, later, streamed_later, _ = calls
    for call in (plain, streamed, later, streamed_later):
        assert_message(call)
    assert [call["finish_reason"] for call in (plain, streamed, later)] == ["tool_calls", "tool_calls", "stop"]
    assert [call["tool_calls"] for call in (plain, streamed, later)] == [["get_weather"], ["get_weather"], []]
    assert plain["response_model"] == say.SERVED
    assert 0 < streamed["ttft_ms"] <= streamed["duration_ms"]


def test_whose_call_it_is(calls: Calls) -> None:
    plain, streamed, _, later, *_ = calls
    assert (plain["execution_id"], plain["execution_source"], plain["agent"]) == ("session-0001", "litellm", "planner")
    assert plain["tags"] == {"nightly": ""}
    assert later["execution_id"] == "session-0002"
    assert (streamed["agent"], streamed["execution_source"]) == ("litellm", "call")


def test_a_failure(calls: Calls) -> None:
    failed = calls[2]
    assert (failed["error_type"], failed["http_status"], failed["cost_usd"]) == ("RateLimitError", 429, None)
    assert "not today" in failed["error"]


def test_an_embedding(calls: Calls) -> None:
    embedding = calls[5]
    assert (embedding["provider"], embedding["endpoint"], embedding["input_tokens"]) == ("openai", "embeddings", 9000)
    assert Decimal(embedding["cost_usd"]) == bill((9000, "0.02"))


def test_what_was_said_is_kept(calls: Calls, home: Path) -> None:
    with Store.open(Settings(home=home).db_url) as store:
        kept = store.span_contents(calls[0]["id"])
    assert kept is not None
    assert json.loads(kept.inputs[0]) == {"role": "user", "content": "Good morning?"}
    assert json.loads(kept.outputs[0])["tool_calls"][0]["function"]["name"] == "get_weather"


def test_importing_it_brings_nothing_along() -> None:
    program = (
        "import sys, kagura.observability; assert not {'litellm', 'fastapi', 'rich', 'sqlalchemy'} & {*sys.modules}"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
