import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from rich.cells import cell_len

from kagura.cli import tail
from kagura.config import Settings
from kagura.dashboard.following import SLACK, Follower
from kagura.dashboard.period import Clock
from kagura.dashboard.source import Source
from kagura.model import Span, Status, now_us
from kagura.store import Batch, Store
from kagura.store.questions import EndedQuery
from tests.cli.seeded import Run, run, seeded
from tests.store.things import SECOND, llm, running

__all__ = ["run", "seeded"]

WHOLE = ("tail", "--no-follow")


def write(home: Path, *spans: Span) -> None:
    home.mkdir(exist_ok=True)
    with Store.open(f"sqlite:///{home}/telemetry.db") as store:
        store.write(Batch(spans=list(spans)))


# ---- what is printed


def test_the_latest_calls_one_line_each(seeded: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    lines = seeded(*WHOLE, "-n", "2").out.splitlines()
    assert lines[-1].split() == [
        *("10-10", "17:45", "my_agent", "gpt-4o", "1,024", "→", "256", "2.2s", "$0.0046"),
        *('"Based', "on", "the", 'search..."'),
    ]
    assert len(lines) == 2


@pytest.mark.parametrize("width", [30, 60, 80, 200])
def test_lines_are_cut_where_the_width_is_known(seeded: Run, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    lines = seeded(*WHOLE, "--all").out.splitlines()
    assert len(lines) == 10
    assert max(map(cell_len, lines)) <= width


def test_in_a_pipe_lines_are_whole(seeded: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS")
    assert 'search_tool(query="shrine", limit=3) (attempt 2)' in seeded(*WHOLE).out


def test_json_is_one_object_a_line(seeded: Run) -> None:
    objects = [json.loads(line) for line in seeded(*WHOLE, "--json").out.splitlines()]
    assert [shown["id"] for shown in objects] == ["b1", "b2", "b5", "a2", "b6", "a4"]
    assert objects[-1]["cost_usd"] == "0.004608"


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (["--agent", "my_agent"], ["a2", "a4"]),
        (["--errors"], ["b1"]),
        (["--errors", "--all"], ["b1", "b8"]),
        (["--model", "MY-"], ["b6"]),
        (["--min-cost", "0.0023"], ["a2", "a4"]),
        (["--min-cost", "$0.004"], ["a4"]),
        (["--min-duration", "2s"], ["a2", "a4"]),
        (["--session", "exec_abc123"], ["a2", "a4"]),
        (["--agent", "nobody"], []),
        (["--lines", "0"], []),
    ],
)
def test_filters(seeded: Run, filters: list[str], expected: list[str]) -> None:
    shown = seeded(*WHOLE, "--json", *filters).out.splitlines()
    assert [json.loads(line)["id"] for line in shown] == expected


@pytest.mark.parametrize("flags", [["--min-cost", "much"], ["--min-cost", "nan"], ["--min-duration", "5"], ["-n", "x"]])
def test_flags_that_cannot_be_used_are_refused(seeded: Run, flags: list[str]) -> None:
    ran = seeded(*WHOLE, *flags)
    assert (ran.code, ran.out) == (2, "")
    assert flags[0].lstrip("-") in ran.err


def test_without_a_store_there_is_nothing_and_no_store_is_made(run: Run, tmp_path: Path) -> None:
    assert run(*WHOLE) == (0, "", "")
    assert not (tmp_path / "home").exists()


# ---- following


@contextmanager
def following(home: Path, now: list[int]) -> Iterator[Follower]:
    clock = Clock(lambda: now[0])
    with Source(Settings(home=home), clock) as source:
        yield Follower(source, clock, EndedQuery())


def ids(spans: list[Span]) -> list[str]:
    return [span.id[-1] for span in spans]


def test_each_call_is_told_once_in_the_order_of_their_ends(tmp_path: Path) -> None:
    at = now_us()
    now = [at]
    write(tmp_path, llm(1, at - 5 * SECOND))
    with following(tmp_path, now) as follower:
        assert ids(follower.latest(10)) == ["1"]
        assert follower.more() == []
        now[0] += 3 * SECOND
        write(tmp_path, llm(3, at, ended_at=at + 3 * SECOND), llm(2, at + SECOND, ended_at=at + 2 * SECOND))
        assert ids(follower.more()) == ["2", "3"]
        assert follower.more() == []


def test_a_call_that_ran_for_long_is_told_when_it_ends(tmp_path: Path) -> None:
    at = now_us()
    now = [at]
    write(tmp_path, running(1, at - 3600 * SECOND))
    with following(tmp_path, now) as follower:
        assert follower.latest(10) == []
        now[0] += 600 * SECOND
        assert follower.more() == []
        now[0] += SECOND
        write(tmp_path, llm(1, at - 3600 * SECOND, ended_at=now[0]))
        assert ids(follower.more()) == ["1"]


def test_a_call_that_is_stored_late_is_told_and_one_of_yesterday_is_not(tmp_path: Path) -> None:
    at = now_us()
    now = [at]
    write(tmp_path, llm(1, at - SLACK * 2))
    with following(tmp_path, now) as follower:
        assert follower.latest(0) == []
        now[0] += SLACK
        write(tmp_path, llm(2, at + SECOND), llm(3, at - 86_400 * SECOND))
        assert ids(follower.more()) == ["2"]


def test_a_store_that_appears_later_is_followed(tmp_path: Path) -> None:
    at = now_us()
    now = [at]
    with following(tmp_path / "home", now) as follower:
        assert follower.latest(10) == []
        write(tmp_path / "home", llm(1, at))
        now[0] += 4 * SECOND
        assert ids(follower.more()) == ["1"]


@contextmanager
def process(home: Path, *args: str) -> Iterator[subprocess.Popen[str]]:
    env = os.environ | {"KAGURA_HOME": str(home)}
    command = [sys.executable, "-m", "kagura", "tail", *args]
    with subprocess.Popen(command, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as started:
        yield started
        started.kill()


def test_the_program_goes_on_until_it_is_interrupted(tmp_path: Path) -> None:
    write(tmp_path, llm(1, now_us() - 5 * SECOND))
    with process(tmp_path, "--json") as started:
        assert started.stdout
        assert json.loads(started.stdout.readline())["id"].endswith("1")
        write(tmp_path, llm(2, now_us() - 2 * SECOND))
        assert json.loads(started.stdout.readline())["id"].endswith("2")
        started.send_signal(signal.SIGINT)
        assert started.wait(30) == 130
        assert started.stderr
        assert started.stderr.read() == ""


def test_it_ends_quietly_when_its_reader_has_gone(tmp_path: Path) -> None:
    write(tmp_path, llm(1, now_us() - 5 * SECOND))
    with process(tmp_path) as started:
        assert started.stdout and started.stderr
        started.stdout.readline()
        started.stdout.close()
        write(tmp_path, llm(2, now_us() - 2 * SECOND))
        assert started.wait(30) == 1
        assert started.stderr.read() == ""


def test_a_store_that_breaks_is_told_of_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kagura.errors import StoreError

    monkeypatch.setattr(tail, "POLL_SECONDS", 0)
    said: list[str] = []
    monkeypatch.setattr("typer.echo", lambda text, **_: said.append(text))

    class Broken:
        asked = 0

        def more(self) -> list[Span]:
            self.asked += 1
            if self.asked < 4:
                raise StoreError("the disk is gone")
            return [llm(1)]

    following = tail._following(Broken())  # type: ignore[arg-type]
    assert next(following).status is Status.COMPLETED
    assert said == ["kagura: the disk is gone"]
