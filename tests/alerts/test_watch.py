"""The watch beside a real collector: it fires, survives its own death, and holds nothing up."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kagura.alert_settings import AlertChannel, AlertRule
from kagura.alerts.watch import Watch, watching
from kagura.config import AlertSettings, Settings
from kagura.model import now_us
from kagura.store import Batch, Store
from tests.alerts.receiver import receiver
from tests.store.things import HOUR, SECOND, cost, llm

SPEND = {"when": "cost > $5 in 1h", "send": ["hook"], "cooldown": "0s"}


def until(true: Callable[[], Any], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


@contextmanager
def collector(home: Path, address: str, rule: dict[str, Any] = SPEND) -> Iterator["subprocess.Popen[bytes]"]:
    """A collector process with one rule and one webhook."""
    alerts = {"KAGURA_ALERTS_RULES": {"spend": rule}, "KAGURA_ALERTS_CHANNELS": {"hook": {"webhook": "${HOOK}"}}}
    environment = {name: json.dumps(value) for name, value in alerts.items()}
    environment |= {"KAGURA_HOME": str(home), "KAGURA_ALERTS_EVERY": "1", "HOOK": address}
    process = subprocess.Popen(
        [sys.executable, "-m", "kagura.collector"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | environment,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=20)


def spend(home: Path, number: int = 1, dollars: str = "7", ago: int = 0) -> None:
    with Store.open(f"sqlite:///{home}/telemetry.db") as store:
        store.write(Batch(spans=[llm(number, now_us() - ago, cost=cost(dollars))]))


def test_a_firing_is_told_once_also_by_a_collector_that_starts_again(tmp_path: Path) -> None:
    with receiver() as other:
        for _ in range(2):
            with collector(tmp_path, other.address):
                spend(tmp_path)
                until(lambda: other.got)
        assert len(other.got) == 1
        assert json.loads(other.got[0][1])["type"] == "alert.firing"
        with Store.open(f"sqlite:///{tmp_path}/telemetry.db") as store:
            assert [alert.rule for alert in store.firing_alerts()] == ["spend"]


def test_killed_while_it_sends_it_sends_again_under_the_same_id(tmp_path: Path) -> None:
    with receiver() as other:
        other.status = 0
        with collector(tmp_path, other.address) as process:
            spend(tmp_path)
            until(lambda: other.got)
            process.send_signal(signal.SIGKILL)
            process.wait()
        other.status = 204
        with Store.open(f"sqlite:///{tmp_path}/telemetry.db") as store:
            (message,) = store.alert_messages()
            assert message.delivered_at is None
            store.message_failed(message, "its lease is over", now_us())
        with collector(tmp_path, other.address):
            until(lambda: len(other.got) == 2)
        assert len(set(other.ids)) == 1


def test_a_collector_that_ends_at_once_has_looked(tmp_path: Path) -> None:
    with receiver() as other:
        spend(tmp_path)
        with collector(tmp_path, other.address, SPEND | {"send": ["hook", "log"]}) as process:
            until((tmp_path / "journal" / "collector.lock").exists)
            process.terminate()
            process.wait(20)
        assert len(other.got) == 1
        assert (tmp_path / "alerts.jsonl").exists()


def settings(home: Path, every: float = 3600, **rule: Any) -> Settings:
    rules = {"spend": AlertRule(when="cost > $5 in 1h", send=["log"], **rule)}
    channels = {"page": AlertChannel(command=["/nowhere"])}
    return Settings(home=home, alerts=AlertSettings(every=every, rules=rules, channels=channels))


def log_lines(home: Path) -> list[str]:
    path = home / "alerts.jsonl"
    return [json.loads(line)["type"] for line in path.read_text().splitlines()] if path.exists() else []


def test_what_the_collector_recorded_late_is_looked_at_in_its_own_window(tmp_path: Path) -> None:
    watch = Watch(settings(tmp_path))
    with Store.open(f"sqlite:///{tmp_path}/telemetry.db") as store:
        late = now_us() - 5 * HOUR
        store.write(Batch(spans=[llm(1, late, cost=cost("9"))]))
        assert watch.look_once(store).late == []
        watch.recorded(late)
        found = watch.look_once(store)
        assert found.late
        assert not any(finding.breaches for finding in found.findings)
        assert [row.firing for row in store.alert_states()] == [True]
        assert watch.look_once(store).late == []
        assert [row.firing for row in store.alert_states()] == [False]


def test_a_watch_that_starts_anew_looks_back_to_where_the_last_one_ended(tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path}/telemetry.db") as store:
        Watch(settings(tmp_path), now=lambda: now_us() - 5 * HOUR).look_once(store)
        store.write(Batch(spans=[llm(1, now_us() - 4 * HOUR, cost=cost("9"))]))
    with watching(settings(tmp_path)):
        until(lambda: log_lines(tmp_path))
    assert log_lines(tmp_path)[0] == "alert.firing"


def test_a_collector_without_rules_loads_nothing_of_alerts() -> None:
    script = "import sys, kagura.collector.service; print([name for name in sys.modules if 'kagura.alerts' in name])"
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout
    assert printed.strip() == b"[]"


def test_a_store_that_is_away_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / "telemetry.db").write_text("this is no database, and much longer than a header of one would be")
    with watching(settings(tmp_path, every=1)):
        time.sleep(0.2)
        (tmp_path / "telemetry.db").unlink()
        spend(tmp_path, ago=SECOND)
        until(lambda: log_lines(tmp_path))


def test_looking_takes_nothing_from_the_writer(tmp_path: Path) -> None:
    """A writer that holds the store makes the watch wait, never the other way round."""
    with Store.open(f"sqlite:///{tmp_path}/telemetry.db") as store, watching(settings(tmp_path, every=1)):
        with store.writing():
            time.sleep(1.5)
        began = time.monotonic()
        store.write(Batch(spans=[llm(1, now_us(), cost=cost("9"))]))
        assert time.monotonic() - began < 1
        until(lambda: log_lines(tmp_path))
