"""Rules follow the file in which they stand."""

import logging
import os
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from kagura.alerts.rereading import Rereading, waiting_for_rules
from kagura.alerts.watch import watching
from kagura.config import Settings, load
from kagura.model import now_us
from kagura.store import Batch, Store
from tests.alerts.test_watch import log_lines, until
from tests.store.things import cost, llm

_WRITES = count(1)


def write(file: Path, threshold: str) -> None:
    """Write a rule as if that had been done some time ago, each time at another."""
    rule = f"spend: {{when: 'cost > {threshold} in 1h', send: [log]}}" if threshold else ""
    file.write_text(f"alerts:\n  every: 1\n  rules: {{{rule}}}\n")
    at = time.time() - 10_000 + next(_WRITES)
    os.utime(file, (at, at))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    write(path, "$100")
    return path


@pytest.fixture
def read(tmp_path: Path) -> Callable[[], Settings]:
    return lambda: load(environ={"KAGURA_HOME": str(tmp_path)})


def test_what_was_changed_is_told_once(file: Path, read: Callable[[], Settings]) -> None:
    rereading = Rereading(read(), read, file)
    assert rereading.changed() is None
    write(file, "$5")
    found = rereading.changed()
    assert found is not None
    assert found.alerts.rules["spend"].when == "cost > $5 in 1h"
    assert rereading.changed() is None


def test_a_file_that_is_being_written_is_waited_for(file: Path, read: Callable[[], Settings]) -> None:
    rereading = Rereading(read(), read, file)
    file.write_text("alerts: {rules: {}}")
    assert rereading.changed() is None
    os.utime(file, (time.time() - 2, time.time() - 2))
    assert rereading.changed() is not None


def test_a_broken_file_keeps_the_rules_and_names_the_line(
    file: Path, read: Callable[[], Settings], caplog: pytest.LogCaptureFixture
) -> None:
    rereading = Rereading(read(), read, file)
    write(file, "5 apples")
    with caplog.at_level(logging.ERROR):
        assert rereading.changed() is None
        assert rereading.changed() is None
    (record,) = caplog.records
    assert "the alerts stay as they were" in record.getMessage()
    assert f"{file}:3: `alerts.rules.spend`: '5 apples' is no threshold" in record.getMessage()
    file.unlink()
    assert rereading.changed() is None


def test_a_watch_takes_new_rules(
    file: Path, read: Callable[[], Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAGURA_CONFIG", str(file))
    with Store.open(f"sqlite:///{tmp_path}/telemetry.db") as store:
        store.write(Batch(spans=[llm(1, now_us(), cost=cost("9"))]))
    with watching(read(), read):
        time.sleep(0.3)
        assert log_lines(tmp_path) == []
        write(file, "$5")
        until(lambda: log_lines(tmp_path))


def test_the_first_rule_needs_no_restart(
    file: Path, read: Callable[[], Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAGURA_CONFIG", str(file))
    write(file, "")
    with Store.open(f"sqlite:///{tmp_path}/telemetry.db") as store:
        store.write(Batch(spans=[llm(1, now_us(), cost=cost("9"))]))
    with waiting_for_rules(read(), read) as recorded:
        write(file, "$5")
        recorded(now_us())
        until(lambda: log_lines(tmp_path))
