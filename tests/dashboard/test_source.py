from pathlib import Path

import pytest

from kagura.config import Settings
from kagura.dashboard.period import Window
from kagura.dashboard.source import Source
from kagura.errors import InputError, StoreError
from kagura.journal import JournalWriter, Reported
from kagura.model import Event
from tests.dashboard.samples import SECOND, at, clock, seed

ALWAYS = Window(None, None)


def source(home: Path) -> Source:
    return Source(Settings(home=home), clock(at(18, 0, 0)))


def test_a_missing_store_is_empty_and_is_not_made(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with source(home) as missing:
        assert missing.catch_up() is None
        assert missing.overviews()[0].llm_calls == 0
        assert missing.executions(10) == []
        assert missing.agent("x") is None
        assert missing.trace() is None
        assert missing.costs("agent", ALWAYS).rows == []
        with pytest.raises(InputError):
            missing.trace("abc")
    assert not home.exists()


def test_a_store_is_found_once_it_is_there(tmp_path: Path) -> None:
    with source(tmp_path) as late:
        late.catch_up()
        seed(tmp_path)
        late.catch_up()
        assert {run.id for run in late.executions(10)} == {"exec_abc123", "exec_def456"}


def test_a_store_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "telemetry.db").write_bytes(b"not a database" * 100)
    with source(tmp_path) as broken, pytest.raises(StoreError):
        broken.catch_up()


def test_runs_are_found_by_the_beginning_of_their_id(tmp_path: Path) -> None:
    seed(tmp_path)
    with source(tmp_path) as opened:
        opened.catch_up()
        found = opened.trace("exec_a")
        assert found is not None
        assert found.execution.id == "exec_abc123"
        assert [span.id for span in found.spans] == ["a1", "a2", "a3", "a4", "a5"]
        latest = opened.trace(agent="code_review")
        assert latest is not None
        assert latest.execution.id == "exec_def456"
        with pytest.raises(InputError, match="2 runs") as several:
            opened.trace("exec")
        assert "exec_abc123" in several.value.remedy
        with pytest.raises(InputError, match="exec_abd123") as unknown:
            opened.trace("exec_abd123")
        assert unknown.value.remedy.startswith("Near ids: exec_abc123")


def test_days_of_cost_are_those_of_the_clocks_zone(tmp_path: Path) -> None:
    seed(tmp_path)
    with Source(Settings(home=tmp_path), clock(at(18, 0, 0))) as opened:
        opened.catch_up()
        [row] = opened.costs("day", Window(at(0, 0, 0), at(0, 0, 0) + 86_400 * SECOND), "my_agent").rows
        [hour] = opened.costs("hour", ALWAYS, "my_agent").rows
    assert (row.key, hour.key) == ("2025-10-10", "2025-10-10T17:00+09:00")


def test_what_waits_in_the_journal_is_read_first(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    writer = JournalWriter(settings.journal_dir)
    started = Event(type="execution.start", at=at(17, 0, 0), execution_id="e1", data={"agent": "late"})
    writer.append(Reported(event=started))
    writer.close()
    with Source(settings, clock()) as opened:
        opened.catch_up()
        assert [run.agent for run in opened.executions(10)] == ["late"]


def test_a_journal_that_cannot_be_read_now_hides_nothing_else(tmp_path: Path) -> None:
    seed(tmp_path)
    settings = Settings(home=tmp_path)
    writer = JournalWriter(settings.journal_dir)
    writer.append(Reported(event=Event(type="execution.start", at=at(17, 0, 0), execution_id="e1")))
    writer.close()
    (settings.journal_dir / "collector.lock").mkdir()
    with Source(settings, clock()) as opened:
        opened.catch_up()
        assert opened.behind == "calls that wait in the journal are not shown: Is a directory"
        assert len(opened.executions(10)) == 2
