"""Whose call it is, as users say it: by headers, by address, by both."""

from collections.abc import Callable
from typing import Any

import pytest
from openai import OpenAI

from tests.clients import openai_dialogue as say
from tests.clients.comparison import Both
from tests.clients.installed import Proxy
from tests.clients.upstream import Upstream

QUESTION: list[Any] = [{"role": "user", "content": "Good morning?"}]
HEADERS = {
    "X-Kagura-Execution-Id": "run-42",
    "X-Kagura-Agent": "researcher",
    "X-Kagura-Session-Id": "session-7",
    "X-Kagura-Parent-Id": "00f067aa0ba902b7",
    "X-Kagura-User": "ada",
    "X-Kagura-Tags": "branch=main,try=2",
}


def asking(prefix: str = "", **more: Any) -> Callable[[str], Any]:
    """A use: one chat completion, `prefix` between the proxy's address and the path."""

    def use(root: str) -> Any:
        with OpenAI(base_url=f"{root}{prefix}/v1", api_key="sk-test", **more) as ai:
            return ai.chat.completions.create(model=say.ASKED, messages=QUESTION)

    return use


def test_headers_name_the_call_and_go_no_further(both: Both) -> None:
    seen = both([say.chat({"content": "Hello"})], asking(default_headers=HEADERS))
    call = seen.call
    assert (call["execution_id"], call["execution_source"], call["agent"]) == ("run-42", "header", "researcher")
    assert (call["session_id"], call["user"]) == ("session-7", "ada")
    assert (call["parent_id"], call["tags"]) == ("00f067aa0ba902b7", {"branch": "main", "try": "2"})
    assert not [name for name, _ in seen.requests[0].headers if name.startswith("x-kagura-")]


@pytest.mark.parametrize("prefix", ["/agent/reviewer/run/job 1%2F2", "/run/job 1%2F2/agent/reviewer"])
def test_the_address_names_the_call(upstream: Upstream, proxy: Proxy, prefix: str) -> None:
    upstream.plays(say.chat({"content": "Hello"}))
    asking(prefix)(proxy.root)
    (call,) = proxy.calls(1)
    assert upstream.requests[0].path == "/v1/chat/completions"
    assert (call["execution_id"], call["execution_source"], call["agent"]) == ("job 1/2", "path", "reviewer")


def test_a_header_wins_over_the_address(upstream: Upstream, proxy: Proxy) -> None:
    upstream.plays(say.chat({"content": "Hello"}))
    asking("/agent/from-path/run/from-path", default_headers={"X-Kagura-Execution-Id": "from-header"})(proxy.root)
    (call,) = proxy.calls(1)
    assert (call["execution_id"], call["execution_source"]) == ("from-header", "header")
    assert call["agent"] == "from-path"


def test_a_call_that_nobody_names_is_an_execution_of_its_clients(both: Both) -> None:
    call = both([say.chat({"content": "Hello"})], asking()).call
    assert call["execution_id"] == f"exec_{call['id']}"
    assert (call["execution_source"], call["agent"]) == ("call", "openai-python")


def test_the_calls_of_a_run_are_one_execution(upstream: Upstream, proxy: Proxy) -> None:
    upstream.plays(*[say.chat({"content": "Hello"})] * 3)
    for _ in range(3):
        asking("/agent/worker/run/three-calls")(proxy.root)
    assert [call["execution_id"] for call in proxy.calls(3)] == ["three-calls"] * 3


@pytest.mark.parametrize("prefix", ["", "/openai"])
def test_a_provider_may_be_named(upstream: Upstream, proxy: Proxy, prefix: str) -> None:
    upstream.plays(say.chat({"content": "Hello"}))
    asking(prefix)(proxy.root)
    (call,) = proxy.calls(1)
    assert (call["provider"], upstream.requests[0].path) == ("openai", "/v1/chat/completions")
