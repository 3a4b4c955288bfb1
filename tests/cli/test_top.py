import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import time
from fcntl import ioctl
from pathlib import Path

import pytest
from rich.cells import cell_len

from kagura.cli import top as command
from kagura.dashboard.period import Clock
from kagura.dashboard.top import Top
from kagura.errors import StoreError
from kagura.model import Status, now_us
from kagura.store import AgentRow, Batch, CostTotals, Store
from tests.cli.seeded import Run, run
from tests.dashboard.samples import HOSTILE, assert_harmless, at, clock, drawn, seen
from tests.store.things import SECOND, failed, llm, running

__all__ = ["run"]


def agents(number: int) -> list[AgentRow]:
    return [
        AgentRow(
            agent=f"agent-{n}",
            status=Status.RUNNING if n < 2 else Status.COMPLETED,
            executions=1,
            running=int(n < 2),
            llm_calls=n,
            errors=0,
            cost=CostTotals(billed=n),  # type: ignore[arg-type]
            last_activity_at=at(17, 0, 0),
        )
        for n in range(number)
    ]


@pytest.fixture
def today(run: Run, tmp_path: Path) -> Run:
    now = now_us()
    (tmp_path / "home").mkdir()
    with Store.open(f"sqlite:///{tmp_path}/home/telemetry.db") as store:
        spans = [llm(1, now), llm(2, now), failed(3, now), running(4, now, agent="other", execution_id="r2")]
        store.write(Batch(spans=spans))
    return run


def test_what_runs_comes_first(today: Run) -> None:
    head, cost, used, first, second = today("top").out.splitlines()
    assert head.startswith("kagura ") and head.endswith("● 1 run now")
    assert cost == "$0.0020 today · 4 calls · 1 error"
    assert used == "200 → 40 tokens"
    assert first.split() == ["●", "other", "1", "running", "1", "call", "-"]
    assert second.split() == ["●", "my_agent", "failed", "3", "calls", "$0.0020"]


def test_as_json(today: Run) -> None:
    shown = json.loads(today("top", "--json").out)
    assert shown["today"]["llm_calls"] == 4
    assert [row["agent"] for row in shown["agents"]] == ["other", "my_agent"]


def test_without_a_store_it_says_so(run: Run, tmp_path: Path) -> None:
    ran = run("top")
    assert (ran.code, ran.out.splitlines()[-1]) == (0, "Nothing was called today.")
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(("width", "height"), [(40, 10), (20, 5), (80, 24), (200, 60), (10, 1)])
def test_it_fits_small_panes(width: int, height: int) -> None:
    shown = drawn(Top(seen(), agents(40), clock(), "behind").draw(width, height), width).split("\n")
    assert len(shown) <= max(height, 5)
    assert max(map(cell_len, shown)) <= width


def test_what_has_no_room_is_counted() -> None:
    shown = drawn(Top(seen(), agents(40), clock()).draw(40, 10), 40)
    assert "agent-5" in shown
    assert "agent-6" not in shown
    assert "… 34 more agents" in shown


@pytest.mark.parametrize("width", [20, 40, 80])
def test_hostile_names_are_shown_as_text(width: int) -> None:
    from msgspec.structs import replace

    rows = [replace(row, agent=HOSTILE + row.agent) for row in agents(3)]
    assert_harmless(drawn(Top(seen(), rows, clock()).draw(width), width), width)


def test_a_store_that_cannot_be_read_now_leaves_what_was_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Top:
        raise StoreError("the disk is gone")

    shown = Top(seen(), agents(3), clock())
    monkeypatch.setattr(Top, "read", broken)
    again = command._again(None, Clock(), shown)  # type: ignore[arg-type]
    assert (again.agents, again.trouble) == (shown.agents, "the disk is gone")


def test_in_a_terminal_it_renews_itself_until_interrupted(tmp_path: Path) -> None:
    main, side = pty.openpty()
    ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 40, 0, 0))
    environ = {k: v for k, v in os.environ.items() if k not in {"COLUMNS", "LINES", "NO_COLOR"}}
    environ |= {"TERM": "xterm-256color", "KAGURA_HOME": str(tmp_path)}
    args = [sys.executable, "-m", "kagura", "top", "--interval", "0.2"]
    with subprocess.Popen(args, stdin=side, stdout=side, stderr=side, env=environ) as process:
        written, asked, end = "", False, time.monotonic() + 20
        while "my_agent" not in written:
            assert time.monotonic() < end, written
            written += os.read(main, 65536).decode("utf-8", "replace")
            if "Nothing was called today." in written and not asked:
                asked = True
                with Store.open(f"sqlite:///{tmp_path}/telemetry.db") as store:
                    store.write(Batch(spans=[llm(1, now_us() - SECOND)]))
        assert "\x1b[?1049h" in written
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert "\x1b[?1049l" in os.read(main, 65536).decode("utf-8", "replace")
    os.close(main)
    os.close(side)
