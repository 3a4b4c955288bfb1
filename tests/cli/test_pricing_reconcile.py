"""`kagura pricing reconcile` as typed."""

from datetime import date
from pathlib import Path

import pytest

from tests.cli.recorded import record
from tests.cli.seeded import Run, run
from tests.pricing.exported import console_cost_csv, openai_page, openai_usage

__all__ = ["run"]

DAY = date(2026, 9, 21)


@pytest.fixture
def recorded(run: Run, tmp_path: Path) -> Run:
    record(tmp_path / "home")
    return run


@pytest.fixture
def usage(tmp_path: Path) -> str:
    """What OpenAI counted on the day: our call, and one that went past the proxy."""
    ours = openai_usage(input_tokens=2006, output_tokens=300, input_cached_tokens=1920, num_model_requests=1)
    other = openai_usage(model="gpt-4.1-mini-2025-04-14", input_tokens=1000, output_tokens=0, input_cached_tokens=0)
    path = tmp_path / "usage.json"
    path.write_text(openai_page(ours, other, day=DAY))
    return str(path)


def test_days_and_models_with_causes(recorded: Run, usage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    out = [" ".join(line.split()) for line in recorded("pricing", "reconcile", usage).out.splitlines()]
    assert out[0] == "usage.json: OpenAI usage 2026-09-21 to 2026-09-22, days of UTC"
    assert "gpt-4o provider $0.0056 kagura $0.0056 agrees 1 / 1 calls" in out
    assert "gpt-4.1-mini provider $0.00040 kagura - -$0.00040 3 / 0 calls" in out
    assert "↳ no call of this model went through the proxy" in out
    assert any(line.startswith("gpt-9000-2031-01-01 provider - kagura unknown") for line in out)
    assert out[-1].startswith("Total: provider $0.0060, kagura $0.0056, difference -$0.00040")


def test_the_same_as_json(recorded: Run, usage: str) -> None:
    found = recorded("pricing", "reconcile", usage, "--json").json
    assert (found["form"], found["provider"], found["complete"]) == ("OpenAI usage", "openai", True)
    assert (found["provider_usd"], found["kagura_usd"], found["difference_usd"]) == ("0.006015", "0.005615", "-0.0004")
    rows = {row["model"]: row for row in found["rows"]}
    assert rows["gpt-4o"]["causes"] == []
    assert rows["gpt-4o"]["kagura"]["calls"] == 1
    assert rows["gpt-9000-2031-01-01"]["kagura"]["unknown"] == 1


def test_only_calls_to_the_same_provider_are_compared(recorded: Run, tmp_path: Path) -> None:
    path = tmp_path / "cost.csv"
    path.write_text(console_cost_csv("0.0387", day=DAY))
    found = recorded("pricing", "reconcile", str(path), "--json").json
    assert [(row["model"], row["difference_usd"], row["causes"]) for row in found["rows"]] == [
        ("claude-opus-5-5", "0", [])
    ]


def test_names_that_the_user_gave_a_provider_count(recorded: Run, usage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAGURA_PROVIDERS", "{openrouter: {base_url: 'https://eu.api.openai.com'}}")
    found = recorded("pricing", "reconcile", usage, "--json").json
    assert {row["model"]: row["kagura"]["calls"] for row in found["rows"] if row["kagura"]}["gpt-4o"] == 2


def test_a_file_that_is_no_export(recorded: Run, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("hello")
    ran = recorded("pricing", "reconcile", str(path))
    assert (ran.code, ran.out) == (2, "")
    assert "not an export that kagura knows" in ran.err
    assert "Anthropic Console usage" in ran.err
    assert recorded("pricing", "reconcile", str(tmp_path / "absent")).code == 2
