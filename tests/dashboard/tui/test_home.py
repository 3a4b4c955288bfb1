"""The first screen: what it shows and what its keys do."""

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from kagura.config import Settings
from kagura.dashboard.period import Clock
from kagura.dashboard.tui.agent import Agent
from kagura.dashboard.tui.feed import Progress, Reply
from kagura.dashboard.tui.help import Help
from kagura.dashboard.tui.home import Home
from kagura.dashboard.tui.reader import Reader
from kagura.model import Execution, Status
from kagura.store import Batch, Store
from kagura.store.questions import Look, Question
from tests.dashboard.samples import SECOND, ZONE, at, llm, seed
from tests.dashboard.tui.stage import on_stage


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    seed(tmp_path)
    yield tmp_path


def more_runs(home: Path, count: int) -> None:
    """Short runs of an earlier hour; run-000 is the latest."""
    batch = Batch()
    for number in range(count):
        start = at(16, 0, 0) - number * SECOND
        batch.spans.append(
            msgspec.structs.replace(
                llm(f"m{number}", 0, 1, 10, 5, "ok"),
                execution_id=f"run-{number:03}",
                agent=f"agent-{number % 3}",
                started_at=start,
                ended_at=start + SECOND + number,
                input_preview=f"question number {number}",
            )
        )
    with Store.open(f"sqlite:///{home}/telemetry.db") as store:
        store.write(batch)


async def test_the_panels_of_the_design(home: Path) -> None:
    async with on_stage(home) as stage:
        shown = stage.text
    assert re.search(r"│ Active Agents: 0 .*│ Avg Response Time: 6\.0s", shown)
    assert re.search(r"│ Total Calls: 6 .*│ P95 Response Time: 7\.2s", shown)
    assert re.search(r"│ Total Cost: \$0\.0091 .*│ Success Rate: 50\.0%", shown)
    assert re.search(r"│17:45:23 +my_agent +COMPLETED +7\.2s +\$0\.0069", shown)
    assert re.search(r"│17:45:22 +code_review +FAILED +4\.8s +\$0\.0022\+ the linter", shown)
    assert "Press 'q' to quit, 'r' to refresh, 'd' for details" in shown


async def test_money_of_today_the_week_and_the_month(home: Path) -> None:
    async with on_stage(home) as stage:
        row = next(row for row in stage.rows if "7 days" in row)
    # 0.009112 on the only day that is recorded, and thirty such days.
    assert re.search(r"Today \$0\.0091\+  7 days \$0\.0091\+  Month ~\$0\.2734", row)
    assert "█" in row


async def test_a_running_call_grows_older(home: Path) -> None:
    now = at(17, 45, 30)
    async with on_stage(home, at=Clock(lambda: now, ZONE)) as stage:
        assert re.search(r"│ +2\.5s code_review +gpt-4o +running", stage.text)
        now += 10 * SECOND
        await stage.shows(" 12.5s code_review")


class WithProgress:
    """A reader whose proxy tells of the call in flight."""

    def __init__(self, home: Path, progress: Progress) -> None:
        self._reader, self._progress = Reader(Settings(home=home)), progress
        self.asked: list[Question] = []

    def ask(self, question: Question) -> Reply:
        self.asked.append(question)
        return msgspec.structs.replace(self._reader.ask(question), flights={"b7": self._progress})

    def close(self) -> None:
        self._reader.close()


@pytest.mark.parametrize(
    ("progress", "said"),
    [
        (Progress(), "waiting for the first token"),
        (
            Progress(first_byte_at=at(17, 45, 28), last_byte_at=at(17, 45, 30), events=80),
            "streaming ~40 tok/s, first token",
        ),
        (Progress(first_byte_at=at(17, 45, 28), last_byte_at=at(17, 45, 30), events=80), "first token 0.5s"),
        (Progress(first_byte_at=at(17, 45, 28), last_byte_at=at(17, 45, 30), bytes=12_300), "12.3 kB"),
    ],
)
async def test_how_far_a_call_in_flight_has_come(home: Path, progress: Progress, said: str) -> None:
    async with on_stage(home, (100, 24), feed=WithProgress(home, progress)) as stage:
        await stage.shows(said)


async def test_selection_moves_and_stays_on_the_list(home: Path) -> None:
    async with on_stage(home) as stage:
        assert stage.chosen == "exec_abc123"
        for keys, chosen in (("j", "exec_def456"), ("j", "exec_def456"), ("k", "exec_abc123"), ("k", "exec_abc123")):
            await stage.press(keys)
            assert stage.chosen == chosen
        for keys, chosen in (("G", "exec_def456"), ("g", "exec_abc123"), ("end", "exec_def456"), ("up", "exec_abc123")):
            await stage.press(keys)
            assert stage.chosen == chosen


async def test_a_chosen_run_stays_chosen_when_newer_ones_come(home: Path) -> None:
    async with on_stage(home) as stage:
        await stage.press("j")
        newer = Execution(id="newer", agent="new_one", status=Status.RUNNING, started_at=at(17, 45, 29), declared=True)
        with Store.open(f"sqlite:///{home}/telemetry.db") as store:
            store.write(Batch(executions=[newer]))
        await stage.shows("new_one", "Active Agents: 1")
        assert stage.chosen == "exec_def456"


async def test_details_open_the_chosen_run_and_escape_goes_back(home: Path) -> None:
    for opening, closing in (("d", "escape"), ("enter", "d")):
        async with on_stage(home) as stage:
            await stage.press("j", opening)
            await stage.shows("code_review exec_def456")
            assert stage.page == "Run"
            await stage.press(closing)
            assert stage.page == "Home"
            assert stage.chosen == "exec_def456"


async def test_a_opens_the_agent_of_the_chosen_run(home: Path) -> None:
    async with on_stage(home) as stage:
        await stage.press("a")
        await stage.shows("┌─ my_agent ─", "┌─ LLM Usage ─")
        assert isinstance(stage.app.page, Agent)


async def test_the_filter_is_typed_kept_and_cleared(home: Path) -> None:
    more_runs(home, 30)
    async with on_stage(home) as stage:
        await stage.press("slash", *"agent-1 numbe")
        await stage.shows("10 runs · all time · by started ▼ · filter: agent-1 numbe")
        await stage.press("enter")
        assert stage.list("runs").has_focus
        assert "agent-1 numbe" in stage.rows[-2]
        await stage.press("j")
        assert stage.chosen == "run-004"
        await stage.press("escape")
        await stage.shows("32 runs")
        await stage.press("slash", *"a/b")
        await stage.shows("filter: a/b")
        await stage.press("escape", "slash", *"status:failed")
        await stage.shows("1 run · all time")


async def test_runs_are_sorted_by_key_and_by_mouse(home: Path) -> None:
    more_runs(home, 5)
    async with on_stage(home) as stage:
        await stage.press("s", "s")
        await stage.shows("by duration ▼")
        assert stage.chosen == "exec_abc123"
        await stage.press("S")
        await stage.shows("by duration ▲")
        assert stage.chosen == "run-000"
        await stage.pilot.click("#runs", offset=(56, 1))
        await stage.shows("by cost ▼")
        assert stage.chosen == "exec_abc123"
        await stage.pilot.click("#runs", offset=(56, 1))
        await stage.shows("by cost ▲")


async def test_a_double_click_opens_a_run(home: Path) -> None:
    async with on_stage(home) as stage:
        await stage.pilot.click("#runs", offset=(5, 3))
        assert stage.chosen == "exec_def456"
        await stage.pilot.click("#runs", offset=(5, 3), times=2)
        await stage.shows("code_review exec_def456")


async def test_the_time_window(home: Path) -> None:
    more_runs(home, 5)
    async with on_stage(home) as stage:
        assert "7 runs · all time" in stage.text
        await stage.press("w")
        await stage.shows("2 runs · 15 min", "Total Calls: 6 ")
        await stage.press("w", "w")
        await stage.shows("7 runs · today", "Total Calls: 11 ")
        await stage.press("W", "W", "W")
        await stage.shows("7 runs · all time")


async def test_pause_keeps_the_screen_and_refresh_reads_all_the_same(home: Path) -> None:
    async with on_stage(home) as stage:
        await stage.press("p")
        assert "Paused." in stage.rows[-1]
        more_runs(home, 5)
        await stage.pilot.pause(1.2)
        assert "2 runs" in stage.text
        await stage.press("r")
        await stage.shows("7 runs")
        await stage.press("p")
        assert "Paused." not in stage.rows[-1]


async def test_refresh_asks_for_everything_anew(home: Path) -> None:
    feed = WithProgress(home, Progress())
    async with on_stage(home, feed=feed) as stage:
        await stage.until(lambda: any(isinstance(question, Look) and question.seen for question in feed.asked))
        feed.asked.clear()
        await stage.press("r")
        await stage.until(lambda: any(isinstance(question, Look) and not question.seen for question in feed.asked))


async def test_themes(home: Path) -> None:
    async with on_stage(home) as stage:
        seen = [stage.app.theme]
        for _ in range(3):
            await stage.press("t")
            seen.append(stage.app.theme)
    assert seen == ["dark", "light", "ansi-dark", "dark"]


async def test_no_color_sends_no_color(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with on_stage(home) as stage:
        assert stage.app.theme == "ansi-dark"
        colors = {
            color
            for strip in stage.app.screen._compositor.render_strips()
            for segment in strip.apply_filter(stage.app.get_line_filters()[-1], stage.app.screen.styles.background)
            if segment.style
            for color in (segment.style.color, segment.style.bgcolor)
            if color
        }
    assert {color.name for color in colors} == {"default"}


async def test_help_lists_the_keys_of_the_screen(home: Path) -> None:
    async with on_stage(home, (100, 40)) as stage:
        await stage.press("question_mark")
        assert isinstance(stage.app.screen, Help)
        assert "filter: words, agent:NAME" in stage.text
        await stage.press("escape")
        assert not isinstance(stage.app.screen, Help)


async def test_the_id_is_copied_for_the_terminal(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with on_stage(home) as stage:
        written: list[str] = []
        driver = stage.app._driver
        assert driver is not None
        monkeypatch.setattr(driver, "write", written.append)
        await stage.press("y")
        assert stage.app.clipboard == "exec_abc123"
    encoded = base64.b64encode(b"exec_abc123").decode()
    assert f"\x1b]52;c;{encoded}\x07" in written


async def test_q_and_ctrl_c_end_it(home: Path) -> None:
    for key in ("q", "ctrl+c"):
        async with on_stage(home) as stage:
            await stage.pilot.press(key)
            await stage.pilot.pause()
            assert not stage.app.is_running


async def test_older_runs_come_when_the_end_is_reached(home: Path) -> None:
    more_runs(home, 900)
    async with on_stage(home) as stage:
        assert "200+ runs" in stage.text
        await stage.press("G")
        await stage.shows("800+ runs")
        await stage.press("G")
        await stage.shows("902 runs")
        await stage.press("G")
        assert stage.chosen == "run-899"


async def test_an_empty_home_says_how_to_begin_and_shows_what_comes(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        assert "No calls are recorded yet." in stage.text
        assert "Total Calls: 0" in stage.text
        await stage.press("j", "d", "a", "y", "s")
        seed(tmp_path)
        await stage.shows("my_agent", "COMPLETED")
        assert "No calls are recorded yet." not in stage.text


async def test_a_store_that_is_deleted_and_made_anew(home: Path) -> None:
    async with on_stage(home) as stage:
        for name in ("telemetry.db", "telemetry.db-wal", "telemetry.db-shm"):
            (home / name).unlink(missing_ok=True)
        await stage.shows("No calls are recorded yet.")
        seed(home)
        await stage.shows("my_agent")


async def test_a_store_that_cannot_be_read_says_so_above_what_was_shown(home: Path) -> None:
    async with on_stage(home) as stage:
        (home / "telemetry.db").rename(home / "elsewhere.db")
        (home / "telemetry.db").write_bytes(b"this is no database" * 100)
        await stage.shows("⚠ ", "is not a SQLite database", "my_agent")
        (home / "telemetry.db").unlink()
        (home / "elsewhere.db").rename(home / "telemetry.db")
        await stage.until(lambda: "⚠" not in stage.text)


async def test_resizing_rearranges_the_panels(home: Path) -> None:
    async with on_stage(home, (200, 60)) as stage:
        assert "┌─ Cost ─" in stage.text
        for size in ((80, 24), (60, 20), (150, 50)):
            await stage.pilot.resize_terminal(*size)
            await stage.settled()
            stage.assert_whole()
        assert "┌─ Cost ─" in stage.text


async def test_data_that_do_not_change_are_not_drawn_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with on_stage(home) as stage:
        drawn: list[object] = []
        assert isinstance(stage.app.page, Home)
        monkeypatch.setattr(stage.app.page, "_draw_panels", lambda: drawn.append(1))
        await stage.pilot.pause(2.2)
        assert drawn == []
