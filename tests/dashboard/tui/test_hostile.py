"""Whatever foreign text holds, in every field of every view: shown as text, obeyed by nobody, no column broken."""

import json
from pathlib import Path

import msgspec
import pytest

from kagura.model import Execution, SpanKind, Status
from kagura.store import Batch, SpanContents, Store
from tests.dashboard.samples import HOSTILE, assert_harmless, at, failing_spans, llm, poisoned, span
from tests.dashboard.tui.stage import Stage, on_stage

BAIT = "[@click=app.quit]quit[/] [red]x[/] [/nothing] [$primary]y ]["
"""What Textual's own markup would obey."""
POISON = BAIT + HOSTILE
SIZES = [(60, 20), (80, 24), (120, 40), (300, 100)]


def poison(home: Path) -> None:
    """A run that runs and one that failed, both of hostile text, with hostile contents."""
    spans = [poisoned(failing) for failing in failing_spans()]
    contents = SpanContents(
        inputs=[json.dumps({"role": POISON, "content": POISON}).encode(), POISON.encode("utf-8", "replace")],
        parameters=json.dumps({POISON: POISON}).encode(),
        outputs=[json.dumps({"role": "assistant", "content": "\x1b[2J\x00" + "x" * 10_000_000}).encode()],
        raw_response=b"\x1b[31m\x00\xff\xfe" * 1000,
        raw_request=b"\x1b]0;title\x07\x00\xff\xfe" * 1000,
    )
    ends = {Status.RUNNING: None, Status.FAILED: at(17, 45, 29)}
    runs = [
        Execution(
            id=POISON + status, agent=POISON + status, status=status, started_at=at(17, 45, 20), ended_at=end,
            declared=True, error=POISON, session_id=POISON, user=POISON, source=POISON, tags={POISON: POISON},
        )
        for status, end in ends.items()
    ]  # fmt: skip
    batch = Batch(executions=runs)
    for run in runs:
        for number, found in enumerate(spans):
            id = f"{run.status}{number}"
            mine = msgspec.structs.replace(
                found,
                id=id,
                execution_id=run.id,
                agent=run.agent,
                parent_id=None,
                attributes={POISON: {POISON: POISON}},
            )
            batch.spans.append(mine)
            batch.contents.append((id, contents))
    home.mkdir(parents=True, exist_ok=True)
    with Store.open(f"sqlite:///{home}/telemetry.db") as store:
        store.write(batch)


@pytest.fixture(scope="module")
def poisoned_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("poisoned")
    poison(home)
    return home


def assert_calm(stage: Stage) -> None:
    stage.assert_whole()
    assert_harmless(stage.text, stage.app.size.width)
    assert "\u200d" not in stage.text


async def walk(stage: Stage, keys: str) -> None:
    for key in keys:
        await stage.press(key)
        assert_calm(stage)


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_every_view_of_hostile_text(poisoned_home: Path, size: tuple[int, int]) -> None:
    async with on_stage(poisoned_home, size) as stage:
        assert "@click" in stage.text
        assert_calm(stage)
        await walk(stage, "jksw")
        await stage.press("slash", *"[red]")
        await stage.press("enter")
        assert_calm(stage)
        await stage.press("escape")
        run = await stage.until(lambda: stage.chosen) and stage.chosen
        await stage.open(run)
        assert_calm(stage)
        for number in (1, 3, 7):
            stage.list("tree").choose(number)
            await stage.until(lambda: "Kind" in str(getattr(stage.list("detail").lines, "text", "")))
            assert_calm(stage)
            await walk(stage, "JJvJv")
            await stage.press("v")
        await stage.press("y")
        assert not set(stage.app.clipboard) & set("\x1b\x00\u202e")
        await stage.press("z", "G")
        assert_calm(stage)


async def test_an_agent_of_a_hostile_name(poisoned_home: Path) -> None:
    async with on_stage(poisoned_home) as stage:
        await stage.press("a")
        await stage.shows("LLM Usage")
        assert_harmless(stage.text, 80)
        assert stage.app.is_running


async def test_an_answer_of_ten_megabytes_is_shown_by_its_beginning(tmp_path: Path) -> None:
    answer = json.dumps({"role": "assistant", "content": "word " * 2_000_000}).encode()
    with Store.open(f"sqlite:///{tmp_path}/telemetry.db") as store:
        batch = Batch(spans=[llm("b1", 0, 1, 10, 5, "x")], contents=[("b1", SpanContents(outputs=[answer]))])
        store.write(batch)
    async with on_stage(tmp_path) as stage:
        await stage.open("exec_abc123")
        await stage.press("j")
        await stage.until(lambda: "word word" in str(getattr(stage.list("detail").lines, "text", "")))
        await stage.press("tab", "G")
        await stage.shows("bytes more")
        assert_calm(stage)


async def test_flags_skin_tones_and_joined_emoji_keep_the_columns(tmp_path: Path) -> None:
    names = ("🇯🇵🇯🇵", "👩‍👩‍👧‍👦 family", "👍🏽", "❤️ heart", "日本語エージェント", "e\u0301a\u0300", "한국어")
    with Store.open(f"sqlite:///{tmp_path}/telemetry.db") as store:
        for number, name in enumerate(names):
            run = Execution(
                id=f"r{number}", agent=name, status=Status.COMPLETED, declared=True,
                started_at=at(17, 0, number), ended_at=at(17, 1, number),
            )  # fmt: skip
            tool = span(f"t{number}", SpanKind.TOOL, name, 0, 1, execution_id=run.id)
            store.write(Batch(executions=[run], spans=[tool]))
    async with on_stage(tmp_path, (80, 30)) as stage:
        rows = [row for row in stage.rows if "COMPLETED" in row]
        assert len(rows) == len(names)
        assert_calm(stage)
        await stage.open("r1")
        assert_calm(stage)
