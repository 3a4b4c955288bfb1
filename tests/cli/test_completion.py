import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kagura.cli.completing import answer
from kagura.cli.completion import PLACES, Shell
from kagura.cli.monitor import DIMENSIONS
from kagura.model import Execution, Status
from kagura.store import Batch, Store
from tests.cli.seeded import Run, run, seeded
from tests.cli.test_main import HEAVY
from tests.store.things import T, llm

__all__ = ["run", "seeded"]


@pytest.fixture
def completed(seeded: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Asks as bash does, with tags in the store."""
    with Store.open(f"sqlite:///{tmp_path}/home/telemetry.db") as store:
        store.write(Batch(spans=[llm(1, T, tags={"team": "a"}, session_id="session-1", execution_id="tagged")]))
    monkeypatch.setenv("_KAGURA_COMPLETE", "bash")
    return seeded


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["mon"], ["monitor"]),
        (["--v"], ["--version"]),
        (["monitor", "--agent", ""], ["code_review", "my_agent"]),
        (["monitor", "--agent", "m"], ["my_agent"]),
        (["monitor", "--agent=c"], ["--agent=code_review"]),
        (["monitor", "--trace", "exec_a"], ["exec_abc123"]),
        (["diff", "exec_abc123", "exec_d"], ["exec_def456"]),
        (["replay", "exec_a"], ["exec_abc123"]),
        (["tail", "--model", "my"], ["my-own"]),
        (["tail", "--session", ""], ["session-1"]),
        (["monitor", "--cost", "--by", "tag"], ["tag:team"]),
        (["monitor", "--cost", "--by", "mo"], ["model"]),
        (["monitor", "--ag"], ["--agent"]),
        (["monitor", "--agent", "x", "--ag"], []),
        (["pricing", "rec"], ["reconcile"]),
        (["pricing", "show", "--prov"], ["--provider"]),
        (["export", "--format", "cs"], ["csv"]),
        (["completion", "--inst"], ["--install"]),
        (["export", "--output", ""], []),
        (["nothing", "--x"], []),
        (["monitor", "--agent", "zzz"], []),
    ],
)
def test_what_can_stand_at_the_cursor(completed: Run, words: list[str], found: list[str]) -> None:
    ran = completed(*words)
    assert (ran.code, ran.out.splitlines(), ran.err) == (0, found, "")


def test_the_long_way_by_the_store_says_the_same(completed: Run, tmp_path: Path) -> None:
    asked = [["monitor", "--agent", ""], ["tail", "--model", ""], ["replay", ""], ["tail", "--session", ""]]
    asked.append(["monitor", "--by", ""])
    short = [completed(*words).out for words in asked]
    (tmp_path / "home" / "config.yaml").write_text(f"db: {tmp_path}/home/telemetry.db\n")
    assert [completed(*words).out for words in asked] == short


@pytest.mark.parametrize("broken", [b"", b"no database at all" * 100])
def test_a_store_that_is_missing_or_broken_is_no_error_at_a_tab(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: bytes
) -> None:
    monkeypatch.setenv("_KAGURA_COMPLETE", "bash")
    if broken:
        (tmp_path / "home").mkdir()
        (tmp_path / "home" / "telemetry.db").write_bytes(broken)
    assert run("monitor", "--agent", "") == (0, "", "")


EVIL = ["$(touch pwned)", "`id`", "a;b", "a'b", 'a"b', "a\\b", "a b", "a|b", "a\x1b[2J", "a\u202eb", "a&b", "*", "a(b)"]


def test_names_that_a_shell_would_obey_are_never_offered(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").mkdir()
    names = [*EVIL, "good-name_1.0/x@y", "神社"]
    runs = [
        Execution(id=f"id-{name}", agent=name, status=Status.COMPLETED, started_at=T, declared=True) for name in names
    ]
    with Store.open(f"sqlite:///{tmp_path}/home/telemetry.db") as store:
        store.write(Batch(executions=runs))
    for shell in Shell:
        monkeypatch.setenv("_KAGURA_COMPLETE", shell)
        assert run("monitor", "--agent", "").out.split() == ["good-name_1.0/x@y", "神社"]
        shown = run("replay", "").out
        assert len(shown.splitlines()) == 2
        assert not set(shown) & set("$`\\;|&*\x1b\u202e")


def test_descriptions_are_as_each_shell_wants_them() -> None:
    rows = {"a:b": "does: $this"}
    assert answer(["a"], "bash", rows, lambda _: None, {}) == "a:b\n"
    assert answer(["a"], "zsh", rows, lambda _: None, {}) == "a\\:b:does: this\n"
    assert answer(["a"], "fish", rows, lambda _: None, {}) == "a:b\tdoes: this\n"


def test_names_need_no_library(seeded: Run, tmp_path: Path) -> None:
    code = "import sys, kagura.cli\ntry: kagura.cli.main()\nfinally: print('\\n'.join(sys.modules), file=sys.stderr)"
    env = os.environ | {"_KAGURA_COMPLETE": "bash"}
    command = [sys.executable, "-c", code, "monitor", "--agent", "my"]
    ran = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert ran.stdout == "my_agent\n"
    assert set(ran.stderr.split("\n")) & (HEAVY | {"kagura.store", "kagura.config"}) == set()


def test_dimensions_are_those_of_the_monitor() -> None:
    from kagura.cli import completing

    assert set(completing.DIMENSIONS) == set(DIMENSIONS)


# ---- the script


@pytest.mark.parametrize("shell", list(Shell))
def test_the_script_is_printed_or_installed(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shell: Shell
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert run("completion", shell).out == PLACES[shell].script
    monkeypatch.setenv("SHELL", f"/usr/bin/{shell}")
    said = run("completion", "--install").out
    [path] = [path for path in tmp_path.rglob("*kagura*") if path.is_file()]
    assert path.read_text() == PLACES[shell].script
    assert said.startswith(f"Written to {path}.\n")


def test_an_unknown_shell_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    ran = run("completion")
    assert (ran.code, ran.out) == (2, "")
    assert "Name one of bash, zsh, fish." in ran.err


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")
@pytest.mark.parametrize(
    ("typed", "found"),
    [
        (["monitor", "--agent", "my"], "my_agent"),
        (["monitor", "--agent", "=", "my"], "my_agent"),
        (["monitor", "--by", "tag", ":", "t"], "team"),
        (["monitor", "--by", "tag", ":"], "team"),
        (["moni"], "monitor"),
    ],
)
def test_bash_completes(completed: Run, tmp_path: Path, typed: list[str], found: str) -> None:
    """Readline hands `=` and `:` over as words of their own, and replaces only what stands behind them."""
    words = " ".join(f"'{word}'" for word in ["kagura", *typed])
    script = f'source /dev/stdin <<"END"\n{PLACES[Shell.BASH].script}END\n'
    script += f'COMP_WORDS=({words}); COMP_CWORD={len(typed)}; _kagura; printf "%s\\n" "${{COMPREPLY[@]}}"'
    assert said_by(["bash", "-c", script], tmp_path) == [found]


@pytest.mark.skipif(not shutil.which("fish"), reason="fish is not installed")
@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("moni", ["monitor\tShow agent runs, calls, traces and cost."]),
        ("monitor --agent my", ["my_agent"]),
        ("monitor --agent=my", ["--agent=my_agent"]),
        ("replay exec_a", ["exec_abc123\tmy_agent completed"]),
        ("export --output {home}/telemetry.d", ["{home}/telemetry.db"]),
        ("export --output={home}/telemetry.d", ["--output={home}/telemetry.db"]),
        ("run -- {home}/telemetry.d", ["{home}/telemetry.db"]),
    ],
)
def test_fish_completes(completed: Run, tmp_path: Path, typed: str, found: list[str]) -> None:
    home = tmp_path / "home"
    asked = ["fish", "--no-config", "-C", PLACES[Shell.FISH].script, "-c", f"complete -C 'kagura {typed}'"]
    assert said_by([word.format(home=home) if "complete -C" in word else word for word in asked], tmp_path) == [
        word.format(home=home) for word in found
    ]


@pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is not installed")
@pytest.mark.parametrize(
    ("typed", "found"),
    [
        (["moni"], ["monitor:Show agent runs, calls, traces and cost."]),
        (["monitor", "--agent", "my"], ["my_agent"]),
        (["replay", "exec_a"], ["exec_abc123:my_agent completed"]),
        (["export", "--output", "tele"], ["files"]),
        (["export", "--output=tele"], ["after *=", "files"]),
    ],
)
def test_zsh_completes(completed: Run, tmp_path: Path, typed: list[str], found: list[str]) -> None:
    """What the script hands to zsh's own functions."""
    script = "compdef() { }\n_describe() { print -l -- ${(P)2} }\n_files() { print files }\n"
    script += f"compset() {{ print after $2 }}\n{PLACES[Shell.ZSH].script}"
    words = " ".join(f"'{word}'" for word in ["kagura", *typed])
    script += f"words=({words}); CURRENT={len(typed) + 1}; PREFIX='{typed[-1]}'; _kagura"
    assert said_by(["zsh", "-f", "-c", script], tmp_path) == found


def said_by(command: list[str], tmp_path: Path) -> list[str]:
    """What a shell prints, in which `kagura` is this one."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "kagura"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m kagura "$@"\n')
    program.chmod(0o755)
    env = {name: value for name, value in os.environ.items() if name != "_KAGURA_COMPLETE"}
    env["PATH"] = f"{tmp_path}/bin:{env['PATH']}"
    ran = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert ran.stderr == ""
    return ran.stdout.splitlines()
