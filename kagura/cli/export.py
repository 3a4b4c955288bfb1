"""`kagura export`: calls or runs as JSON lines, JSON or CSV, streamed."""

import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from kagura.cli.common import ConfigOption, DbOption, HomeOption, command_app, settings_from
from kagura.errors import InputError
from kagura.model import JsonObject

app = command_app()

_EXAMPLES = """Examples:

kagura export > calls.jsonl · every call, one JSON object a line

kagura export --since 7d --agent my_agent --format csv -o week.csv · one agent's week for a spreadsheet

kagura export --executions --format json · runs with their sums"""

_PROGRESS_AFTER = 1.0
_PROGRESS_EVERY = 0.5


class Format(StrEnum):
    """How rows are written."""

    JSONL = "jsonl"
    JSON = "json"
    CSV = "csv"


@app.command(epilog=_EXAMPLES)
def export(
    form: Annotated[Format, typer.Option("--format", help="One object a line, one array, or a table.")] = Format.JSONL,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="Where to; - is standard output.")
    ] = "-",
    since: Annotated[str | None, typer.Option("--since", metavar="TIME", help="Begun from then on: a day, 7d.")] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="Begun before then; a day whole.")
    ] = None,
    agent: Annotated[str | None, typer.Option("--agent", metavar="NAME", help="Only this agent's.")] = None,
    execution: Annotated[
        str | None, typer.Option("--execution", metavar="ID", help="Only this run's, by the beginning of its id.")
    ] = None,
    executions: Annotated[bool, typer.Option("--executions", help="Runs with their sums instead of calls.")] = False,
    config: ConfigOption = None,
    home: HomeOption = None,
    db: DbOption = None,
) -> None:
    """Write calls or runs as JSON lines, JSON or CSV; prompts and answers stay out."""
    from kagura.dashboard.output import for_eyes
    from kagura.dashboard.period import Clock, parse_window
    from kagura.dashboard.rows import FORMATS
    from kagura.dashboard.source import Source

    if executions and execution:
        raise InputError("--executions and --execution cannot stand together", "Ask for one of them.")
    clock = Clock()
    window = parse_window(clock, None, since, until, None)
    with Source(settings_from(config, home, db), clock) as source:
        source.catch_up()
        if source.behind:
            typer.echo(f"kagura: {source.behind}", err=True)
        rows = source.export(window, agent, source.run_id(execution) if execution else None, executions=executions)
        chunks = FORMATS[form](_counted(rows, "runs" if executions else "calls"))
        with _target(output) as target:
            for chunk in for_eyes(chunks) if target.isatty() else chunks:
                target.write(chunk)


def _counted(rows: Iterable[JsonObject], noun: str) -> Iterator[JsonObject]:
    """The rows, with their number on a terminal's standard error where it takes longer."""
    shown, due = sys.stderr.isatty(), time.monotonic() + _PROGRESS_AFTER
    number, told = 0, False
    for number, row in enumerate(rows, 1):
        if shown and time.monotonic() > due:
            sys.stderr.write(f"\r{number:,} {noun}")
            sys.stderr.flush()
            due, told = time.monotonic() + _PROGRESS_EVERY, True
        yield row
    if told:
        sys.stderr.write(f"\r{number:,} {noun}\n")


@contextmanager
def _target(output: str) -> Iterator[BinaryIO]:
    """Standard output, or a private file that takes its name only when it is whole."""
    path = Path(output)
    if output == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        if path.exists() and not path.is_file():
            with path.open("wb") as file:
                yield file
            return
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.resolve().parent)
    except OSError as error:
        raise InputError(
            f"{output}: cannot be written: {error.strerror}", "Check the folder, and who owns it."
        ) from None
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        Path(name).replace(path.resolve())
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
