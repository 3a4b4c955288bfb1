"""One run on the screen: its tree, its bars, its details, its keys."""

import contextlib
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from kagura.model import Execution, SpanKind, Status
from kagura.store import Batch, SpanContents, Store
from tests.dashboard.samples import SECOND, at, failing_spans, llm, seed, span
from tests.dashboard.tui.stage import Stage, on_stage

CONTENTS = SpanContents(
    inputs=[
        json.dumps({"role": "system", "content": "You find shrines."}).encode(),
        json.dumps({"role": "user", "content": [{"type": "text", "text": "Where is\n  the nearest?"}]}).encode(),
    ],
    parameters=b'{"temperature": 0.5}',
    outputs=[b'{"role": "assistant", "content": "I need to search...", "tool_calls": [{"id": "x", "type": "function",'
             b' "function": {"name": "search_tool", "arguments": "{\\"query\\": \\"shrine\\"}"}}]}'],
    raw_response=b'{"id": "chatcmpl-1", "object": "chat.completion"}',
    raw_request=b'{"temperature":0.5, "messages":"as they were sent"}',
)  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    seed(tmp_path)
    call = llm("a2", 1.2, 2.1, 512, 128, "I need to search...")
    call = msgspec.structs.replace(
        call,
        attributes={"method": "POST", "target": "/v1/chat/completions", "headers": {"x-ratelimit-remaining": "12"}},
        stream=True,
        time_to_first_chunk=100_000,
        finish_reason="tool_calls",
        endpoint="chat/completions",
    )
    with Store.open(f"sqlite:///{tmp_path}/telemetry.db") as store:
        store.write(Batch(spans=[call], contents=[("a2", CONTENTS)]))
    yield tmp_path


async def chosen(stage: Stage, id: str) -> str:
    """The details of a row, as rows of text."""
    stage.list("tree").choose_key(id)
    await stage.until(lambda: getattr(stage.app.page, "_detail_of", "") == id)
    return "\n".join(stage.list("detail").lines.line(n, 80).plain for n in range(len(stage.list("detail").lines)))


async def test_the_tree_with_bars_on_an_axis(home: Path) -> None:
    async with on_stage(home, (110, 30)) as stage:
        await stage.open("exec_abc123")
        rows = [row for row in stage.rows if "━" in row]
    first, _, call, *_ = rows
    assert re.search(r"│my_agent exec_abc123 +━+ +7\.2s +\$0\.0069", first)
    assert re.search(r"├─ LLM Call #1 \[gpt-4o\] +━+ +2\.1s +\$0\.0023", call)
    assert call.index("━") > first.index("━")
    assert call.count("━") == pytest.approx(first.count("━") * 2.1 / 7.2, abs=1.1)


async def test_the_axis_tells_offsets_from_the_start(home: Path) -> None:
    async with on_stage(home, (110, 30)) as stage:
        await stage.open("exec_abc123")
        assert re.search(r"╷0s +╷2\.4s +╷4\.8s", stage.text)


async def test_inferred_failed_and_waiting_parts_are_told_without_colour(home: Path) -> None:
    async with on_stage(home, (120, 40)) as stage:
        await stage.open("exec_def456")
        assert re.search(r"├─ Tool Call: search_tool \(inferred.*╍", stage.text)
        assert re.search(r"├─ LLM Call #2 \[gpt-4o\].*──━", stage.text)
        assert "├─ ✗ LLM Call #1 [gpt-4o]" in stage.text
        assert "2 with errors" in stage.rows[0]


async def test_everything_about_a_call(home: Path) -> None:
    async with on_stage(home) as stage:
        await stage.open("exec_abc123")
        shown = await chosen(stage, "a2")
    for text in (
        "Model: gpt-4o",
        "Provider: openai · chat/completions · streamed",
        "First token: 0.1s, then 64 tok/s",
        "Finish reason: tool_calls",
        "Usage (provider)\ninput: 512\noutput: 128",
        "input: 512 × $2.00/M = $0.0010",
        "Total: $0.0023",
        "Price: gpt-4o test 2025-01-01",
        "system\nYou find shrines.",
        "user\nWhere is\n  the nearest?",
        'answer: assistant\nI need to search...\n→ search_tool({\n  "query": "shrine"\n})',
        '{\n  "temperature": 0.5\n}',
        "target: /v1/chat/completions",
        "  x-ratelimit-remaining: 12",
    ):
        assert text in shown


async def test_everything_about_a_tool_and_a_failure(home: Path) -> None:
    async with on_stage(home) as stage:
        await stage.open("exec_abc123")
        tool = await chosen(stage, "a3")
        assert 'Arguments\n{"query": "..."}' in tool
        assert "Result\n[10 results]" in tool
    async with on_stage(home) as stage:
        await stage.open("exec_def456")
        assert "HTTP 429 rate_limit: slow down" in await chosen(stage, "b1")
        assert "No price of: input, output" not in await chosen(stage, "b1")
        assert "INFERRED" in (await chosen(stage, "b3")).upper()


async def test_the_run_itself(home: Path) -> None:
    async with on_stage(home) as stage:
        await stage.open("exec_def456")
        shown = await chosen(stage, "run")
    assert "Id: exec_def456" in shown
    assert "Error\nthe linter crashed" in shown
    assert "- LLM Calls: 5" in shown


async def test_the_raw_request_and_the_raw_answer(home: Path) -> None:
    async with on_stage(home, (80, 40)) as stage:
        await stage.open("exec_abc123")
        await chosen(stage, "a2")
        await stage.press("v")
        await stage.shows(
            "┌─ Raw Request ─", "POST /v1/chat/completions", "x-ratelimit-remaining: 12", "as they were sent"
        )
        await stage.press("v")
        await stage.shows("┌─ Raw Answer ─", '"id": "chatcmpl-1"')
        await chosen(stage, "a4")
        await stage.shows("The raw answer is not kept.")
        await stage.press("v")
        await stage.shows("┌─ Details ─", "Kind: llm")
        await stage.press("v")
        await stage.shows("The raw request is not kept")
        for other in ("a3", "run"):
            await chosen(stage, other)
            await stage.shows("┌─ Details ─", "Started: ")


async def test_all_of_it_is_saved_in_a_file_of_its_own(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "kagura-a2.json").symlink_to(tmp_path / "elsewhere")
    async with on_stage(home, (120, 40)) as stage:
        await stage.open("exec_abc123")
        await chosen(stage, "a2")
        for name in ("kagura-a2-1.json", "kagura-a2-request.json", "kagura-a2-answer.json"):
            await stage.press("s")
            await stage.until((folder / name).exists)
            await stage.press("v")
        await chosen(stage, "a4")
        await stage.press("s")
        await stage.shows("Nothing of it is kept.")
    assert (folder / "kagura-a2-request.json").read_bytes() == CONTENTS.raw_request
    assert (folder / "kagura-a2-answer.json").read_bytes() == CONTENTS.raw_response
    said = json.loads((folder / "kagura-a2-1.json").read_bytes())
    assert said["input_messages"] == [json.loads(part) for part in CONTENTS.inputs]
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir() if not path.is_symlink()} == {0o600}
    assert not (tmp_path / "elsewhere").exists()


async def test_a_folder_that_cannot_be_written_is_told_of(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/proc")
    async with on_stage(home, (120, 40)) as stage:
        await stage.open("exec_abc123")
        await chosen(stage, "a2")
        await stage.press("s")
        await stage.shows("cannot be written")


async def test_all_of_it_goes_to_the_pager_harmless(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = json.dumps({"role": "assistant", "content": "word " * 200_000 + "\x1b[31mend"}).encode()
    with Store.open(f"sqlite:///{home}/telemetry.db") as store:
        store.write(Batch(contents=[("a2", SpanContents(outputs=[long], raw_response=b"\x1b[31mred"))]))
    monkeypatch.setattr("textual.app.App.suspend", contextlib.nullcontext)
    monkeypatch.setenv("PAGER", f"cp -t {tmp_path}")
    async with on_stage(home, (120, 40)) as stage:
        await stage.open("exec_abc123")
        shown = await chosen(stage, "a2")
        assert "o reads all, s saves it" in shown
        await stage.press("o")
        await stage.until(lambda: list(tmp_path.glob("kagura-*.txt")))
        (copy,) = tmp_path.glob("kagura-*.txt")
        await stage.until(lambda: "␛[31mend" in copy.read_text())
        assert "\x1b" not in copy.read_text()
        monkeypatch.setenv("PAGER", "/no/such/pager")
        await stage.press("o")
        await stage.shows("/no/such/pager: No such file")


async def test_next_and_previous_error_go_around(home: Path) -> None:
    async with on_stage(home) as stage:
        await stage.open("exec_def456")
        seen = []
        for key in ("n", "n", "n", "N", "N"):
            await stage.press(key)
            seen.append(stage.chosen)
    assert seen == ["b1", "b8", "b1", "b8", "b1"]


async def test_a_run_without_errors_says_so(home: Path) -> None:
    async with on_stage(home) as stage:
        await stage.open("exec_abc123")
        await stage.press("n")
        await stage.shows("No errors in this run.")
        assert stage.chosen == "run"


async def test_folding(home: Path) -> None:
    async with on_stage(home, (120, 30)) as stage:
        await stage.open("exec_def456")
        stage.list("tree").choose_key("b3")
        await stage.press("c")
        assert "search_tool (inferred) (+2)" in stage.text
        assert "Agent: helper" not in stage.text
        assert stage.chosen == "b3"
        await stage.press("c")
        assert "Agent: helper" in stage.text


async def test_zoom_gives_the_details_the_screen(home: Path) -> None:
    async with on_stage(home) as stage:
        await stage.open("exec_abc123")
        await stage.press("enter")
        assert "Timeline" not in stage.text
        assert stage.list("detail").has_focus
        await stage.press("j", "escape")
        assert "┌─ Timeline ─" in stage.text
        assert stage.list("tree").has_focus


async def test_tab_moves_between_the_panes_and_details_scroll(home: Path) -> None:
    async with on_stage(home) as stage:
        await stage.open("exec_abc123")
        await chosen(stage, "a2")
        await stage.press("J")
        assert stage.list("detail").scroll_offset.y == 5
        await stage.press("K", "tab", "j", "j")
        assert (stage.list("detail").scroll_offset.y, stage.chosen) == (2, "a2")
        await stage.press("tab")
        assert stage.list("tree").has_focus


async def test_copying(home: Path) -> None:
    async with on_stage(home) as stage:
        await stage.open("exec_abc123")
        await chosen(stage, "a2")
        await stage.press("y")
        assert "You find shrines." in stage.app.clipboard
        await stage.press("Y")
        assert stage.app.clipboard == "a2"
        await stage.press("g", "Y")
        assert stage.app.clipboard == "exec_abc123"


async def test_following_a_run_that_goes_on(home: Path) -> None:
    begun = Execution(id="live", agent="walker", status=Status.RUNNING, started_at=at(17, 45, 20), declared=True)
    steps = [llm(f"s{n}", n, None if n == 2 else 0.5, 10, 5, "ok", execution_id="live") for n in range(3)]
    with Store.open(f"sqlite:///{home}/telemetry.db") as store:
        store.write(Batch(executions=[begun], spans=steps[:2]))
        async with on_stage(home) as stage:
            await stage.open("live")
            await stage.press("f")
            assert ("FOLLOWING" in stage.rows[0], stage.chosen) == (True, "s1")
            store.write(Batch(spans=steps[2:]))
            await stage.until(lambda: stage.chosen == "s2")
            await stage.shows("RUNNING")
            await stage.press("f")
            assert "FOLLOWING" not in stage.rows[0]


async def test_wide_screens_have_the_panes_side_by_side(home: Path) -> None:
    async with on_stage(home, (200, 60)) as stage:
        await stage.open("exec_abc123")
        assert re.search(r"┌─ Timeline ─+┐┌─ Details ─+┐", stage.rows[1])


async def test_a_run_that_retention_removed_is_missed(home: Path) -> None:
    async with on_stage(home) as stage:
        await stage.open("exec_abc123")
        with Store.open(f"sqlite:///{home}/telemetry.db") as store:
            store.prune(days=1, content_days=1, now=at(17, 0, 0) + 40 * 86_400 * SECOND)
        await stage.press("r")
        await stage.shows("This run is no longer in the store.")
        await stage.press("n", "f", "c", "y", "v", "enter", "escape")


async def test_runs_that_a_run_started_hang_below_it(home: Path) -> None:
    child = Execution(
        id="child", agent="helper", status=Status.COMPLETED, started_at=at(17, 45, 24), declared=True,
        ended_at=at(17, 45, 26), parent_execution_id="exec_abc123",
    )  # fmt: skip
    inner = llm("c1", 1.5, 0.5, 10, 5, "inner", execution_id="child")
    with Store.open(f"sqlite:///{home}/telemetry.db") as store:
        store.write(Batch(executions=[child], spans=[inner]))
    async with on_stage(home, (120, 40)) as stage:
        await stage.open("exec_abc123")
        await stage.shows("├─ Agent: helper")
        assert "Id: child" in await chosen(stage, "run child")


async def test_a_run_of_five_thousand_spans_stays_quick(home: Path) -> None:
    spans = [
        span(f"t{n}", SpanKind.TOOL, f"tool_{n}", n / 1000, 0.5, execution_id="huge", output_preview="x" * 200)
        for n in range(5000)
    ]
    with Store.open(f"sqlite:///{home}/telemetry.db") as store:
        store.write(Batch(spans=spans))
    async with on_stage(home) as stage:
        began = time.monotonic()
        await stage.open("huge")
        assert len(stage.list("tree").lines) == 5001
        used = time.process_time()
        for _ in range(20):
            await stage.pilot.press("j", "pagedown")
        await stage.press("G")
        used = time.process_time() - used
        assert stage.chosen == "t4999"
    assert time.monotonic() - began < 20
    assert used < 3


def test_the_samples_hold_what_is_tested_here() -> None:
    assert sum(found.status is Status.FAILED for found in failing_spans()) == 2
