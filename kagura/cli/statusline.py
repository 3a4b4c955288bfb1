"""`kagura statusline`: one line for shell prompts, tmux and claude-code's status line.

`kagura.cli` answers the usual forms by `prompt_line.quick`; what comes here is help, PostgreSQL, a store that the
configuration names, and whatever went wrong.
"""

from contextlib import closing
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, cast

import typer

from kagura.cli.attaching import AttachKeyEnvOption, AttachOption, store_at
from kagura.cli.common import ConfigOption, DbOption, HomeOption, command_app, settings_from
from kagura.cli.prompt_line import (
    BEGIN,
    FIGURES,
    Asked,
    cost_text,
    day_figures,
    render,
    running_text,
    session_figures,
    take_session,
)
from kagura.errors import InputError

if TYPE_CHECKING:
    from kagura.config import Settings
    from kagura.dashboard.elsewhere import RemoteStore
    from kagura.store import Store
    from kagura.store.views import CostTotals

app = command_app()

_EXAMPLES = """Examples:

kagura statusline · $4.57 today · 145 calls

kagura statusline --session 3f2a0c1e-… · $0.42 session · $4.57 today

kagura statusline --format '{today} · {running}' · figures of your choice

set -g status-right '#(kagura statusline)' · in tmux.conf

"statusLine": {"type": "command", "command": "kagura statusline"} · in claude-code's settings.json"""


@app.command(epilog=_EXAMPLES)
def statusline(
    session: Annotated[
        str | None,
        typer.Option("--session", metavar="ID", help="The session; else that of claude-code's JSON on standard input."),
    ] = None,
    form: Annotated[
        str | None,
        typer.Option(
            "--format", metavar="TEXT", help=f"Text with figures in braces: {', '.join(f'{{{n}}}' for n in FIGURES)}."
        ),
    ] = None,
    attach: AttachOption = None,
    attach_key_env: AttachKeyEnvOption = None,
    config: ConfigOption = None,
    home: HomeOption = None,
    db: DbOption = None,
) -> None:
    """Print what today and this session cost, in one line and a few hundredths of a second."""
    asked = Asked(session, form, home, db)
    take_session(asked)
    try:
        asked.named()
    except ValueError as error:
        known = ", ".join(f"{{{name}}} ({meaning})" for name, meaning in FIGURES.items())
        raise InputError(f"--format {form!r}: {error}", f"Known: {known}.") from None
    settings = settings_from(config, home, db)
    typer.echo(_line(_opened(settings, store_at(settings, attach, attach_key_env, db)), asked))


def _opened(settings: "Settings", elsewhere: "RemoteStore | None") -> "Store | None":
    """The store, as far as it is written: a line that is asked for every second does not write it."""
    from kagura.store.opening import open_to_look

    if elsewhere is None:
        return open_to_look(settings.db_url)
    return cast("Store", elsewhere) if elsewhere.has_calls() else None


def _line(store: "Store | None", asked: Asked) -> str:
    """The line, by way of the store."""
    from kagura.dashboard.period import Clock

    clock = Clock()
    if store is None:
        return BEGIN
    with closing(store):
        day = store.overview(since=clock.today())
        tokens = day.tokens.input + day.tokens.output
        figures = day_figures(_cost([day.cost]), day.llm_calls, tokens, day.errors)
        figures["running"] = running_text(day.active_executions)
        if "month" in asked.named():
            first = clock.midnight(clock.day(clock.now()).replace(day=1))
            figures["month"] = _cost([store.overview(since=first).cost])
        if asked.session is not None:
            runs = store.session_executions(asked.session)
            figures |= session_figures(_cost([run.cost for run in runs]), sum(run.llm_calls for run in runs))
    return render(asked, figures)


def _cost(parts: "list[CostTotals]") -> str:
    return cost_text(
        sum((part.billed for part in parts), Decimal(0)),
        sum((part.estimated for part in parts), Decimal(0)),
        sum(part.unknown_calls for part in parts),
    )
