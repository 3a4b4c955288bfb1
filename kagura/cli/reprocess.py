"""`kagura reprocess`: stored answers read and priced again, after a reader or a price was mended."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from kagura.cli.common import ConfigOption, DbOption, HomeOption, JsonOption, command_app, settings_from
from kagura.errors import InputError

if TYPE_CHECKING:
    from kagura.collector.reprocessing import Report

app = command_app()


@app.command(
    epilog="Examples: `kagura reprocess` · `kagura reprocess --since 2026-11-01 --dry-run` · "
    "`kagura reprocess --since 7d --yes --json`"
)
def reprocess(
    since: Annotated[str | None, typer.Option("--since", metavar="TIME", help="Begun from then on: a day, 7d.")] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="Begun before then; a day whole.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would change.")] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    home: HomeOption = None,
    db: DbOption = None,
) -> None:
    """Read stored answers again and price them again: tells what would change, asks, and keeps the former figures.

    A call keeps the price of its day. Its cost changes only where it was unknown, where its answer is understood
    otherwise now, or where the price list was corrected for that day.
    """
    from kagura.collector import drain
    from kagura.collector.reprocessing import Reprocessor
    from kagura.dashboard.output import print_json, print_lines
    from kagura.dashboard.period import Clock, parse_window
    from kagura.dashboard.repricing import report_document, report_view
    from kagura.store import Store

    settings = settings_from(config, home, db)
    clock = Clock()
    window = parse_window(clock, None, since, until, None)
    drain(settings)
    with Store.open(settings.db_url, create=False) as store:
        reprocessor = Reprocessor.from_settings(store, settings)
        report = reprocessor.preview(window.since, window.until)
        if not as_json:
            print_lines(report_view(report))
        if report.changed and not dry_run and _agreed(report, yes, as_json):
            report = reprocessor.apply(clock.now(), window.since, window.until)
            done = True
        else:
            done = False
    if as_json:
        print_json(report_document(report, recorded=done))
    elif done:
        print_lines([f"Recorded. `kagura pricing explain CALL_ID` shows what {_these(report)} before."])
    elif report.changed:
        print_lines(["Nothing was recorded."])


def _agreed(report: "Report", yes: bool, as_json: bool) -> bool:
    if yes:
        return True
    if as_json or not sys.stdin.isatty():
        raise InputError(f"{_calls(report)} would change, and nobody can be asked", "Add --yes or --dry-run.")
    return typer.confirm(f"Change {_calls(report)}?")


def _calls(report: "Report") -> str:
    return "1 call" if report.changed == 1 else f"{report.changed:,} calls"


def _these(report: "Report") -> str:
    return "the call was" if report.changed == 1 else "they were"
