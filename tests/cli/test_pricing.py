import json
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
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


def test_a_price_that_changed_is_shown_as_it_was_and_is(run: Run, price_list: Path) -> None:
    run("pricing", "update", str(price_list))
    price_list.write_text(price_list.read_text().replace("2.5e-06", "2e-06"))
    assert "~ openai/litellm-of-tomorrow" in (out := run("pricing", "diff", str(price_list)).out)
    assert "input $2.50 → $2.00" in out
    assert out.endswith("Nothing was recorded.\n")
    [found] = run("pricing", "diff", str(price_list), "--json").json
    [change] = found["changes"]
    assert (change["before"]["input"], change["rates"]["input"]) == ("0.0000025", "0.000002")
    assert found["recorded"] is False
    assert "$2.50" in run("pricing", "show", "litellm-of-tomorrow").out


def test_a_list_from_an_address(run: Run, price_list: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    handler = partial(Quiet, directory=str(price_list.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/{price_list.name}"
        [found] = run("pricing", "update", url, "--json").json
        server.shutdown()
    assert (found["source"], found["recorded"]) == (f"litellm {url}", True)
    assert f"litellm {url}" in run("pricing", "show", "litellm-of-tomorrow", "--json").out
    refused = run("pricing", "update", "http://prices.example.test/list.json")
    assert refused.code == 2
    assert "https" in refused.err


def test_prices_between_two_days(run: Run) -> None:
    out = run("pricing", "diff", "--since", "2025-09-01", "--until", "2025-10-01", "--provider", "deepseek").out
    assert "~ deepseek/deepseek-chat  since 2025-09-29" in out
    found = run(
        "pricing", "diff", "--since", "2025-06-09", "--until", "2025-06-11", "--provider", "openai", "--json"
    ).json
    assert "o3" in {change["after"]["model"] for change in found}
    assert run("pricing", "diff", "--since", "2025-06-09", "--until", "2025-06-09").code == 2
    assert run("pricing", "diff", "--until", "2025-06-09").code == 2
    assert run("pricing", "diff", "list.json", "--since", "2025-06-09").code == 2


def test_models_are_listed_by_name_and_provider(run: Run) -> None:
    out = run("pricing", "list", "anthropic/claude-haiku-4*").out
    assert "anthropic/claude-haiku-4-5" in out
    assert "$1.00 in, $0.10 cached, $5.00 out" in out
    listed = run("pricing", "list", "whisper", "--provider", "groq", "--json").json
    assert {price["provider"] for price in listed} == {"groq"}
    assert all("whisper" in price["model"] for price in listed)
    assert listed[0]["minimums"] == {"seconds": "10"}


def test_nothing_to_list_is_refused_with_advice(run: Run) -> None:
    assert "Near names: openai" in run("pricing", "list", "--provider", "opnai").err
    ran = run("pricing", "list", "gpt-4p")
    assert ran.code == 2
    assert "gpt-4" in ran.err.split("\n")[1]


def test_factors_are_shown_as_such(run: Run) -> None:
    assert "× 1.1" in run("pricing", "show", "vertex/gemini-3.5-flash").out
    [price] = run("pricing", "show", "vertex/gemini-3.5-flash", "--json").json
    assert price["factors"] == [{"factor": "1.1", "condition": "any region"}]


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder without a word."""

    def log_message(self, *args: object) -> None:
        """Say nothing."""
