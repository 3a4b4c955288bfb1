"""The wait before there is anything to do, with the right to collect and without weight; and what is told then."""

import subprocess
import sys
import threading
import time
from pathlib import Path

from kagura.alert_settings import AlertRule
from kagura.collector import Collector
from kagura.collector.interpretation import Interpreter
from kagura.collector.standby import stand_by
from kagura.config import AlertSettings, Settings
from kagura.journal import JournalWriter, collector_lock, collector_runs
from kagura.store import Store
from tests.collector.recorded import Recorder, T
from tests.journal.test_journal import started


def test_it_waits_for_a_journal_file_and_holds_the_lock_meanwhile(tmp_path: Path) -> None:
    settings, stop, got = Settings(home=tmp_path), threading.Event(), threading.Event()
    releases = []

    def wait() -> None:
        releases.append(stand_by(settings, stop))
        got.set()

    thread = threading.Thread(target=wait)
    thread.start()
    while not collector_runs(settings.journal_dir):
        time.sleep(0.01)
    assert not got.wait(0.3)
    writer = JournalWriter(settings.journal_dir)
    writer.append(started(1))
    assert got.wait(30)
    thread.join()
    assert collector_lock(settings.journal_dir) is None
    (release,) = releases
    assert release is not None
    release()
    assert not collector_runs(settings.journal_dir)
    writer.close()


def test_told_to_stop_it_gives_the_lock_back(tmp_path: Path) -> None:
    settings, stop = Settings(home=tmp_path), threading.Event()
    stop.set()
    assert stand_by(settings, stop) is None
    assert not collector_runs(settings.journal_dir)


def test_where_another_collects_it_waits_for_its_end(tmp_path: Path) -> None:
    settings, stop = Settings(home=tmp_path), threading.Event()
    release = collector_lock(settings.journal_dir)
    threading.Timer(0.1, stop.set).start()
    assert stand_by(settings, stop) is None
    assert release is not None
    release()


def test_alerts_are_looked_at_without_any_call(tmp_path: Path) -> None:
    rules = {"quiet": AlertRule(when="calls < 1 in 1h")}
    release = stand_by(Settings(home=tmp_path, alerts=AlertSettings(rules=rules)), threading.Event())
    assert release is not None
    release()


def test_the_wait_loads_no_store() -> None:
    heavy = ("sqlalchemy", "kagura.pricing")
    script = f"import sys, kagura.collector.standby; print([name for name in {heavy} if name in sys.modules])"
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout
    assert printed.strip() == b"[]"


def test_the_collector_tells_when_the_oldest_call_of_a_batch_began(tmp_path: Path) -> None:
    recorder, told = Recorder(tmp_path), list[int]()
    first, second, open_call = (recorder.ask({"model": "m"}, at=T + number) for number in (5, 3, 1))
    writer = JournalWriter(recorder.settings.journal_dir)
    with Store.open(recorder.settings.db_url) as store:
        interpreter = Interpreter.from_settings(recorder.settings)
        collector = Collector(recorder.settings, store, interpreter, told.append)
        for record in (first, second, open_call):
            writer.append(record)
        collector.step()
        assert told == []
        for call in (first, second):
            writer.append(recorder.answer(call, {}))
        collector.step()
        assert told == [T + 3]
        collector.step()
        assert told == [T + 3]
    writer.close()
