"""What the monitor is told by the proxy."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from kagura.config import ProxySettings, Settings
from kagura.dashboard.tui.feed import Progress
from kagura.dashboard.tui.proxy import ABSENT_EVERY, HEALTH_EVERY, ProxyWatch
from kagura.dashboard.tui.reader import Reader
from tests.dashboard.samples import seed
from tests.dashboard.tui.stage import on_stage


class Proxy:
    """Answers as the proxy would, with whatever `pages` hold."""

    def __init__(self, home: Path) -> None:
        self.asked: list[str] = []
        self.health: dict[str, Any] = {"version": "1", "status": "ok", "home": str(home)}
        self.flights: Any = {}
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                proxy.asked.append(self.path)
                data = json.dumps(proxy.health if self.path == "/kagura/health" else proxy.flights).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True

    @property
    def settings(self) -> Settings:
        return Settings(home=Path(self.health["home"]), proxy=ProxySettings(port=self.server.server_address[1]))


class Hand:
    """A clock that is moved by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def pass_time(watch: ProxyWatch, seconds: float) -> None:
    assert isinstance(watch._monotonic, Hand)
    watch._monotonic.now += seconds


@pytest.fixture
def watch(proxy: Proxy) -> Iterator[ProxyWatch]:
    watch = ProxyWatch(proxy.settings, Hand())
    yield watch
    watch.close()


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Proxy]:
    proxy = Proxy(tmp_path)
    thread = threading.Thread(target=proxy.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield proxy
    proxy.server.shutdown()
    proxy.server.server_close()
    thread.join()


def test_a_sound_proxy_has_no_troubles_and_is_asked_seldom(proxy: Proxy, watch: ProxyWatch) -> None:
    assert watch.troubles() == watch.troubles() == []
    assert proxy.asked == ["/kagura/health"]
    pass_time(watch, HEALTH_EVERY)
    watch.troubles()
    assert len(proxy.asked) == 2


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            {"status": "degraded", "journal": {"last_failure": "disk full\x1b[2J"}},
            "the proxy passes calls on but does not record them: disk full␛[2J",
        ),
        ({"journal": {"calls_unrecorded": 3}}, "3 calls could not be recorded by the proxy"),
        ({"collector": {"running": False}}, "the proxy's collector does not run: calls wait in the journal"),
    ],
)
def test_troubles_in_words(proxy: Proxy, watch: ProxyWatch, said: dict[str, Any], told: str) -> None:
    proxy.health |= said
    assert watch.troubles() == [told]


def test_another_homes_proxy_is_not_ours(proxy: Proxy, watch: ProxyWatch) -> None:
    proxy.health |= {"home": "/elsewhere", "status": "degraded"}
    assert watch.troubles() == []


def test_flights_are_asked_for_where_there_are_some(proxy: Proxy, watch: ProxyWatch) -> None:
    proxy.flights = {"b7": {"provider": "openai", "first_byte_at": 5, "events": 7, "unheard": 1}}
    assert watch.flights() == {}
    watch.expects = True
    assert watch.flights() == {"b7": Progress(first_byte_at=5, events=7)}
    assert proxy.asked == ["/kagura/inflight"]


@pytest.mark.parametrize("answer", [["no", "object"], {"b7": "text"}, "x"])
def test_what_makes_no_sense_is_passed_over(proxy: Proxy, watch: ProxyWatch, answer: Any) -> None:
    proxy.flights = answer
    watch.expects = True
    assert watch.flights() == {}


def test_a_proxy_that_is_away_is_left_alone_for_a_while_and_found_when_it_comes(
    proxy: Proxy, watch: ProxyWatch
) -> None:
    here, watch._address = watch._address, ("127.0.0.1", 1)
    assert watch.troubles() == []
    proxy.health["status"] = "degraded"
    watch._address = here
    assert watch.troubles() == []
    pass_time(watch, ABSENT_EVERY)
    assert len(watch.troubles()) == 1


def test_a_proxy_that_was_started_again_is_asked_over_a_new_connection(proxy: Proxy, watch: ProxyWatch) -> None:
    watch.troubles()
    assert watch._connection and watch._connection.sock
    watch._connection.sock.shutdown(2)
    proxy.health["status"] = "degraded"
    pass_time(watch, HEALTH_EVERY)
    assert len(watch.troubles()) == 1


async def test_troubles_stand_above_every_screen(proxy: Proxy, tmp_path: Path) -> None:
    seed(tmp_path)
    proxy.health |= {"collector": {"running": False}}
    proxy.flights = {"b7": {"first_byte_at": None}}
    async with on_stage(tmp_path, (100, 30), feed=Reader(proxy.settings)) as stage:
        await stage.shows("⚠ the proxy's collector does not run", "waiting for the first token")
        stage.assert_whole()
        await stage.open("exec_abc123")
        await stage.shows("⚠ the proxy's collector does not run")
        stage.assert_whole()
