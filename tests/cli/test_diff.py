from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.cells import cell_len

from kagura.dashboard.comparison import Comparison, Side, change, differing_lines, prompt_lines
from kagura.dashboard.side_by_side import comparison_view, diff_lines
from kagura.model import Cost
from kagura.store import Batch, SpanContents, Store
from kagura.store.prompts import Prompt
from kagura.store.views import Trace
from tests.cli.seeded import Run, run, seeded
from tests.dashboard.samples import HOSTILE, assert_harmless, clock, drawn, failing_spans, my_run, my_spans, poisoned
from tests.store.things import SECOND, T, llm

__all__ = ["run", "seeded"]


def test_two_runs_side_by_side(seeded: Run) -> None:
    rows = [row.split("  ") for row in seeded("diff", "exec_a", "exec_d").out.splitlines()]
    shown = {row[0]: [part.strip() for part in row[1:] if part.strip()] for row in rows if row[0]}
    assert shown["Run"] == ["exec_abc123", "exec_def456"]
    assert shown["Duration"] == ["7.2s", "4.8s", "-33%"]
    assert shown["LLM calls"] == ["2", "4", "+2"]
    assert shown["Tokens in"] == ["1,536", "1,010", "-34%"]
    assert shown["#1"] == ["gpt-4o", "gpt-4o", "2 attempts"]
    assert shown["#3"] == ["-", "my-own"]
    assert shown["lint"] == ["-", "1 call"]


def test_as_json(seeded: Run) -> None:
    shown = seeded("diff", "exec_a", "exec_d", "--json").json
    assert shown["a"]["execution"]["id"] == "exec_abc123"
    assert (shown["a"]["llm_calls"], shown["b"]["cost"]["unknown_calls"]) == (2, 1)
    assert shown["turns"][0]["same_prompt"] is None
    assert shown["turns"][0]["b"]["attempts"] == 2
    assert shown["turns"][2]["a"] is None
    assert shown["tools"] == [{"name": "search_tool", "a": 1, "b": 1}, {"name": "lint", "a": 0, "b": 1}]


@pytest.mark.parametrize(
    ("runs", "complaint"), [(("exec_x", "exec_a"), "no run has the id"), (("exec", "exec_a"), "2")]
)
def test_runs_that_cannot_be_found_are_refused(seeded: Run, runs: tuple[str, str], complaint: str) -> None:
    ran = seeded("diff", *runs)
    assert (ran.code, ran.out) == (2, "")
    assert complaint in ran.err


def message(text: str) -> bytes:
    return msgspec.json.encode({"role": "user", "content": text})


@pytest.fixture
def asked_twice(run: Run, tmp_path: Path) -> Run:
    """Two runs of two turns: the first ones are the same, the second ones differ in a line."""
    home = tmp_path / "home"
    home.mkdir()
    prompts = {1: ["hello"], 2: ["hello", "one\ntwo\nthree"], 3: ["hello"], 4: ["hello", "one\n2\nthree"]}
    spans = [
        llm(1, T, execution_id="first"),
        llm(2, T + 3 * SECOND, execution_id="first"),
        llm(3, T + 9 * SECOND, execution_id="second"),
        llm(4, T + 12 * SECOND, execution_id="second", cost=Cost(total=Decimal("0.01"))),
    ]
    contents = [
        (span.id, SpanContents(inputs=[message(text) for text in prompts[number]]))
        for number, span in enumerate(spans, 1)
    ]
    with Store.open(f"sqlite:///{home}/telemetry.db") as store:
        store.write(Batch(spans=spans, contents=contents))
    return run


def test_prompts_that_were_sent_are_compared(asked_twice: Run) -> None:
    turns = asked_twice("diff", "first", "second", "--json").json["turns"]
    assert [turn["same_prompt"] for turn in turns] == [True, False]
    shown = asked_twice("diff", "first", "second", "--prompts").out
    assert "\n  same" in shown and "\n  differs" in shown
    assert "Prompt #1" not in shown
    assert shown.partition("Prompt #2:\n")[2].splitlines() == [
        "@@ -4,3 +4,3 @@",
        " content: one",
        "-content: two",
        "+content: 2",
        " content: three",
    ]


def test_content_that_was_not_kept_is_no_hindrance(seeded: Run) -> None:
    ran = seeded("diff", "exec_a", "exec_d", "--prompts")
    assert "Prompt #1: not kept" in ran.out


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (2, 3, "+50%"),
        (Decimal("0.5"), Decimal("0.25"), "-50%"),
        (1, 50, "50×"),
        (0, 5, ""),
        (None, 5, ""),
        (5, None, ""),
        (5, 5, ""),
    ],
)
def test_changes(before: Any, after: Any, said: str) -> None:
    assert change(before, after) == said


def test_prompts_become_lines() -> None:
    parts = [b'{"role":"user","content":[{"type":"text","text":"a\\nb"}]}', b"no JSON\nat all", b"[" * 100_000]
    assert prompt_lines(parts)[:5] == [
        "role: user",
        "content.type: text",
        "content.text: a",
        "content.text: b",
        "no JSON",
    ]


def compared(of: Any) -> Comparison:
    sides = []
    for execution, spans in ((my_run(), my_spans()), (my_run(id="b", agent="code_review"), failing_spans())):
        trace = Trace(execution=of(execution), spans=of(spans))
        sides.append(Side.of(trace, {span.id: Prompt(b"x" * 16) for span in trace.spans}))
    return Comparison(*sides)


@pytest.mark.parametrize("width", [20, 60, 80, 200])
def test_no_width_breaks_a_row(width: int) -> None:
    wide = drawn(comparison_view(compared(lambda value: value), clock()), 300)
    narrow = drawn(comparison_view(compared(lambda value: value), clock()), width)
    assert narrow.count("\n") == wide.count("\n")
    assert max(map(cell_len, narrow.split("\n"))) <= width


@pytest.mark.parametrize("width", [60, 80, 200])
def test_hostile_text_is_shown_as_text(width: int) -> None:
    assert_harmless(drawn(comparison_view(compared(poisoned), clock()), width), width)
    lines = differing_lines(prompt_lines([message(HOSTILE.replace("\ud800", ""))]), prompt_lines([message("x")]))
    assert_harmless(drawn(list(diff_lines(lines)), width), width)


def test_of_hundreds_of_turns_the_first_are_shown() -> None:
    many = [llm(n, T + n * SECOND) for n in range(1, 200)]
    side = Side.of(Trace(execution=my_run(), spans=many), {})
    shown = drawn(comparison_view(Comparison(side, side), clock()), 80)
    assert "#50 " in shown
    assert "#51 " not in shown
    assert "… 149 more turns: see --json" in shown
