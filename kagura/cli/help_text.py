"""Help as every command prints it: plain text, the examples one below the other."""

import inspect
import re
from typing import Any, NamedTuple

from typer import Typer
from typer.core import TyperCommand, TyperGroup

from kagura.cli.plain_values import spare


class Example(NamedTuple):
    """A command line and what it is for (may be empty)."""

    command: str
    meaning: str


_HEAD = re.compile(r"^Examples?:", re.MULTILINE)
_QUOTED = re.compile(r"`([^`]+)`")


def split_examples(text: str) -> tuple[str, list[Example]]:
    """Prose and examples of a help text or epilog.

    Examples follow `Examples:`, one a line as `COMMAND · MEANING`, or several in backticks.
    """
    cleaned = inspect.cleandoc(text)
    found = _HEAD.search(cleaned)
    if not found:
        return cleaned, []
    prose, rest = cleaned[: found.start()].rstrip(), cleaned[found.end() :]
    quoted = [line for line in _QUOTED.findall(rest) if "kagura" in line]
    lines = [line.strip() for line in rest.splitlines() if line.strip()]
    pairs = [(line, "") for line in quoted] or [line.partition(" · ")[::2] for line in lines]
    return prose, [Example(command, meaning) for command, meaning in pairs]


def examples_of(command: Any) -> list[Example]:
    """The examples that a command's help and epilog give."""
    return [example for text in (command.help, command.epilog) for example in split_examples(text or "")[1]]


class _Spare:
    """What commands and groups of them share: plain words go past Typer's converter."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        for parameter in getattr(self, "params", ()):
            spare(parameter)

    def get_help_option(self, ctx: Any) -> Any:
        """The option `--help`, which is made when it is first needed."""
        option = super().get_help_option(ctx)  # type: ignore[misc]
        spare(option)
        return option


class Group(_Spare, TyperGroup):
    """A command that has commands of its own."""


class Command(_Spare, TyperCommand):
    """A command whose examples stand at the end of its help, each on lines of its own."""

    def format_help_text(self, ctx: Any, formatter: Any) -> None:
        """Write the prose."""
        prose, _ = split_examples(self.help or "")
        formatter.write_paragraph()
        formatter.write_text(prose)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write what else the epilog says, then the examples."""
        prose, _ = split_examples(self.epilog or "")
        if prose:
            formatter.write_paragraph()
            formatter.write_text(prose)
        examples = examples_of(self)
        if not examples:
            return
        formatter.write_paragraph()
        formatter.write("Examples:\n")
        for example in examples:
            formatter.write(f"  {example.command}\n")
            if example.meaning:
                formatter.write(f"      {example.meaning}\n")


class Commands(Typer):
    """The Typer application of one command file, whose commands are of the class `Command`."""

    def command(self, name: str | None = None, **more: Any) -> Any:
        """Register a function as a command."""
        return super().command(name, **{"cls": Command, **more})
