"""`kagura monitor --attach`: the screen on the records of a proxy that is a process of its own."""

import asyncio
import os
from contextlib import closing
from pathlib import Path
from unittest.mock import patch

import pytest

from kagura.cli.run_summary import settled_elsewhere
from kagura.dashboard.period import Clock
from kagura.dashboard.tui.remote import RemoteFeed
from kagura.dashboard.tui.start import run_attached
from kagura.errors import ProxyError, StoreError
from kagura.store.questions import Failed, Gone, OpenRun
from tests.clients.installed import Proxy
from tests.clients.upstream import Upstream
from tests.dashboard.tui.stage import on_stage
from tests.end_to_end.runs import ANSWER, CALL, python, run

KEY = "correct-horse-battery"


def keyed(home: Path, port: int = 0) -> Proxy:
    with patch("tests.clients.installed.environment", lambda home, _: environment(home)):
        return Proxy(home, "", port)


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "KAGURA_HOME": str(home), "KAGURA_PROXY_VIEW_KEY": KEY}


async def test_the_monitor_shows_what_a_proxy_elsewhere_has_and_outlives_it(upstream: Upstream, tmp_path: Path) -> None:
    upstream.plays(ANSWER)
    proxy = await asyncio.to_thread(Proxy, tmp_path, upstream.url)
    try:
        env = proxy.env | {"KAGURA_PROXY_PORT": str(proxy.port), "OPENAI_API_KEY": "sk-test"}
        await asyncio.to_thread(run, "-q", "--id", "far", "--agent", "wanderer", *python(CALL, "what is far?"), env=env)
        async with on_stage(tmp_path / "nothing", feed=RemoteFeed(proxy.root), at=Clock()) as stage:
            await stage.shows("wanderer", "COMPLETED", "what is far?")
            await stage.open("far")
            await stage.shows("LLM Call #1")
            await stage.press("escape")
            await asyncio.to_thread(proxy.kill)
            await stage.until(lambda: "does not answer" in stage.banner)
            assert "wanderer" in stage.text
            proxy = await asyncio.to_thread(Proxy, tmp_path, upstream.url, proxy.port)
            await stage.until(lambda: "does not answer" not in stage.banner, seconds=20)
            await stage.shows("wanderer")
    finally:
        await asyncio.to_thread(proxy.stop)


def test_the_key_opens_and_is_told_nobody(tmp_path: Path) -> None:
    proxy = keyed(tmp_path)
    try:
        for key, text in (("", "without its key"), ("wrong", "is not this proxy's")):
            with pytest.raises(ProxyError) as refused:
                run_attached(proxy.root, key, None)
            assert text in refused.value.remedy
            with closing(RemoteFeed(proxy.root, key)) as feed:
                assert isinstance(feed.ask(OpenRun(id="x")).answer, Failed)
        with pytest.raises(StoreError, match="does not show"):
            settled_elsewhere(proxy.root, "", "x")
        with closing(RemoteFeed(proxy.root, KEY)) as feed:
            feed.check()
            assert isinstance(feed.ask(OpenRun(id="x")).answer, Gone)
    finally:
        proxy.stop()
    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(KEY.encode() in data for data in kept)


def test_a_server_that_is_no_proxy_is_an_answer_and_no_crash(upstream: Upstream) -> None:
    with closing(RemoteFeed(upstream.url)) as feed:
        assert isinstance(feed.ask(OpenRun(id="x")).answer, Failed)
