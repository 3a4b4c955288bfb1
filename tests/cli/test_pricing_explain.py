"""`kagura pricing explain` as typed."""

from pathlib import Path

import pytest

from tests.cli.recorded import CACHED, CLAUDE, OPENROUTER, UNKNOWN, record
from tests.cli.seeded import Run, run

__all__ = ["run"]


@pytest.fixture
def recorded(run: Run, tmp_path: Path) -> Run:
    record(tmp_path / "home")
    return run


def squeezed(text: str) -> list[str]:
    """Lines with single spaces, without their ends."""
    return [" ".join(line.split()) for line in text.splitlines()]


def test_a_bill_line_by_line(recorded: Run) -> None:
    out = squeezed(recorded("pricing", "explain", CACHED).out)
    assert out[0] == f"Call {CACHED} 2026-09-21 23:13:20 2026-09-21T14:13:20.000000Z"
    assert "Model: gpt-4o → gpt-4o-2024-08-06" in out
    assert "input 86 × $2.50/1M = $0.000215" in out
    assert "cache read 1,920 × $1.25/1M = $0.0024" in out
    assert "output 300 × $10.00/1M = $0.003" in out
    assert "Total: $0.005615 by the price list" in out
    assert "Price: gpt-4o, genai-prices 0.2.3 2026-11-22" in out
    assert "Response model: gpt-4o-2024-08-06: the name in the price list, openai/gpt-4o" in out
    assert '"cached_tokens": 1920' in out


def test_surcharges_stand_beside_their_lines(recorded: Run) -> None:
    out = squeezed(recorded("pricing", "explain", "bbb").out)
    assert "input 1,000 × $8.00/1M × 1.1 = $0.0088 fast, inference_geo us" in out
    assert "web search 2 × $0.01 each = $0.02" in out
    assert "Total: $0.0387 by the price list" in out


def test_the_providers_own_figure_stands_beside_ours(recorded: Run) -> None:
    out = squeezed(recorded("pricing", "explain", OPENROUTER[:4]).out)
    assert "Total: $0.0037 as the provider billed it" in out
    assert "By the price list: $0.0035" in out
    assert "By the provider: $0.0037 (+$0.0002)" in out


def test_an_unknown_cost_says_why(recorded: Run) -> None:
    out = recorded("pricing", "explain", UNKNOWN).out
    assert "Total: unknown" in out
    assert "No price list has gpt-9000-2031-01-01 at openai (response model)." in out
    assert "`kagura pricing update` may bring a price" in out


def test_the_same_as_json(recorded: Run) -> None:
    found = recorded("pricing", "explain", CLAUDE, "--json").json
    assert (found["cost_usd"], found["cost_source"], found["price_model"]) == ("0.0387", "catalog", "claude-opus-5-5")
    first, *_, last = found["lines"]
    assert first == {
        "unit": "input",
        "quantity": "1000",
        "rate_usd": "0.000008",
        "factor": "1.1",
        "condition": "fast, inference_geo us",
        "amount_usd": "0.0088",
        "source": "genai-prices 0.2.3 2026-11-22",
    }
    assert (last["unit"], last["factor"]) == ("web_search", None)
    assert found["usage"]["raw"]["speed"] == "fast"
    assert found["names"][0]["how"] == "the name in the price list"
    assert found["history"] == []
    billed = recorded("pricing", "explain", OPENROUTER, "--json").json
    assert (billed["catalog_usd"], billed["provider_usd"], billed["difference_usd"]) == ("0.0035", "0.0037", "0.0002")
    unknown = recorded("pricing", "explain", UNKNOWN, "--json").json
    assert (unknown["cost_usd"], unknown["unpriced"]) == (None, ["input", "output"])
    assert unknown["reasons"]


def test_an_id_that_fits_several_calls_or_none(recorded: Run) -> None:
    several = recorded("pricing", "explain", "ab")
    assert (several.code, several.out) == (2, "")
    assert "several calls begin so" in several.err
    assert CACHED in several.err
    near = recorded("pricing", "explain", CACHED[:-1] + "1")
    assert near.code == 2
    assert f"Did you mean {CACHED}" in near.err
    assert recorded("pricing", "explain", "zzzz").code == 2
    assert recorded("pricing", "explain", " ").code == 2
