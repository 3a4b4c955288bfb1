"""Events into the local journal, whatever happens."""

import logging
from pathlib import Path

import pytest

from kagura.config import Settings
from kagura.errors import ConfigError
from kagura.journal import Reported, journal_files
from kagura.model import Event
from kagura.observability.reporter import Reporter

EVENT = Event(type="span", at=1, execution_id="run")


def test_events_stand_in_the_journal_at_once(tmp_path: Path) -> None:
    reporter = Reporter(lambda: Settings(home=tmp_path))
    assert reporter.report(lambda _: EVENT)
    assert not reporter.report(lambda _: None)
    (file,) = journal_files(tmp_path / "journal")
    assert [record for _, record in file.records()] == [Reported(event=EVENT)]
    reporter.close()


def broken_settings() -> Settings:
    raise ConfigError("config.yaml:1: unknown setting")


def test_nothing_reaches_the_program_and_trouble_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "journal").write_text("a file where the folder should be")
    for reporter in (Reporter(broken_settings), Reporter(lambda: Settings(home=tmp_path))):
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            assert [reporter.report(lambda _: EVENT) for _ in range(3)] == [False] * 3
        assert len(caplog.records) == 1
    fine = Reporter(lambda: Settings(home=tmp_path / "fine"))
    assert not fine.report(lambda _: 1 / 0)  # type: ignore[arg-type, return-value]
    assert fine.report(lambda _: EVENT)
    fine.close()
