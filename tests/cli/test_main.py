import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import kagura.cli
from kagura.cli import COMMANDS, command, main
from kagura.cli.help_text import Example, examples_of, split_examples
from tests.cli.seeded import Run, run, seeded

__all__ = ["run", "seeded"]


def loaded_by(*args: str) -> set[str]:
    """The modules that a command line loads in a new interpreter."""
    code = (
        "import sys, kagura.cli\n"
        f"try: kagura.cli.main({list(args)!r})\n"
        "finally: print('\\n'.join(sys.modules), file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return set(ran.stderr.split("\n"))


HEAVY = {"typer", "rich", "sqlalchemy", "fastapi", "msgspec", "yaml", "litellm", "textual", "pyarrow"}


@pytest.mark.parametrize("args", [("--help",), (), ("-h",), ("--version",)])
def test_help_needs_no_library(args: tuple[str, ...]) -> None:
    assert loaded_by(*args) & HEAVY == set()


def test_help_of_a_command_loads_no_database_and_no_terminal_library() -> None:
    """All commands in one interpreter: each says what it was the first to load."""
    code = (
        "import contextlib, io, sys, kagura.cli\n"
        f"heavy = {sorted(HEAVY - {'typer', 'msgspec', 'yaml'})!r}\n"
        "for name in kagura.cli.COMMANDS:\n"
        "    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):\n"
        "        kagura.cli.main([name, '--help'])\n"
        "    loaded = [module for module in heavy if module in sys.modules]\n"
        "    if loaded: sys.exit(f'{name} loads {loaded}')"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.stderr == ""


def all_commands() -> Iterator[tuple[str, Any]]:
    """Every command and command of a group, with its name."""
    for name in COMMANDS:
        found = command(name)
        inner = getattr(found, "commands", None)
        if inner is None:
            yield name, found
        else:
            yield from ((f"{name} {key}", value) for key, value in inner.items())


@pytest.mark.parametrize(("name", "found"), [pytest.param(*pair, id=pair[0]) for pair in all_commands()])
def test_every_command_has_help_and_examples(run: Run, name: str, found: Any) -> None:
    examples = examples_of(found)
    assert any(f"kagura {name}" in example.command for example in examples)
    ran = run(*name.split(), "--help")
    assert (ran.code, ran.err) == (0, "")
    for example in examples:
        assert f"  {example.command}\n" in ran.out
    assert ran.out.index("\nOptions:") < ran.out.index("\nExamples:")
    assert all(parameter.help for parameter in found.params if not getattr(parameter, "hidden", False))


def test_the_list_names_every_command(run: Run) -> None:
    ran = run("--help")
    assert ran.code == 0
    assert all(f"  {name} " in ran.out and line in ran.out for name, line in COMMANDS.items())
    assert max(map(len, ran.out.splitlines())) <= 80


def test_examples_are_read_in_every_form() -> None:
    assert split_examples("Does.\n\nExamples:\n\n  a · b\n\n  c") == ("Does.", [Example("a", "b"), Example("c", "")])
    assert split_examples("Examples: `kagura a` · `kagura b`") == (
        "",
        [Example("kagura a", ""), Example("kagura b", "")],
    )
    assert split_examples("Only prose.") == ("Only prose.", [])


@pytest.mark.parametrize(
    ("args", "advice"),
    [
        (["mointor"], "Did you mean `kagura monitor`"),
        (["zzz"], "`kagura --help` lists all."),
        (["--json", "monitor"], "Options stand behind the command"),
        (["monitor", "--agnet", "x"], "--agent"),
        (["pricing", "shwo"], "'show'"),
    ],
)
def test_what_was_mistyped_is_answered_with_what_was_perhaps_meant(run: Run, args: list[str], advice: str) -> None:
    ran = run(*args)
    assert (ran.code, ran.out) == (2, "")
    assert advice in ran.err


def test_an_error_that_nobody_foresaw_is_told_without_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(arguments: list[str]) -> None:
        raise ZeroDivisionError("by \x1b[2Jzero")

    monkeypatch.setattr(kagura.cli, "app", broken)
    monkeypatch.setenv("KAGURA_HOME", str(tmp_path))
    monkeypatch.delenv("KAGURA_DEBUG", raising=False)
    with pytest.raises(SystemExit) as ended:
        main(["monitor", "--agent", "secret name"])
    said = capsys.readouterr().err
    assert ended.value.code == 1
    assert "ZeroDivisionError: by \ufffd[2Jzero" in said
    assert "Traceback" not in said
    details = tmp_path / "last-error.txt"
    assert str(details) in said
    text = details.read_text()
    assert "Traceback" in text
    assert "monitor" in text
    assert "secret name" not in text
    assert stat.S_IMODE(details.stat().st_mode) == 0o600


def test_without_a_folder_the_details_go_to_a_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(arguments: list[str]) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(kagura.cli, "app", broken)
    monkeypatch.setenv("KAGURA_HOME", str(tmp_path / "none"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(SystemExit):
        main([])
    assert list(tmp_path.glob("kagura-error-*.txt"))
    assert not (tmp_path / "none").exists()
    capsys.readouterr()


@pytest.mark.parametrize("args", [("--help",), ("monitor", "--help"), ("monitor",), ("nothing-like-神社",)])
def test_a_terminal_that_cannot_show_a_character_is_no_hindrance(tmp_path: Path, args: tuple[str, ...]) -> None:
    env = os.environ | {"PYTHONIOENCODING": "ascii", "KAGURA_HOME": str(tmp_path)}
    ran = subprocess.run([sys.executable, "-m", "kagura", *args], env=env, capture_output=True, text=True, check=False)
    assert ran.returncode == (2 if args[0].startswith("nothing") else 0)
    assert ran.stdout or ran.stderr
    assert "should not have happened" not in ran.stderr


def test_colour_is_left_out_where_nobody_wants_it(seeded: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    green = "\x1b[32m"
    assert "\x1b" not in seeded("monitor", "--trace").out
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert green in seeded("monitor", "--trace").out
    monkeypatch.setenv("NO_COLOR", "1")
    assert green not in seeded("monitor", "--trace").out


def test_a_reader_that_goes_away_ends_a_command_quietly(run: Run) -> None:
    command_line = f"{sys.executable} -m kagura pricing list --json | head -1"
    ran = subprocess.run(["/bin/sh", "-c", command_line], capture_output=True, text=True, env=dict(os.environ))
    assert ran.stderr == ""
    assert ran.stdout
