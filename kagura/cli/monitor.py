"""`kagura monitor`: runs, one agent, one trace, or the cost; live on a terminal, once otherwise."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from kagura.cli.attaching import AttachKeyEnvOption, AttachOption, check_attach, source_from
from kagura.cli.common import ConfigOption, DbOption, HomeOption, JsonOption, command_app, settings_from
from kagura.cli.help_text import Command
from kagura.cli.one_span import Raw, show_span
from kagura.cli.options import (
    CostDate,
    CostLast,
    CostOption,
    CostSince,
    CostUntil,
    CsvOption,
    SpanOption,
    ThisAgent,
    TraceOption,
)
from kagura.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kagura.config import Settings
    from kagura.dashboard.period import Clock
    from kagura.dashboard.source import Source

app = command_app()

PRINTED_RUNS = 20
"""Runs that the first screen lists where it is printed once."""

DIMENSIONS = ("agent", "model", "provider", "day", "hour", "user", "session")
"""What `--by` knows beside `tag:KEY`."""

NAMED_TAGS = 8

_EXAMPLES = """Examples:

kagura monitor · live view of all runs (q quits, d opens a run)

kagura monitor --agent my_agent · one agent: models, tools, slow requests

kagura monitor --trace · timeline of the latest run; --trace 3f2a of the run whose id begins so

kagura monitor --agent my_agent --trace · its latest run as a log

kagura monitor --trace 3f2a --span 2 · all that its second LLM call sent and got

kagura monitor --trace 3f2a --span 2 --raw request > body.json · what the client sent, byte for byte

kagura monitor --cost --last 7d --by model · what a week cost, model by model

kagura monitor --attach http://kagura.example:4100 · live view of a proxy elsewhere; so with all of the above"""


class _OptionalTrace(Command):
    """Lets `--trace` stand without an id, which then is the latest run's."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Give a bare `--trace` an empty value."""
        given = list(args)
        for number, word in enumerate(args):
            following = args[number + 1 : number + 2]
            if word == "--trace" and (not following or following[0].startswith("-")):
                given[number] = "--trace="
        return super().parse_args(ctx, given)


@app.command(cls=_OptionalTrace, epilog=_EXAMPLES)
def monitor(
    agent: ThisAgent = None,
    trace: TraceOption = None,
    span: SpanOption = None,
    raw: Annotated[
        Raw | None, typer.Option("--raw", help="Its request or its answer byte for byte, as far as they are kept.")
    ] = None,
    cost: CostOption = False,
    by: Annotated[
        str | None, typer.Option("--by", metavar="KEY", help=f"Cost by {', '.join(DIMENSIONS)} or tag:KEY.")
    ] = None,
    date: CostDate = None,
    since: CostSince = None,
    until: CostUntil = None,
    last: CostLast = None,
    attach: AttachOption = None,
    attach_key_env: AttachKeyEnvOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    config: ConfigOption = None,
    home: HomeOption = None,
    db: DbOption = None,
) -> None:
    """Show runs, calls, traces and cost: live on a terminal, printed once to a file or pipe."""
    from kagura.dashboard.tui.start import interactive, run_live

    given = {"--cost": cost, "--trace": trace is not None, "--span": span is not None, "--json": as_json}
    _check({name for name, is_given in (given | {"--csv": as_csv, "--raw": raw}).items() if is_given})
    if not cost and any((by, date, since, until, last, as_csv)):
        raise InputError("--by, --date, --since, --until, --last and --csv belong to --cost", "Add --cost.")
    check_attach(attach, attach_key_env, db)
    settings = settings_from(config, home, db)
    if not any(given.values()) and interactive():
        if attach:
            return _attached(settings, attach, attach_key_env, agent)
        return run_live({"config": str(config) if config else None, "home": home, "db": db}, agent)
    from kagura.dashboard.period import Clock

    clock = Clock()
    with source_from(settings, clock, attach, attach_key_env, db) as source:
        source.catch_up()
        if cost:
            _cost(source, clock, agent, by or "agent", (date, since, until, last), "json" * as_json or "csv" * as_csv)
        elif span is not None:
            show_span(source, clock, source.trace(trace or "", agent), span, raw, as_json=as_json)
        elif trace is not None:
            _trace(source, clock, agent, trace, as_json)
        else:
            _screen(source, clock, agent, as_json)
        if source.behind:
            typer.echo(f"kagura: {source.behind}", err=True)
    return None


_NOT_TOGETHER = (("--cost", "--trace"), ("--cost", "--span"), ("--json", "--csv"), ("--json", "--raw"))


def _check(given: set[str]) -> None:
    """Raise InputError for flags that do not fit together."""
    for one, other in _NOT_TOGETHER:
        if {one, other} <= given:
            raise InputError(f"{one} and {other} cannot stand together", "Ask for one of them.")
    if "--raw" in given and "--span" not in given:
        raise InputError("--raw belongs to --span", "Such as --span 1 --raw request.")


def _attached(settings: "Settings", url: str, variable: str | None, agent: str | None) -> None:
    """The live view of a proxy elsewhere."""
    from kagura.cli.proxies import named_proxy, view_key
    from kagura.dashboard.tui.start import run_attached

    key = view_key(settings, variable)
    root, _ = named_proxy(url)
    run_attached(root, key, agent)


def _cost(
    source: "Source", clock: "Clock", agent: str | None, by: str, times: tuple[str | None, ...], form: str
) -> None:
    from kagura.dashboard.costs import costs
    from kagura.dashboard.document import cost_document, cost_rows
    from kagura.dashboard.output import print_chunks, print_json, print_lines
    from kagura.dashboard.period import Window, parse_window
    from kagura.dashboard.rows import csv_table

    if by not in DIMENSIONS and not (by.startswith("tag:") and by != "tag:"):
        raise _unknown_dimension(by, source.tag_keys())
    if agent:
        source.check_agent(agent)
    window = parse_window(clock, *times)
    if not any(times):
        window = Window(clock.today(), parse_window(clock, "today", None, None, None).until)
    report = source.costs(by, window, agent)
    if form == "json":
        print_json(cost_document(report, clock.now()))
    elif form == "csv":
        print_chunks(csv_table(cost_rows(report)))
    else:
        print_lines(costs(report, clock))
        if not report.rows:
            print_lines([_elsewhere(source, clock)])


def _unknown_dimension(by: str, tags: "Sequence[str]") -> InputError:
    """What `--by` accepts, with the tags that there are, and what was perhaps meant first."""
    from difflib import get_close_matches

    known = [*DIMENSIONS, *(f"tag:{key}" for key in tags[:NAMED_TAGS])]
    near = [f"tag:{by}"] if by in tags else get_close_matches(by, known, n=1, cutoff=0.7)
    meant = f"Did you mean {near[0]}? " if near else ""
    return InputError(f"--by {by!r} is not known", f"{meant}Accepted: {', '.join(known)}{'' if tags else ', tag:KEY'}.")


def _elsewhere(source: "Source", clock: "Clock") -> str:
    """Where there is something to see, when the time that was asked for has nothing."""
    from kagura.dashboard.begin import BEGIN

    latest = source.executions(1)
    if not latest:
        return f"\n{BEGIN}"
    day = clock.day(latest[0].started_at)
    return f"The latest run began on {day}: `kagura monitor --cost --date {day}`."


def _trace(source: "Source", clock: "Clock", agent: str | None, prefix: str, as_json: bool) -> None:
    from kagura.dashboard.begin import BEGIN
    from kagura.dashboard.document import trace_document
    from kagura.dashboard.log import log
    from kagura.dashboard.output import print_json, print_lines
    from kagura.dashboard.runs import all_spans
    from kagura.dashboard.timeline import timeline

    if agent and not prefix:
        source.check_agent(agent)
    trace = source.trace(prefix, agent)
    found = source.hints(trace)
    if as_json:
        print_json(trace_document(trace, found) if trace else None)
    elif trace is None:
        print_lines([BEGIN])
    elif agent:
        print_lines(log(trace.execution, all_spans(trace), clock))
    else:
        print_lines(timeline(trace.execution, all_spans(trace), clock, found))


def _screen(source: "Source", clock: "Clock", agent: str | None, as_json: bool) -> None:
    from kagura.dashboard.document import main_document
    from kagura.dashboard.output import console, print_json
    from kagura.dashboard.screens import main_screen

    if agent:
        return _agent(source, clock, agent, as_json)
    total, today = source.overviews()
    runs = source.executions(PRINTED_RUNS)
    if as_json:
        return print_json(main_document(total, today, runs))
    out = console()
    return out.print(main_screen(total, today, runs, clock, out.width))


def _agent(source: "Source", clock: "Clock", name: str, as_json: bool) -> None:
    from kagura.dashboard.begin import BEGIN
    from kagura.dashboard.document import agent_document
    from kagura.dashboard.output import console, print_json, print_lines
    from kagura.dashboard.screens import agent_screen

    source.check_agent(name)
    summary = source.agent(name)
    if summary is None:
        return print_json({"agent": name, "status": None, "executions": 0}) if as_json else print_lines([BEGIN])
    latest = source.trace(agent=name)
    found = source.hints(latest)
    _, today = source.overviews(name)
    if as_json:
        return print_json(agent_document(summary, today, latest, found))
    out = console()
    return out.print(agent_screen(summary, today, latest, clock, out.width, found))
