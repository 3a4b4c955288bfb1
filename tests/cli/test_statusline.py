import io
import json
import os
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import pytest

from kagura.cli import prompt_line
from kagura.cli.quick_store import sqlite_path
from kagura.model import Cost, Span, SpanKind, Status, Usage, now_us
from kagura.store import Batch, Store
from tests.cli.seeded import Run, run
from tests.cli.test_main import HEAVY
from tests.store.conftest import empty_postgres_url

__all__ = ["empty_postgres_url", "run"]

SESSION = "0f3c2a1e-1111-2222-3333-444455556666"


def call(id: str, at: int, cost: str | None, session: str | None = None, *, estimated: bool = False) -> Span:
    total = None if cost is None else Decimal(cost)
    return Span(
        id=id,
        execution_id=session or f"run-{id}",
        kind=SpanKind.LLM,
        name="chat gpt-4o",
        agent="claude-code",
        status=Status.COMPLETED,
        started_at=at,
        ended_at=at + 1000,
        session_id=session,
        usage=Usage(input=1000, output=500),
        cost=Cost(total=total, estimated=estimated),
    )


def record(url: str) -> None:
    now = now_us()
    spans = [
        call("a", now, "0.25", SESSION),
        call("b", now, "0.17", SESSION),
        call("c", now, "4.15"),
        call("d", now - 40 * 86_400_000_000, "100"),
    ]
    with Store.open(url) as store:
        store.write(Batch(spans=spans))


@pytest.fixture
def recorded(run: Run, tmp_path: Path) -> Run:
    (tmp_path / "home").mkdir()
    record(f"sqlite:///{tmp_path}/home/telemetry.db")
    return run


def statusline(home: Path, *args: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("KAGURA_")}
    command = [sys.executable, "-m", "kagura", "statusline", *args]
    given = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
    return subprocess.run(
        command, env=env | {"KAGURA_HOME": str(home)}, text=True, capture_output=True, check=False, **given
    )  # fmt: skip


def test_today_and_its_calls(recorded: Run) -> None:
    assert recorded("statusline").out == "$4.57 today · 3 calls\n"


def test_a_session_of_its_own(recorded: Run) -> None:
    assert recorded("statusline", "--session", SESSION).out == "$0.42 session · $4.57 today\n"
    assert recorded("statusline", "--session=nobody").out == "$0.00 session · $4.57 today\n"


def test_a_format_of_ones_own(recorded: Run) -> None:
    form = "<{session_calls}|{month}|{tokens}|{errors}|{running}|{model}>"
    assert recorded("statusline", "--session", SESSION, "--format", form).out == (
        "<2 calls|$4.57|4,500 tokens|0 errors|0 running|->\n"
    )


def test_claude_code_says_on_standard_input_which_session_it_is(recorded: Run, tmp_path: Path) -> None:
    said = json.dumps({"session_id": SESSION, "model": {"display_name": "Opus\x1b[2J 5"}, "cost": {}})
    ran = statusline(tmp_path / "home", "--format", "{model}: {session}", stdin=said)
    assert (ran.stdout, ran.stderr, ran.returncode) == ("Opus[2J 5: $0.42\n", "", 0)


@pytest.mark.parametrize("said", ["", "no JSON", "{broken", "[1]", '{"session_id": 5, "model": "x"}', "{}"])
def test_other_things_on_standard_input_are_passed_over(recorded: Run, tmp_path: Path, said: str) -> None:
    ran = statusline(tmp_path / "home", stdin=said)
    assert (ran.stdout, ran.stderr, ran.returncode) == ("$4.57 today · 3 calls\n", "", 0)


def test_a_pipe_that_stays_open_holds_nothing_up(recorded: Run, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    env = os.environ | {"KAGURA_HOME": str(tmp_path / "home")}
    began = time.monotonic()
    ran = subprocess.run(
        [sys.executable, "-m", "kagura", "statusline"], stdin=reader, env=env, capture_output=True, timeout=20
    )
    os.close(writer)
    os.close(reader)
    assert ran.stdout.decode() == "$4.57 today · 3 calls\n"
    assert time.monotonic() - began < 10


def test_without_a_store_it_says_so(run: Run, tmp_path: Path) -> None:
    ran = run("statusline")
    assert (ran.code, ran.out, ran.err) == (0, "kagura: no calls yet\n", "")
    assert not (tmp_path / "home").exists()


def test_a_broken_store_is_named_on_standard_error(run: Run, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "telemetry.db").write_bytes(b"no database, but long enough to be looked at" * 50)
    ran = run("statusline")
    assert (ran.code, ran.out) == (1, "")
    assert "is not a SQLite database" in ran.err


def test_an_unknown_figure_is_refused_with_those_there_are(recorded: Run) -> None:
    ran = recorded("statusline", "--format", "{colour}")
    assert (ran.code, ran.out) == (2, "")
    assert "there is no figure {colour}" in ran.err
    assert "{today}" in ran.err


FORMS = ["{today} {calls} {tokens} {errors} {running} {month}", "{session} {session_calls}"]


@pytest.mark.parametrize("form", FORMS)
def test_the_short_way_and_the_long_one_agree(recorded: Run, tmp_path: Path, form: str) -> None:
    short = recorded("statusline", "--session", SESSION, "--format", form).out
    (tmp_path / "home" / "config.yaml").write_text(f"db: {tmp_path}/home/telemetry.db\n")
    long = recorded("statusline", "--session", SESSION, "--format", form).out
    assert short == long


def test_it_is_answered_from_postgresql(run: Run, empty_postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    url = empty_postgres_url.replace("postgresql://", "postgresql+psycopg://", 1)
    record(url)
    monkeypatch.setenv("KAGURA_DB", url)
    assert run("statusline", "--session", SESSION).out == "$0.42 session · $4.57 today\n"


def test_next_to_nothing_is_loaded(recorded: Run, tmp_path: Path) -> None:
    code = "import sys, kagura.cli\ntry: kagura.cli.main()\nfinally: print('\\n'.join(sys.modules), file=sys.stderr)"
    env = os.environ | {"KAGURA_HOME": str(tmp_path / "home")}
    ran = subprocess.run(
        [sys.executable, "-c", code, "statusline"], env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert ran.stdout == "$4.57 today · 3 calls\n"
    heavy = HEAVY | {"kagura.store", "kagura.model", "kagura.config", "json", "pathlib", "argparse"}
    assert set(ran.stderr.split("\n")) & heavy == set()


@pytest.mark.parametrize(
    ("environ", "config", "expected"),
    [
        ({}, None, "telemetry.db"),
        ({}, "capture: {content: none}\n", "telemetry.db"),
        ({}, "db: postgresql://x/y\n", None),
        ({}, '"db" : x\n', None),
        ({}, "{db: x}\n", None),
        ({"KAGURA_DB": "postgresql+psycopg://x/y"}, None, None),
        ({"KAGURA_DB": ":memory:"}, None, None),
        ({"KAGURA_DB": "sqlite:////x/y.db"}, "db: z\n", "/x/y.db"),
        ({"KAGURA_DB": "/x/y.db"}, None, "/x/y.db"),
    ],
)
def test_where_the_store_is(tmp_path: Path, environ: dict[str, str], config: str | None, expected: str | None) -> None:
    if config is not None:
        (tmp_path / "config.yaml").write_text(config)
    found = sqlite_path({"KAGURA_HOME": str(tmp_path), **environ})
    assert found == (expected and str(tmp_path / expected))


def test_days_and_months_begin_at_local_midnight(run: Run) -> None:
    day, month = prompt_line.midnights(1_760_085_923.0)  # 2025-10-10 17:45:23 in Tokyo
    assert day * 900 == 1_760_022_000
    assert month * 900 == 1_759_244_400


def test_standard_input_that_is_no_file_is_no_hindrance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("{}"))
    assert prompt_line.piped() == b""
