"""`kagura demo`, and its bill worked out by hand."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.clients.installed import environment, exported, in_process, kagura

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


BILL = {"research_agent": RESEARCH, "review_agent": REVIEW, "translation_agent": TRANSLATION}


def test_the_sums_by_hand() -> None:
    assert [str(spent) for spent in BILL.values()] == ["0.010115", "0.0139632", "0.000687"]


def test_the_demo_costs_what_its_prices_and_tokens_say(tmp_path: Path) -> None:
    home = tmp_path / "home"
    done = kagura("demo", "--home", str(home), env=environment(home))
    assert done.returncode == 0, done.stderr
    assert_bill(cost_document(home))
    by_model = cost_document(home, "--by", "model")["rows"]
    assert sorted(Decimal(row["cost"]["billed_usd"]) for row in by_model) == sorted(BILL.values())
    assert_screen(done.stdout)
    assert_records(home)


def cost_document(home: Path, *more: str) -> Any:
    """`kagura monitor --cost --json`; two days, should midnight fall between the demo and this."""
    code, said = in_process("monitor", "--cost", "--json", "--since", "2d", *more, env=environment(home))
    assert code == 0
    return json.loads(said)


def assert_bill(shown: Any) -> None:
    """Every agent's cost is exact, and so is the total."""
    assert {row["key"]: Decimal(row["cost"]["billed_usd"]) for row in shown["rows"]} == BILL
    assert Decimal(shown["total"]["billed_usd"]) == sum(BILL.values())
    assert (shown["total"]["estimated_usd"], shown["total"]["unknown_calls"]) == ("0", 0)


def assert_screen(said: str) -> None:
    """The cost summary that the demo prints shows the same numbers, rounded."""
    for name, spent in [*((f"─ {agent} ", spent) for agent, spent in BILL.items()), ("Total: ", sum(BILL.values()))]:
        (line,) = [line for line in said.splitlines() if name in line]
        shown = Decimal(line.partition("$")[2].split()[0])
        assert shown == Decimal(spent).quantize(shown)


def assert_records(home: Path) -> None:
    """Each run is an execution, and the tools that its model asked for stand between its calls."""
    spans = exported(home)
    tools = [span for span in spans if span["kind"] == "tool"]
    assert [(tool["name"], tool["inferred"], tool["agent"]) for tool in tools] == [
        ("search_docs", True, "research_agent"),
        ("read_page", True, "research_agent"),
    ]
    assert all(tool["duration_ms"] >= 150 for tool in tools)
    calls = [span for span in spans if span["kind"] == "llm"]
    assert [call["tool_calls"] for call in calls] == [["search_docs"], ["read_page"], [], [], []]
    assert [call["agent"] for call in calls] == ["research_agent"] * 3 + ["review_agent", "translation_agent"]
    assert len({call["execution_id"] for call in calls}) == 3
    assert [run["status"] for run in exported(home, "--executions")] == ["completed"] * 3
