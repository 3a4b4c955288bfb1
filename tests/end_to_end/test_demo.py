"""`kagura demo`, and its bill worked out by hand."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.clients.installed import environment, exported, kagura

MILLION = 1_000_000

RESEARCH = (
    (512 - 0) * Decimal("2.50")
    + 28 * Decimal("10.00")
    + (1480 - 1024) * Decimal("2.50")
    + 1024 * Decimal("1.25")
    + 31 * Decimal("10.00")
    + (2650 - 1408) * Decimal("2.50")
    + 1408 * Decimal("1.25")
    + 96 * Decimal("10.00")
) / MILLION
"""Three turns with gpt-4o: input, cached input and output at 2.50, 1.25 and 10.00 dollars a million
(https://developers.openai.com/api/docs/pricing, November 2026)."""

REVIEW = (420 * Decimal("3.00") + 2048 * Decimal("3.75") + 6144 * Decimal("0.30") + 212 * Decimal("15.00")) / MILLION
"""One turn with claude-sonnet-4-5: input, five-minute cache write, cache read, output
(https://platform.claude.com/docs/en/about-claude/pricing, November 2026)."""

TRANSLATION = (640 * Decimal("0.30") + (48 + 150) * Decimal("2.50")) / MILLION
"""One turn with gemini-2.5-flash: input, and output with its thoughts
(https://ai.google.dev/gemini-api/docs/pricing, November 2026)."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A demo that has run: its folder, and what it printed."""
    home = tmp_path_factory.mktemp("demo") / "home"
    done = kagura("demo", "--home", str(home), env=environment(home))
    assert done.returncode == 0, done.stderr
    return home, done.stdout


def cost_document(home: Path, *more: str) -> Any:
    done = kagura("monitor", "--cost", "--json", "--since", "2d", *more, env=environment(home))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_sums_by_hand() -> None:
    assert [str(spent) for spent in (RESEARCH, REVIEW, TRANSLATION)] == ["0.010115", "0.0139632", "0.000687"]


def test_the_bill_is_the_sum_by_hand(demo: tuple[Path, str]) -> None:
    shown = cost_document(demo[0])
    assert Decimal(shown["total"]["billed_usd"]) == RESEARCH + REVIEW + TRANSLATION
    assert (shown["total"]["estimated_usd"], shown["total"]["unknown_calls"]) == ("0", 0)
    assert {row["key"]: Decimal(row["cost"]["billed_usd"]) for row in shown["rows"]} == {
        "research_agent": RESEARCH,
        "review_agent": REVIEW,
        "translation_agent": TRANSLATION,
    }


def test_the_bill_by_model(demo: tuple[Path, str]) -> None:
    rows = cost_document(demo[0], "--by", "model")["rows"]
    assert sorted(Decimal(row["cost"]["billed_usd"]) for row in rows) == sorted((RESEARCH, REVIEW, TRANSLATION))


def test_the_screen_shows_the_same_numbers_rounded(demo: tuple[Path, str]) -> None:
    for name, spent in (
        ("─ research_agent ", RESEARCH),
        ("─ review_agent ", REVIEW),
        ("─ translation_agent ", TRANSLATION),
        ("Total: ", RESEARCH + REVIEW + TRANSLATION),
    ):
        (line,) = [line for line in demo[1].splitlines() if name in line]
        shown = Decimal(line.partition("$")[2].split()[0])
        assert shown == spent.quantize(shown)


def test_each_run_is_an_execution_with_its_tools(demo: tuple[Path, str]) -> None:
    calls = exported(demo[0])
    assert [call["tool_calls"] for call in calls] == [["search_docs"], ["read_page"], [], [], []]
    assert [call["agent"] for call in calls] == ["research_agent"] * 3 + ["review_agent", "translation_agent"]
    assert len({call["execution_id"] for call in calls}) == 3
    runs = kagura("export", "--executions", env=environment(demo[0])).stdout
    assert [json.loads(line)["status"] for line in runs.splitlines()] == ["completed"] * 3
