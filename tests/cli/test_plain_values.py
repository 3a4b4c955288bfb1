"""What a command gets is the same whether Typer converts a word or nobody needs to."""

import subprocess
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.main import get_command

from kagura.cli import help_text
from kagura.cli.common import command_app
from tests.cli.seeded import Run, run, seeded

__all__ = ["run", "seeded"]


class Colour(StrEnum):
    RED = "red"
    BLUE = "light-blue"


def of_every_kind() -> tuple[Any, list[dict[str, Any]]]:
    """A command with an option of every kind that ours have, and what it was called with."""
    called: list[dict[str, Any]] = []
    app = command_app()

    @app.command()
    def paint(
        wall: Annotated[str, typer.Argument()],
        colour: Annotated[Colour, typer.Option()] = Colour.RED,
        other: Annotated[Colour | None, typer.Option()] = None,
        brush: Annotated[list[str] | None, typer.Option()] = None,
        coats: Annotated[int, typer.Option(min=1)] = 2,
        litres: Annotated[float, typer.Option(min=0.1)] = 1.5,
        note: Annotated[str | None, typer.Option()] = None,
        plan: Annotated[Path | None, typer.Option()] = None,
        wet: Annotated[bool, typer.Option("--wet/--dry")] = True,
    ) -> None:
        """Paint a wall."""
        called.append(dict(locals()))

    return get_command(app), called


@pytest.mark.parametrize(
    "words",
    [
        ["north"],
        ["north", "--colour", "light-blue", "--other", "red", "--note", "", "--dry"],
        ["north", "--brush", "a", "--brush", "b", "--coats", "3", "--litres", "2", "--plan", "plan.txt"],
        [""],
    ],
)
def test_values_are_those_that_typer_makes(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    spared, called = of_every_kind()
    spared.main(words, standalone_mode=False)
    monkeypatch.setattr(help_text, "spare", lambda _: None)
    typers, converted = of_every_kind()
    typers.main(words, standalone_mode=False)
    assert [(name, type(value), value) for name, value in called[0].items() if name != "called"] == [
        (name, type(value), value) for name, value in converted[0].items() if name != "called"
    ]


@pytest.mark.parametrize(
    "words", [[], ["north", "--colour", "green"], ["north", "--coats", "0"], ["north", "--coats", "x"]]
)
def test_what_typer_refuses_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    command, called = of_every_kind()
    with pytest.raises(SystemExit) as ended:
        command.main(words)
    assert (ended.value.code, called) == (2, [])
    assert capsys.readouterr().err


ONE_SHOTS = [
    ["monitor"],
    ["monitor", "--trace", "exec_abc123"],
    ["monitor", "--agent", "my_agent"],
    ["monitor", "--cost", "--last", "7d", "--by", "model"],
    ["top", "--once"],
    ["tail", "--no-follow"],
    ["export", "--format", "csv"],
    ["diff", "exec_abc123", "exec_def456"],
]
SPARED = {"pydantic", "asyncio", "importlib.metadata", "sqlalchemy.dialects.postgresql", "http.client", "textual"}


@pytest.mark.parametrize("words", ONE_SHOTS, ids=" ".join)
def test_a_view_loads_nothing_that_it_does_not_use(
    seeded: Run, loads: Callable[[list[str]], set[str]], words: list[str]
) -> None:
    """Of a view's time nearly all is loading: each of these would add a tenth to it, or a third."""
    assert loads(words) & SPARED == set()


@pytest.fixture
def loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[list[str]], set[str]]:
    """The modules that a command line loads in an interpreter of its own."""
    monkeypatch.setenv("KAGURA_HOME", str(tmp_path / "home"))

    def loaded(words: list[str]) -> set[str]:
        code = f"import sys, kagura.cli\ntry: kagura.cli.main({words})\nfinally: print(*sys.modules, file=sys.stderr)"
        ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert ran.stdout
        return set(ran.stderr.split())

    return loaded
