"""`kagura alerts` as a user types it."""

import json
from pathlib import Path

import pytest

from kagura.model import now_us
from kagura.store import AlertChanges, AlertMessage, AlertState, Batch, Store
from tests.alerts.receiver import receiver
from tests.cli.seeded import Run, run
from tests.store.things import MINUTE, cost, llm

__all__ = ["run"]

RULES = """\
alerts:
  rules:
    spend: {when: "cost > $5 in 1h", each: agent, send: [log, pager]}
    failing: {when: "error rate >= 20% in 10m"}
    quiet: {when: "tokens > 1M in 1d", each: agent}
  channels:
    pager: {webhook: "${HOOK}"}
"""


@pytest.fixture
def home(run: Run, tmp_path: Path) -> Path:
    """A home with three rules and one agent that spent too much."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "config.yaml").write_text(RULES)
    with Store.open(f"sqlite:///{home}/telemetry.db") as store:
        store.write(Batch(spans=[llm(1, now_us() - MINUTE, agent="gre\x1bedy", cost=cost("7.5"))]))
    return home


def fire(home: Path) -> None:
    state = AlertState(
        rule="spend",
        subject="gre\x1bedy",
        firing=True,
        since=now_us(),
        evaluated_at=now_us(),
        value=7.5,
        text="spend: …",
        event_id="msg_1",
    )
    failed = AlertMessage(
        id="msg_1", channel="pager", rule="spend", body="{}", created_at=now_us(), error="it answered 500"
    )
    with Store.open(f"sqlite:///{home}/telemetry.db") as store:
        store.settle_alerts(lambda _: AlertChanges(states=[state], messages=[failed]), now_us())


def test_the_list_shows_state_threshold_and_value(run: Run, home: Path) -> None:
    fire(home)
    ran = run("alerts", "list")
    rows = {line.split()[0]: line for line in ran.out.splitlines()}
    assert "gre␛edy" in rows["spend"]
    assert "firing" in rows["spend"]
    assert "> $5 in 1h" in rows["spend"]
    assert "$7.50" in rows["spend"]
    assert "no data" in rows["failing"]
    assert "1 quiet" in rows["quiet"]
    assert "spend: not told through pager: it answered 500" in ran.out
    assert all(len(line) <= 80 for line in ran.out.splitlines())
    assert "\x1b" not in ran.out


def test_the_list_as_json(run: Run, home: Path) -> None:
    fire(home)
    spend, failing, quiet = run("alerts", "list", "--json").json
    assert (spend["state"], spend["value"], spend["threshold"], spend["unit"]) == ("firing", 7.5, 5.0, "money")
    assert spend["subject"] == "gre\x1bedy"
    assert spend["since"].endswith("Z")
    assert (failing["state"], failing["value"], failing["samples"]) == ("ok", None, 1)
    assert quiet["breaches"] is False


def test_a_check_ends_with_one_where_something_fires_and_changes_nothing(run: Run, home: Path) -> None:
    ran = run("alerts", "check")
    assert ran.code == 1
    assert ran.out == "spend: cost $7.50 > $5 in 1h (agent gre�edy)\n"
    ran = run("alerts", "check", "failing", "quiet")
    assert (ran.code, ran.out) == (0, "2 rules looked at, none fires.\n")
    ran = run("alerts", "check", "--json")
    assert ran.code == 1
    assert [row["breaches"] for row in ran.json] == [True, False, False]
    with Store.open(f"sqlite:///{home}/telemetry.db") as store:
        assert store.alert_states() == []
        assert store.alerts_evaluated_at() is None
    assert not (home / "alerts.jsonl").exists()


def test_a_trial_goes_through_the_channels_of_a_rule(run: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver() as other:
        monkeypatch.setenv("HOOK", other.address)
        ran = run("alerts", "test", "spend")
        assert ran.code == 0
        assert json.loads(other.got[0][1])["type"] == "alert.test"
        other.status = 500
        failed = run("alerts", "test", "pager")
    assert ran.out.splitlines()[0].startswith(f"✓ log ({home}/alerts.jsonl): taken in ")
    assert ran.out.splitlines()[1].startswith("✓ pager (${HOOK}): taken in ")
    assert json.loads((home / "alerts.jsonl").read_text())["data"]["text"] == (
        "spend: this is a test, the alert is cost > $5 in 1h"
    )
    assert failed.code == 1
    assert failed.out == "✗ pager (${HOOK}): failed: it answered 500\n"
    assert "secret-token" not in ran.out + failed.out + ran.err + failed.err


def test_a_trial_as_json_names_what_failed(run: Run, home: Path) -> None:
    ran = run("alerts", "test", "--json")
    assert ran.code == 1
    rows = {row["channel"]: row for row in ran.json}
    assert rows["log"]["ok"]
    assert rows["pager"]["error"] == "the environment variable HOOK is not set where the collector runs"


def test_without_rules_it_says_how_to_make_one(run: Run) -> None:
    for command in ("list", "check"):
        ran = run("alerts", command)
        assert ran.code == 0
        assert "alerts.rules" in ran.out


def test_a_store_without_calls_is_no_error(run: Run, home: Path) -> None:
    (home / "telemetry.db").unlink()
    assert run("alerts", "list").out.count("no data") == 3
    assert run("alerts", "check").code == 0


def test_unknown_names_are_refused_with_a_near_one(run: Run, home: Path) -> None:
    ran = run("alerts", "check", "spent")
    assert ran.code == 2
    assert "Did you mean 'spend'?" in ran.err
    ran = run("alerts", "test", "nothing-like-it")
    assert ran.code == 2
    assert "Configured: spend, failing, quiet." in ran.err
