"""Each screen as a picture, at three sizes, dark and light; KAGURA_WRITE_SCREENS=1 draws them anew."""

import os
import re
from pathlib import Path

import pytest

from kagura.dashboard.tui.run import Run
from tests.dashboard.samples import seed
from tests.dashboard.tui.stage import SIZES, Stage, on_stage

PICTURES = Path(__file__).parent / "pictures"
VIEWS = ("home", "run", "agent", "help")


async def prepare(stage: Stage, view: str) -> None:
    """Bring the screen to the front, and wait until nothing changes any more."""
    if view == "run":
        await stage.open("exec_def456")
        await stage.press("n")
        await stage.until(lambda: isinstance(stage.app.page, Run) and stage.app.page._detail_of == "b1")
    elif view == "help":
        await stage.press("question_mark")
        await stage.shows("Esc closes this.")
    await stage.settled()


def picture(svg: str) -> str:
    """The picture without what differs between two drawings of the same screen."""
    return re.sub(r"terminal-\d+", "terminal", svg)


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("view", VIEWS)
async def test_screens_look_as_drawn(tmp_path: Path, view: str, size: tuple[int, int], theme: str) -> None:
    seed(tmp_path)
    agent = "my_agent" if view == "agent" else None
    async with on_stage(tmp_path, size, theme=theme, agent=agent) as stage:
        if agent:
            await stage.shows("LLM Usage")
        await prepare(stage, view)
        stage.assert_whole()
        drawn = picture(stage.app.export_screenshot())
    golden = PICTURES / f"{view}_{size[0]}x{size[1]}_{theme}.svg"
    if os.environ.get("KAGURA_WRITE_SCREENS"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(drawn, encoding="utf-8")
    assert drawn == golden.read_text(encoding="utf-8"), f"{golden} shows another screen"
