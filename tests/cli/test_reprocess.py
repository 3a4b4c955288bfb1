"""`kagura reprocess` as typed."""

from pathlib import Path

import pytest

from tests.cli.recorded import UNKNOWN, record
from tests.cli.seeded import Run, run

__all__ = ["run"]


@pytest.fixture
def mended(run: Run, tmp_path: Path) -> Run:
    """Recorded calls, and since then a price for the one that had none."""
    record(tmp_path / "home")
    (tmp_path / "home" / "config.yaml").write_text("prices: {gpt-9000-2031-01-01: {input: 1, output: 2}}\n")
    return run


def cost(run: Run) -> str | None:
    found: str | None = run("pricing", "explain", UNKNOWN, "--json").json["cost_usd"]
    return found


def test_what_would_change_is_told_before_anything_does(mended: Run) -> None:
    out = mended("reprocess", "--dry-run").out
    assert out.startswith("4 calls, 4 read again from the stored answer: 1 would change\n1 price found\n")
    assert "openai/gpt-9000-2031-01-01  1 call  $0.00  →  $0.0012  1 without a cost before" in out
    assert "openai/gpt-9000-2031-01-01: no price → config override (1)" in out
    assert out.endswith("Nothing was recorded.\n")
    assert cost(mended) is None


def test_nobody_to_ask_is_no_consent(mended: Run) -> None:
    ran = mended("reprocess")
    assert ran.code == 2
    assert "1 call would change, and nobody can be asked" in ran.err
    assert "--yes" in ran.err
    assert mended("reprocess", "--json").code == 2
    assert cost(mended) is None


def test_it_is_done_once_and_the_former_figures_are_kept(mended: Run) -> None:
    out = mended("reprocess", "--yes").out
    assert out.endswith("Recorded. `kagura pricing explain CALL_ID` shows what the call was before.\n")
    assert cost(mended) == "0.0012"
    explained = mended("pricing", "explain", UNKNOWN).out
    assert "Before:\nuntil " in explained
    assert ": unknown (price found)" in explained
    assert "nothing changes" in mended("reprocess", "--yes").out


def test_the_report_as_json(mended: Run) -> None:
    found = mended("reprocess", "--yes", "--json").json
    assert (found["calls"], found["changed"], found["recorded"]) == (4, 1, True)
    assert found["models"] == [
        {
            "model": "openai/gpt-9000-2031-01-01",
            "calls": 1,
            "before_usd": "0",
            "after_usd": "0.0012",
            "without_cost_before": 1,
            "prices": [{"before": None, "after": "config override", "calls": 1}],
        }
    ]
    assert mended("reprocess", "--dry-run", "--json").json["recorded"] is False


def test_only_the_time_that_was_asked_for(mended: Run) -> None:
    assert mended("reprocess", "--since", "2026-09-23", "--json").json["calls"] == 0
    assert mended("reprocess", "--until", "2026-09-20", "--json").json["calls"] == 0
    assert mended("reprocess", "--since", "2026-09-20", "--dry-run", "--json").json["changed"] == 1
    assert mended("reprocess", "--since", "soon").code == 2


def test_without_a_store_there_is_nothing_to_do(run: Run) -> None:
    ran = run("reprocess")
    assert ran.code == 1
    assert "no calls recorded yet" in ran.err
