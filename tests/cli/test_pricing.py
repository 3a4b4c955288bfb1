import json
from pathlib import Path

import pytest

from tests.cli.seeded import Run, run

__all__ = ["run"]

LIST = {
    "litellm-of-tomorrow": {
        "litellm_provider": "openai",
        "mode": "chat",
        "input_cost_per_token": 2.5e-06,
        "output_cost_per_token": 1e-05,
    }
}


@pytest.fixture
def price_list(tmp_path: Path) -> Path:
    path = tmp_path / "prices.json"
    path.write_text(json.dumps(LIST))
    return path


def test_a_models_rates_are_shown_by_the_million(run: Run) -> None:
    out = run("pricing", "show", "gpt-4o-2024-08-06", "--provider", "openai").out
    assert out.startswith("openai/gpt-4o")
    assert "├─ input ..." in out
    assert " $2.50 / 1M tokens\n" in out


def test_rates_as_json(run: Run) -> None:
    [price] = run("pricing", "show", "openai/gpt-4o-2024-08-06", "--at", "2024-10-01", "--json").json
    rates = {rate["unit"]: rate["usd"] for rate in price["rates"] if rate["condition"] is None}
    assert (rates["input"], rates["output"], rates["cache_read"]) == ("2.5", "10", "1.25")


def test_own_prices_come_first(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAGURA_PRICES", "{my-model: {input: 0.1, output: '0.7'}}")
    monkeypatch.setenv("COLUMNS", "60")
    [price] = run("pricing", "show", "my-model", "--provider", "vllm", "--json").json
    assert [(rate["unit"], rate["usd"]) for rate in price["rates"]] == [("input", "0.1"), ("output", "0.7")]


def test_an_unknown_model_is_refused_with_near_names(run: Run) -> None:
    ran = run("pricing", "show", "gpt-4p")
    assert (ran.code, ran.out) == (2, "")
    assert "no price is known for 'gpt-4p'" in ran.err
    assert "gpt-4" in ran.err.split("\n")[1]
    assert "pricing update" in run("pricing", "show", "zzzzzzzzzz").err
    assert run("pricing", "show", "gpt-4o", "--at", "soon").code == 2


def test_a_dry_run_records_nothing(run: Run, price_list: Path, tmp_path: Path) -> None:
    out = run("pricing", "update", str(price_list), "--dry-run").out
    assert "1 price, 1 new, 0 changed" in out
    assert "+ openai/litellm-of-tomorrow" in out
    assert not (tmp_path / "home" / "prices.jsonl").exists()


def test_an_update_is_recorded_once_and_then_known(run: Run, price_list: Path) -> None:
    [first] = run("pricing", "update", str(price_list), "--json").json
    assert [change["model"] for change in first["changes"]] == ["litellm-of-tomorrow"]
    assert first["recorded"] is True
    assert "1 price, 0 new, 0 changed" in run("pricing", "update", str(price_list)).out
    assert "$2.50 / 1M tokens" in run("pricing", "show", "litellm-of-tomorrow").out


def test_a_file_that_is_no_price_list_is_an_error(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_text("{}")
    ran = run("pricing", "update", str(path))
    assert ran.code == 2
    assert "Nothing was changed." in ran.err
    assert run("pricing", "update", str(tmp_path / "absent.json")).code == 2
