"""Who may read the records through the proxy, and what a reader that is asked badly does."""

import json
import struct
from pathlib import Path

import msgspec
import pytest

from kagura.config import ProxySettings
from kagura.proxy import readers
from kagura.proxy.hosts import HostGuard
from kagura.proxy.readers import BusyError, EndedError, Readers
from kagura.proxy.view import MAX_QUESTION, NEEDS_KEY, NO_PAGES, WRONG_KEY, refusal
from tests.proxy.stage import post, running, settings_for, split

KEY = "correct-horse-battery"
RIGHT = f"Authorization: Bearer {KEY}"
QUESTION = msgspec.msgpack.encode({"type": "OpenRun", "id": "none"})


def asked(body: bytes, *lines: str, host: str = "127.0.0.1", kind: str = "application/x-msgpack") -> bytes:
    request = post("/kagura/v1/view", body, *lines, host=host)
    return request.replace(b"Content-Type: application/json", f"Content-Type: {kind}".encode(), 1)


@pytest.mark.parametrize(
    ("key", "lines", "status"),
    [
        ("", [], 200),
        ("", ["Origin: http://127.0.0.1:5173"], 403),
        ("", ["X-Forwarded-For: 127.0.0.1"], 403),
        ("", ["Forwarded: for=10.0.0.1"], 403),
        ("", ["X-Real-IP: 10.0.0.1"], 403),
        ("", ["X-Forwarded-For: 10.0.0.1", "Authorization: Bearer "], 403),
        (KEY, [], 403),
        (KEY, ["Authorization: Bearer wrong"], 403),
        (KEY, [f"Authorization: Basic {KEY}"], 403),
        (KEY, [RIGHT], 200),
        (KEY, [RIGHT, "X-Forwarded-For: 10.0.0.1"], 200),
        (KEY, [RIGHT, "Origin: http://127.0.0.1:5173"], 403),
    ],
)
async def test_who_may_read(tmp_path: Path, key: str, lines: list[str], status: int) -> None:
    async with running(tmp_path, proxy=ProxySettings(view_key=key)) as stage:
        line, _, body = split(await stage.ask(asked(QUESTION, *lines)))
    assert line.split()[1] == str(status), body
    assert KEY.encode() not in body
    if status == 200:
        assert msgspec.msgpack.decode(body)["answer"] == {"type": "Gone"}


@pytest.mark.parametrize("host", ["evil.example", "kagura.example", "10.0.0.1"])
async def test_a_name_that_is_not_this_machine_needs_the_key(tmp_path: Path, host: str) -> None:
    async with running(tmp_path) as stage:
        line, _, _ = split(await stage.ask(asked(QUESTION, host=host)))
    assert line == "HTTP/1.1 403 Forbidden"


@pytest.mark.parametrize(
    ("changes", "headers", "peer", "said"),
    [
        ({}, {"host": "localhost:4100"}, "127.0.0.1", ""),
        ({}, {"host": "[::1]:4100"}, "::1", ""),
        ({}, {"host": "localhost"}, "10.0.0.1", NEEDS_KEY),
        ({}, {"host": "localhost"}, "", NEEDS_KEY),
        ({}, {}, "127.0.0.1", NEEDS_KEY),
        ({"host": "0.0.0.0"}, {"host": "localhost"}, "127.0.0.1", NEEDS_KEY),
        ({"allowed_hosts": ["kagura.example"]}, {"host": "localhost"}, "127.0.0.1", NEEDS_KEY),
        ({"view_key": KEY}, {"host": "localhost"}, "127.0.0.1", NEEDS_KEY),
        ({"view_key": KEY}, {"authorization": "Bearer é"}, "127.0.0.1", WRONG_KEY),
        ({"view_key": KEY, "host": "0.0.0.0"}, {"authorization": f"bearer {KEY}"}, "10.0.0.1", ""),
        ({"view_key": KEY}, {"authorization": f"Bearer {KEY}", "origin": "null"}, "127.0.0.1", NO_PAGES),
    ],
)
def test_only_what_can_be_this_machine_alone_needs_no_key(
    tmp_path: Path, changes: dict[str, object], headers: dict[str, str], peer: str, said: str
) -> None:
    settings = settings_for(tmp_path, "http://127.0.0.1:9", proxy=ProxySettings(**changes))  # type: ignore[arg-type]
    guard = HostGuard(settings.proxy.host, settings.proxy.allowed_hosts)
    assert refusal(settings, guard, headers, peer) == said


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b" " * (MAX_QUESTION + 1), "application/x-msgpack", 413),
        (QUESTION, "text/plain", 415),
    ],
)
async def test_what_is_no_question_reaches_no_reader(tmp_path: Path, body: bytes, kind: str, status: int) -> None:
    async with running(tmp_path) as stage:
        line, _, answer = split(await stage.ask(asked(body, kind=kind)))
    assert line.split()[1] == str(status)
    assert json.loads(answer)["error"]


async def test_questions_of_another_version_get_an_answer_that_says_so(tmp_path: Path) -> None:
    async with running(tmp_path) as stage:
        for question in ({"type": "OfTomorrow"}, {"type": "OpenRun"}, [1]):
            _, _, body = split(await stage.ask(asked(msgspec.msgpack.encode(question))))
            answer = msgspec.msgpack.decode(body)["answer"]
            assert "does not know this question" in answer["message"]
            assert "same version" in answer["remedy"]


def module(folder: Path, code: str, patch: pytest.MonkeyPatch) -> None:
    """Let readers run this code instead."""
    (folder / "bad_reader.py").write_text(code)
    patch.setattr(readers, "READER", "bad_reader")
    patch.setenv("PYTHONPATH", str(folder))


@pytest.mark.parametrize(
    "code", ["", "import time; time.sleep(60)", "import sys; sys.stdout.buffer.write(b'\\xff' * 4); sys.stdin.read()"]
)
async def test_a_reader_that_fails_is_given_up_and_started_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    monkeypatch.setattr(readers, "ANSWER_SECONDS", 0.5)
    with monkeypatch.context() as patch:
        module(tmp_path, code, patch)
        asking = Readers()
        with pytest.raises(EndedError):
            await asking.ask("a", QUESTION, {})
    monkeypatch.setattr(readers, "ANSWER_SECONDS", 20)
    reply = await asking.ask("a", QUESTION, {"KAGURA_HOME": str(tmp_path)})
    assert struct.calcsize("<I") < len(reply)
    asking.close()


async def test_readers_are_few_and_end_when_nobody_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "MOST_READERS", 1)
    own = {"KAGURA_HOME": str(tmp_path)}
    asking = Readers()
    await asking.ask("a", QUESTION, own)
    with pytest.raises(BusyError):
        await asking.ask("b", QUESTION, own)
    process = asking._readers["a"]._process
    assert process is not None
    monkeypatch.setattr(readers, "RETIRED_SECONDS", 0)
    await asking.ask("b", QUESTION, own)
    assert process.returncode != 0
    last = asking._readers["b"]._process
    monkeypatch.setattr(readers, "IDLE_SECONDS", 0)
    asking._sweep()
    assert last is not None
    assert last.returncode is not None
    assert asking._readers == {}
    asking.close()
