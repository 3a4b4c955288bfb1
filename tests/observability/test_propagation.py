"""Calls of real HTTP clients through a real proxy land below the span that made them; others carry nothing."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import aiohttp
import httpx
import httpx2
import openai
import pytest
import requests
import urllib3

from kagura.observability import telemetry, tracker
from kagura.observability.headers import origin, propagation
from kagura.observability.propagation import _Finder, install
from kagura.proxy.labels import PathTags, read_labels
from tests.clients import openai_dialogue as say
from tests.clients.installed import Proxy
from tests.clients.upstream import Upstream
from tests.observability.programs import run
from tests.observability.recording import Recording, recording

BODY = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Good morning?"}]}
PATH = "/v1/chat/completions"


def by_httpx(url: str, headers: dict[str, str]) -> None:
    httpx.post(url, json=BODY, headers=headers)


def by_httpx_async(url: str, headers: dict[str, str]) -> None:
    async def post() -> None:
        async with httpx.AsyncClient() as client:
            await client.post(url, json=BODY, headers=headers)

    asyncio.run(post())


def by_httpx2(url: str, headers: dict[str, str]) -> None:
    httpx2.post(url, json=BODY, headers=headers)


def by_requests(url: str, headers: dict[str, str]) -> None:
    requests.post(url, json=BODY, headers=headers, timeout=10)


def by_urllib3(url: str, headers: dict[str, str]) -> None:
    with urllib3.PoolManager() as pool:
        pool.request("POST", url, json=BODY, headers=headers)


def by_aiohttp(url: str, headers: dict[str, str]) -> None:
    async def post() -> None:
        async with aiohttp.ClientSession() as session, session.post(url, json=BODY, headers=headers) as answer:
            await answer.read()

    asyncio.run(post())


def by_aiohttp_with_a_base(url: str, headers: dict[str, str]) -> None:
    async def post() -> None:
        base = url.removesuffix(PATH)
        async with aiohttp.ClientSession(base, headers=headers) as session, session.post(PATH, json=BODY) as answer:
            await answer.read()

    asyncio.run(post())


CLIENTS = (by_httpx, by_httpx_async, by_httpx2, by_requests, by_urllib3, by_aiohttp, by_aiohttp_with_a_base)
Post = Callable[[str, dict[str, str]], None]


@pytest.fixture
def beside(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recording]:
    """Recording is on, beside the proxy: same home, same journal."""
    for name in ("KAGURA_EXECUTION_ID", "KAGURA_AGENT", "KAGURA_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KAGURA_PROXY_PORT", str(proxy.port))
    with recording(proxy.home) as found:
        yield found


@pytest.mark.parametrize("post", CLIENTS)
def test_a_call_is_below_the_span_that_made_it(beside: Recording, upstream: Upstream, proxy: Proxy, post: Post) -> None:
    upstream.plays(say.chat({"role": "assistant", "content": "Good morning"}))
    with telemetry.execution("asker", session_id="session-1") as execution, tracker.span("asks") as span:
        post(f"{proxy.root}{PATH}", {})
    call = next(call for call in proxy.calls(2) if call["kind"] == "llm")
    assert (call["execution_id"], call["parent_id"], call["agent"]) == (execution.id, span.id, "asker")
    assert (call["session_id"], call["execution_source"]) == ("session-1", "header")
    (sent,) = upstream.requests
    assert not [name for name, _ in sent.headers if name.lower().startswith("x-kagura")]


@pytest.mark.parametrize("post", CLIENTS)
def test_a_call_that_goes_elsewhere_carries_nothing(beside: Recording, upstream: Upstream, post: Post) -> None:
    upstream.plays(say.chat({"role": "assistant", "content": "Good morning"}))
    with telemetry.execution("asker"):
        post(f"{upstream.url}{PATH}", {"x-own": "1"})
    (sent,) = upstream.requests
    names = {name for name, _ in sent.headers}
    assert "x-own" in names
    assert not [name for name in names if name.startswith("x-kagura") or name == "traceparent"]


def test_the_official_sdk_with_headers_by_hand(beside: Recording, upstream: Upstream, proxy: Proxy) -> None:
    upstream.plays(say.chat({"role": "assistant", "content": "Good morning"}))
    client = openai.OpenAI(base_url=f"{proxy.root}/v1", api_key="sk-test")
    with client, telemetry.execution("asker") as execution, tracker.span("asks") as span:
        client.chat.completions.create(
            model="gpt-4o-mini", messages=[{"role": "user", "content": "?"}], extra_headers=telemetry.headers()
        )
    call = next(call for call in proxy.calls(2) if call["kind"] == "llm")
    assert (call["execution_id"], call["parent_id"]) == (execution.id, span.id)
    assert telemetry.headers() == {}


def test_a_request_that_names_its_execution_keeps_it(recorded: Recording) -> None:
    url = f"http://localhost:{propagation.proxy_origin()[1]}/v1/models"
    with telemetry.execution("asker", id="mine"):
        assert propagation.headers_for(url, [("x-kagura-execution-id", "another")]) == {}
        assert propagation.headers_for(url, [("x-kagura-execution-id", "mine")]) == {}
        found = propagation.headers_for(url, [("traceparent", "00-1-2-01")])
        assert (found["X-Kagura-Execution-Id"], "traceparent" in found) == ("mine", False)
    assert propagation.headers_for(url, []) == {}


def test_what_kagura_run_put_there_gives_way(recorded: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAGURA_EXECUTION_ID", "run_1")
    telemetry.enable(home=recorded.settings.home)
    url = f"http://127.0.0.1:{propagation.proxy_origin()[1]}/v1/models"
    with telemetry.execution("planner"), tracker.span("step") as span:
        found = propagation.headers_for(url, [("X-Kagura-Execution-Id", "run_1"), ("X-Kagura-Agent", "program")])
        assert (found["X-Kagura-Parent-Id"], found["X-Kagura-Agent"]) == (span.id, "planner")


def test_a_name_that_no_header_can_carry_is_encoded(recorded: Recording) -> None:
    with telemetry.execution("神楽", id="run-2", user="a\nb"):
        sent = telemetry.headers()
        assert all(value.isascii() and value.isprintable() for value in sent.values())
        read, ignored = read_labels({name.lower().encode(): value.encode() for name, value in sent.items()}, PathTags())
        # The proxy takes no control characters, however they come.
        assert (read.agent, read.execution_id, read.user, ignored) == ("神楽", "run-2", None, 1)


def test_the_proxy_is_told_by_host_and_port() -> None:
    assert origin(urlsplit("http://LOCALHOST:4100/v1")) == origin(urlsplit("http://[::1]:4100"))
    assert origin(urlsplit("https://kagura.example/x")) == ("kagura.example", 443)
    assert origin(urlsplit("http://127.0.0.1:4101")) != origin(urlsplit("http://127.0.0.1:4100"))


def test_a_client_that_is_imported_later_is_patched(recorded: Recording) -> None:
    ended = run(
        recorded.settings.home,
        """
        import sys
        from kagura.observability import telemetry
        telemetry.enable()
        loaded = [name for name in ("httpx", "aiohttp", "urllib3") if name in sys.modules]
        import aiohttp, httpx, urllib3
        print(loaded, httpx.Client.send._kagura_propagates, aiohttp.ClientSession._request._kagura_propagates)
        print(urllib3.HTTPConnectionPool.urlopen._kagura_propagates, type(httpx.__spec__.loader).__name__)
        """,
    )
    assert ended.stdout.split("\n")[:2] == ["[] True True", "True SourceFileLoader"], ended.stderr


def test_installing_again_changes_nothing(recorded: Recording) -> None:
    before = httpx.Client.send, len(sys.meta_path)
    install()
    assert (httpx.Client.send, len(sys.meta_path)) == before
    assert sum(isinstance(finder, _Finder) for finder in sys.meta_path) == 1
