"""The screens and keys in docs/monitor.md are those of the program; KAGURA_WRITE_SCREENS=1 writes the screens anew."""

import os
import re
from pathlib import Path

from kagura.dashboard.tui.help import EVERYWHERE, KEYS, MOVES
from tests.dashboard.samples import seed
from tests.dashboard.tui.stage import Stage, on_stage

PAGE = Path(__file__).parents[3] / "docs" / "monitor.md"
SIZE = (100, 24)


def block(name: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- {name} -->\n```text\n)(.*?)(```\n)", re.DOTALL)


def assert_shown(name: str, stage: Stage) -> None:
    shown = "\n".join(row.rstrip() for row in stage.rows) + "\n"
    page = PAGE.read_text(encoding="utf-8")
    if os.environ.get("KAGURA_WRITE_SCREENS"):
        page = block(name).sub(lambda match: match[1] + shown + match[3], page)
        PAGE.write_text(page, encoding="utf-8")
    found = block(name).search(page)
    assert found
    assert found[2] == shown


async def test_the_screens(tmp_path: Path) -> None:
    seed(tmp_path)
    async with on_stage(tmp_path, SIZE) as stage:
        assert_shown("home", stage)
        await stage.open("exec_def456")
        assert_shown("run", stage)


def test_the_keys() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for keys in (*KEYS.values(), MOVES, EVERYWHERE):
        for key, does in keys:
            assert f"| `{key}` | {does} |" in page
