"""The proxy's own endpoints."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from kagura.errors import JournalError
from kagura.journal import JournalWriter, Record, Reported
from kagura.model import Event
from kagura.proxy.api import MAX_EVENTS_BODY
from kagura.proxy.app import create_app
from tests.proxy.stage import get, post, running, settings_for, split

EVENT = {"type": "execution.start", "at": 1, "execution_id": "run-1", "data": {"a": 1}}


async def test_health(tmp_path: Path) -> None:
    async with running(tmp_path) as stage:
        await stage.ask(get("/openai/v1/x"))
        line, headers, body = split(await stage.ask(get("/kagura/health")))
    health = json.loads(body)
    assert (line, headers["content-type"]) == ("HTTP/1.1 200 OK", "application/json")
    assert (health["status"], health["calls"], health["in_flight"], health["home"]) == ("ok", 1, 0, str(tmp_path))
    assert health["journal"]["failures"] == 0


async def test_who_only_asks_whether_somebody_is_there_is_told(tmp_path: Path) -> None:
    async with running(tmp_path) as stage:
        line, _, body = split(await stage.ask(get("/")))
        head_line, headers, nothing = split(await stage.ask(get("/").replace(b"GET", b"HEAD", 1)))
        assert stage.records() == []
    assert (line, head_line, nothing) == ("HTTP/1.1 200 OK", "HTTP/1.1 200 OK", b"")
    assert body.startswith(b"kagura is here")
    assert int(headers["content-length"]) == len(body)


async def test_metrics(tmp_path: Path) -> None:
    async with running(tmp_path) as stage:
        await stage.ask(post("/openai/v1/x", b"12345", "X-Kagura-Parent-Id: bad"))
        await stage.ask(get("/nobody/x"))
        _, headers, body = split(await stage.ask(get("/kagura/metrics")))
    lines = body.decode().splitlines()
    assert headers["content-type"].startswith("text/plain; version=0.0.4")
    for line in (
        'kagura_calls_total{provider="openai",status="200"} 1',
        'kagura_calls_total{provider="none",status="refused"} 1',
        'kagura_outcomes_total{outcome="completed"} 1',
        "kagura_calls_in_flight 0",
        "kagura_request_bytes_total 5",
        "kagura_response_bytes_total 2",
        "kagura_labels_ignored_total 1",
        "kagura_journal_errors_total 0",
        "# TYPE kagura_calls_total counter",
    ):
        assert line in lines


async def test_events_are_in_the_journal_when_they_are_accepted(tmp_path: Path) -> None:
    async with running(tmp_path) as stage:
        line, _, body = split(await stage.ask(post("/kagura/v1/events", json.dumps([EVENT, EVENT]).encode())))
        assert (line, json.loads(body)) == ("HTTP/1.1 202 Accepted", {"accepted": 2})
        assert stage.records() == [Reported(event=Event(**EVENT))] * 2  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (json.dumps([EVENT, {**EVENT, "at": "x"}]).encode(), "$[1].at"),
        (b'[{"type":"x"}]', "$[0]"),
        (b"{}", "array"),
        (b"nonsense", "malformed"),
        (b'[{"type":"\xff"}]', "not a list of events"),
    ],
)
async def test_bad_events_are_refused_with_their_place(tmp_path: Path, body: bytes, place: str) -> None:
    async with running(tmp_path) as stage:
        line, _, answer = split(await stage.ask(post("/kagura/v1/events", body)))
        assert line == "HTTP/1.1 400 Bad Request"
        assert place in json.loads(answer)["error"]
        assert stage.records() == []


async def test_too_many_events_at_a_time_are_refused(tmp_path: Path) -> None:
    async with running(tmp_path) as stage:
        line, _, _ = split(await stage.ask(post("/kagura/v1/events", b" " * (MAX_EVENTS_BODY + 1))))
    assert line.startswith("HTTP/1.1 413 ")


class _FullDisk(JournalWriter):
    def append(self, record: Record) -> None:
        raise JournalError("no space left")


async def test_events_are_to_be_sent_again_when_the_journal_cannot(tmp_path: Path) -> None:
    async with running(tmp_path, journal=_FullDisk(tmp_path)) as stage:
        line, headers, _ = split(await stage.ask(post("/kagura/v1/events", json.dumps([EVENT]).encode())))
    assert (line, headers["retry-after"]) == ("HTTP/1.1 503 Service Unavailable", "5")


@pytest.mark.parametrize(
    ("host", "line", "allowed"),
    [
        ("evil.example", "X: y", False),
        ("127.0.0.1", "Origin: https://evil.example", False),
        ("127.0.0.1", "Origin: null", False),
        ("localhost:4100", "Origin: http://127.0.0.1:5173", True),
    ],
)
async def test_strangers_web_pages_are_refused(tmp_path: Path, host: str, line: str, allowed: bool) -> None:
    async with running(tmp_path) as stage:
        status, _, _ = split(await stage.ask(get("/kagura/health", line, host=host)))
    assert status == ("HTTP/1.1 200 OK" if allowed else "HTTP/1.1 403 Forbidden")


@pytest.mark.parametrize("path", ["/kagura/docs", "/kagura/openapi.json", "/kagura/nothing"])
async def test_there_is_nothing_else_below_kagura(tmp_path: Path, path: str) -> None:
    async with running(tmp_path) as stage:
        line, _, _ = split(await stage.ask(get(path)))
        assert (line, stage.upstream.visits) == ("HTTP/1.1 404 Not Found", [])


async def test_a_websocket_scope_is_refused(tmp_path: Path) -> None:
    app = create_app(settings_for(tmp_path, "http://127.0.0.1:9"), environ={})
    extensions: Mapping[str, object]
    for extensions, first in (
        ({}, "websocket.close"),
        ({"websocket.http.response": {}}, "websocket.http.response.start"),
    ):
        sent: list[dict[str, object]] = []

        async def receive() -> dict[str, object]:
            return {"type": "websocket.connect"}

        async def send(message: dict[str, object], sent: list[dict[str, object]] = sent) -> None:
            sent.append(message)

        await app({"type": "websocket", "extensions": extensions}, receive, send)  # type: ignore[arg-type]
        assert sent[0]["type"] == first
        assert sent[0].get("status", 426) == 426


def test_creating_the_application_touches_nothing(tmp_path: Path) -> None:
    create_app(settings_for(tmp_path / "home", "http://127.0.0.1:9"), environ={})
    assert list(tmp_path.iterdir()) == []
