"""`kagura tail`: calls as they end, one line each."""

import sys
import time
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated

import typer

from kagura.cli.attaching import AttachKeyEnvOption, AttachOption, source_from
from kagura.cli.common import ConfigOption, DbOption, HomeOption, JsonOption, command_app, settings_from
from kagura.errors import InputError, KaguraError

if TYPE_CHECKING:
    from kagura.dashboard.following import Follower
    from kagura.dashboard.period import Clock
    from kagura.model import Span

app = command_app()

POLL_SECONDS = 0.5

_EXAMPLES = """Examples:

kagura tail · the latest calls, then each as it ends (Ctrl-C ends it)

kagura tail --agent my_agent --errors · what fails in one agent

kagura tail --min-cost 0.05 --model opus · dear calls to some models

kagura tail --json | jq .cost_usd · for other programs

kagura tail -n 100 --no-follow · the last hundred calls

kagura tail --attach http://kagura.example:4100 · calls of a proxy elsewhere"""


@app.command(epilog=_EXAMPLES)
def tail(
    lines: Annotated[
        int, typer.Option("--lines", "-n", metavar="N", min=0, help="How many earlier calls are shown first.")
    ] = 10,
    follow: Annotated[bool, typer.Option("--follow/--no-follow", help="Go on, or end after those.")] = True,
    agent: Annotated[str | None, typer.Option("--agent", metavar="NAME", help="Only this agent's.")] = None,
    model: Annotated[
        str | None, typer.Option("--model", metavar="NAME", help="Only models whose name contains this.")
    ] = None,
    session: Annotated[
        str | None, typer.Option("--session", metavar="ID", help="Only this session's or run's.")
    ] = None,
    errors: Annotated[bool, typer.Option("--errors", help="Only calls that failed.")] = False,
    min_cost: Annotated[
        str | None, typer.Option("--min-cost", metavar="USD", help="Only calls that cost this or more.")
    ] = None,
    min_duration: Annotated[
        str | None, typer.Option("--min-duration", metavar="AGE", help="Only calls that took so long: 5s, 2m.")
    ] = None,
    every_kind: Annotated[bool, typer.Option("--all", help="Tools, memory and the rest as well.")] = False,
    as_json: JsonOption = False,
    attach: AttachOption = None,
    attach_key_env: AttachKeyEnvOption = None,
    config: ConfigOption = None,
    home: HomeOption = None,
    db: DbOption = None,
) -> None:
    """Print calls as they end, one line each; with --json one object a line."""
    from kagura.dashboard.following import Follower
    from kagura.dashboard.period import Clock, parse_age
    from kagura.store.questions import EndedQuery

    query = EndedQuery(
        agent=agent,
        model=model,
        session=session,
        errors=errors,
        min_cost=None if min_cost is None else _dollars(min_cost),
        min_duration=None if min_duration is None else parse_age(min_duration, "--min-duration"),
        every_kind=every_kind,
    )
    clock = Clock()
    with source_from(settings_from(config, home, db), clock, attach, attach_key_env, db) as source:
        follower = Follower(source, clock, query)
        show = _show_json if as_json else _shower(clock)
        for span in follower.latest(lines):
            show(span)
        if source.behind:
            typer.echo(f"kagura: {source.behind}", err=True)
        if follow and sys.stderr.isatty() and not source.executions(1):
            typer.echo("kagura: no calls yet; the first one is shown when it ends", err=True)
        for span in _following(follower) if follow else ():
            show(span)


def _following(follower: "Follower") -> "Iterator[Span]":
    """Calls as they end, for ever; a store that cannot be read now is told of once and asked again."""
    told = ""
    while True:
        time.sleep(POLL_SECONDS)
        try:
            yield from follower.more()
            told = ""
        except KaguraError as error:
            if error.message != told:
                typer.echo(f"kagura: {error}", err=True)
            told = error.message


def _dollars(text: str) -> Decimal:
    try:
        amount = Decimal(text.removeprefix("$"))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite():
        raise InputError(f"--min-cost {text!r} is no amount of US dollars", "Such as --min-cost 0.05.")
    return amount


def _shower(clock: "Clock") -> "Callable[[Span], None]":
    """Prints a call for people: cut to the terminal's width, and whole where nobody said how wide a line may be."""
    import os

    from rich.console import Group

    from kagura.dashboard.call_line import call_line
    from kagura.dashboard.output import console

    out = console()
    cut = out.is_terminal or bool(os.environ.get("COLUMNS"))

    def show(span: "Span") -> None:
        if cut:
            out.print(Group(call_line(span, clock, out.width)))  # a Text alone would be wrapped
        else:
            sys.stdout.write(f"{call_line(span, clock)}\n")
        sys.stdout.flush()

    return show


def _show_json(span: "Span") -> None:
    from kagura.dashboard.output import json_text
    from kagura.store.export import span_object

    sys.stdout.write(json_text(span_object(span), indent=None) + "\n")
    sys.stdout.flush()
