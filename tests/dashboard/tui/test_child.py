"""The reader in its own process."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kagura.dashboard.tui.child_feed import ChildFeed
from kagura.dashboard.tui.windows import WINDOWS, look
from kagura.errors import ConfigError
from kagura.store.questions import Board, Failed, Gone, Opened, OpenRun, Particulars, ReadSpan, RunsQuery
from tests.dashboard.samples import clock, seed


@pytest.fixture
def feed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ChildFeed]:
    for name in ("KAGURA_DB", "KAGURA_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    seed(tmp_path)
    feed = ChildFeed({"config": None, "home": str(tmp_path), "db": None})
    yield feed
    feed.close()


def pid(feed: ChildFeed) -> int:
    assert feed._process
    return feed._process.pid


def test_questions_are_answered(feed: ChildFeed, tmp_path: Path) -> None:
    reply = feed.ask(look(RunsQuery(), WINDOWS[0], clock(), ""))
    assert isinstance(reply.answer, Board)
    assert reply.source == str(tmp_path / "telemetry.db")
    assert {run.agent for run in reply.answer.runs} == {"my_agent", "code_review"}
    opened = feed.ask(OpenRun(id="exec_abc123")).answer
    assert isinstance(opened, Opened)
    assert len(opened.trace.spans) == 5
    assert isinstance(feed.ask(ReadSpan(id="a2")).answer, Particulars)
    assert isinstance(feed.ask(ReadSpan(id="nobody")).answer, Gone)


def test_a_reader_that_dies_is_told_of_and_started_again(feed: ChildFeed) -> None:
    feed.ask(ReadSpan(id="a2"))
    os.kill(pid(feed), signal.SIGKILL)
    answer = feed.ask(ReadSpan(id="a2")).answer
    assert isinstance(answer, Failed)
    assert answer.message == "the reader of the store has ended"
    assert isinstance(feed.ask(ReadSpan(id="a2")).answer, Particulars)


def test_settings_that_cannot_be_used_end_it(tmp_path: Path) -> None:
    broken = tmp_path / "config.yaml"
    broken.write_text("proxy: {port: many}\n")
    feed = ChildFeed({"config": str(broken), "home": str(tmp_path), "db": None})
    with pytest.raises(ConfigError, match=r"proxy\.port"):
        feed.check()
    broken.write_text("proxy: {port: 4101}\n")
    feed.check()
    assert isinstance(feed.ask(ReadSpan(id="a2")).answer, Gone)
    feed.close()


def test_its_last_words_are_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "msgspec.py").write_text("raise RuntimeError('not today')")
    feed = ChildFeed({})
    answer = feed.ask(ReadSpan(id="a2")).answer
    feed.close()
    assert isinstance(answer, Failed)
    assert answer.message == "the reader of the store has ended"
    assert answer.remedy == "RuntimeError: not today"


def test_it_ends_with_its_feed(feed: ChildFeed) -> None:
    feed.ask(ReadSpan(id="a2"))
    process = pid(feed)
    feed.close()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_closing_does_not_wait_for_a_reader_that_hangs(feed: ChildFeed) -> None:
    feed.ask(ReadSpan(id="a2"))
    os.kill(pid(feed), signal.SIGSTOP)
    began = time.monotonic()
    feed.close()
    assert time.monotonic() - began < 30
