"""`kagura top`: one small screen that renews itself."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from kagura.cli.attaching import AttachKeyEnvOption, AttachOption, source_from
from kagura.cli.common import ConfigOption, DbOption, HomeOption, JsonOption, command_app, settings_from
from kagura.errors import KaguraError

if TYPE_CHECKING:
    from kagura.dashboard.period import Clock
    from kagura.dashboard.source import Source
    from kagura.dashboard.top import Top

app = command_app()

_EXAMPLES = """Examples:

kagura top · what runs and what today cost, every two seconds (Ctrl-C ends it)

kagura top --interval 10 · less often

kagura top --once · once, as in a pipe

kagura top --attach http://kagura.example:4100 · what a proxy elsewhere records

tmux split-window -l 10 'kagura top' · in a pane beside the agent"""


@app.command(epilog=_EXAMPLES)
def top(
    interval: Annotated[
        float, typer.Option("--interval", metavar="SECONDS", min=0.2, max=3600, help="Seconds between refreshes.")
    ] = 2.0,
    once: Annotated[bool, typer.Option("--once", help="Print once and end, as where output is no terminal.")] = False,
    as_json: JsonOption = False,
    attach: AttachOption = None,
    attach_key_env: AttachKeyEnvOption = None,
    config: ConfigOption = None,
    home: HomeOption = None,
    db: DbOption = None,
) -> None:
    """Show what runs and what today cost on a small screen, renewed every two seconds."""
    from kagura.dashboard.output import console, print_json
    from kagura.dashboard.period import Clock
    from kagura.dashboard.top import Top

    clock = Clock()
    with source_from(settings_from(config, home, db), clock, attach, attach_key_env, db) as source:
        out = console()
        if as_json:
            print_json(Top.read(source, clock).document())
        elif once or not out.is_terminal or out.is_dumb_terminal:
            out.print(Top.read(source, clock).draw(out.width))
        else:
            _live(source, clock, interval)


def _live(source: "Source", clock: "Clock", interval: float) -> None:
    """Renew the screen until Ctrl-C; the terminal is left as it was."""
    import signal

    from rich.live import Live

    from kagura.dashboard.output import console
    from kagura.dashboard.top import Top

    out = console()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    shown = Top.read(source, clock)
    try:
        with Live(console=out, screen=True, auto_refresh=False) as live:
            while True:
                live.update(shown.draw(out.width, out.height), refresh=True)
                time.sleep(interval)
                shown = _again(source, clock, shown)
    except KeyboardInterrupt:
        return


def _again(source: "Source", clock: "Clock", shown: "Top") -> "Top":
    """The screen of now; where the store cannot be read, the one before, and why."""
    from dataclasses import replace

    from kagura.dashboard.top import Top

    try:
        return Top.read(source, clock)
    except KaguraError as error:
        return replace(shown, trouble=error.message)


def _leave(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)
