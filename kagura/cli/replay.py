"""`kagura replay`: a run's LLM requests sent again, to the same model or another one."""

import os
import secrets
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from kagura.cli.common import ConfigOption, DbOption, HomeOption, JsonOption, command_app, settings_from
from kagura.errors import InputError

if TYPE_CHECKING:
    from kagura.cli.replaying import Request, Sent
    from kagura.config import Settings
    from kagura.dashboard.period import Clock
    from kagura.dashboard.source import Source
    from kagura.model import JsonObject
    from kagura.providers import Provider

app = command_app()

SETTLE_SECONDS = 10.0
LISTED = 20
"""Requests of the plan that are shown one by one."""

_EXAMPLES = """Examples:

kagura replay 3f2a --dry-run · what would be sent, and what it would cost

kagura replay 3f2a · send a run's requests again, after asking

kagura replay 3f2a --model gpt-4o-mini · to another model: what would it have said, at what cost?

kagura replay 3f2a --model groq/llama-3.3-70b-versatile --yes --json · at another provider, without asking"""


@app.command(epilog=_EXAMPLES)
def replay(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run, by the beginning of its id.")],
    model: Annotated[
        str | None, typer.Option("--model", metavar="NAME", help="Ask this model instead; PROVIDER/NAME elsewhere.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Send without asking.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be sent.")] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    home: HomeOption = None,
    db: DbOption = None,
) -> None:
    """Send a run's LLM requests again as a new run, tell first what that would cost, and compare the two.

    Each request is sent as it was recorded, with the history that it had then and the numbers of `kagura monitor
    --trace`; tools are not run again: their results stand in that history. Keys come from the environment
    (OPENAI_API_KEY, …), since recorded calls hold none.
    """
    from kagura.dashboard.output import print_json
    from kagura.dashboard.period import Clock
    from kagura.dashboard.source import Source

    settings = settings_from(config, home, db)
    clock = Clock()
    with Source(settings, clock) as source:
        source.catch_up()
        run_id = source.run_id(run)
        requests = _planned(source, settings, run_id, model)
        if dry_run and as_json:
            return print_json(_plan_document(run_id, requests))
        _show_plan(run_id, requests)
        if dry_run:
            return None
        credentials = _credentials(settings, requests)
        _ask(requests, yes=yes, as_json=as_json)
        extra = {"KAGURA_CONFIG": str(config.absolute())} if config else {}
        new_id, complete = _send(settings, run_id, requests, credentials, extra)
        _compare(source, clock, run_id, new_id, as_json=as_json)
    raise typer.Exit(0 if complete else 1)


def _planned(source: "Source", settings: "Settings", run_id: str, model: str | None) -> "list[Request]":
    from kagura.cli.replaying import Planner, calls_of
    from kagura.dashboard.runs import all_spans
    from kagura.pricing import Catalog
    from kagura.providers import load

    trace = source.run(run_id)
    calls = calls_of(all_spans(trace)) if trace else []
    if not trace or not calls:
        raise InputError(f"the run {run_id} made no LLM calls", "`kagura monitor` lists the runs there are.")
    table = load({name: row.given() for name, row in settings.providers.items()})
    planner = Planner(table, Catalog.load([settings.prices_file], settings.prices, settings.discounts), model)
    prompts = source.prompts(trace)
    return [planner.request(span, source.contents(span.id), prompts.get(span.id)) for span in calls]


def _show_plan(run_id: str, requests: "list[Request]") -> None:
    from kagura.cli.replaying import estimate
    from kagura.dashboard.amounts import UNKNOWN, plural, tokens
    from kagura.dashboard.text import safe

    _tell(f"Replay of {safe(run_id)}: {plural(len(requests), 'request')}")
    for number, request in enumerate(requests[:LISTED], 1):
        usage = request.span.usage
        used = f"{tokens(usage.input)} → {tokens(usage.output)} tokens" if usage else f"{UNKNOWN} tokens"
        _tell(f"  #{number} {safe(request.provider.name)} {safe(request.model, 80)}  {used}  {request.cost}")
    if len(requests) > LISTED:
        _tell(f"  … and {len(requests) - LISTED} more")
    if any(request.redacted for request in requests):
        _tell("What was redacted when it was recorded is sent as [redacted].")
    _tell(f"Estimated cost: {estimate(requests)} (for as many tokens as the run took)")


def _plan_document(run_id: str, requests: "list[Request]") -> "JsonObject":
    from kagura.cli.replaying import estimate
    from kagura.dashboard.document import document

    rows = [
        {
            "span_id": request.span.id,
            "provider": request.provider.name,
            "model": request.model,
            "endpoint": request.span.endpoint,
            "cost": document(request.cost),
        }
        for request in requests
    ]
    return {"run": run_id, "requests": rows, "cost": document(estimate(requests))}


def _credentials(settings: "Settings", requests: "list[Request]") -> dict[str, Mapping[str, str]]:
    """The headers with the key of each provider that is asked."""
    from kagura.cli.replaying import key_headers

    def held(provider: "Provider") -> bool:
        row = settings.providers.get(provider.name)
        return bool(row and (row.api_key_env or row.headers))

    return {
        request.provider.name: key_headers(request.provider, os.environ, held_by_proxy=held(request.provider))
        for request in requests
    }


def _ask(requests: "list[Request]", *, yes: bool, as_json: bool) -> None:
    if yes:
        return
    if as_json or not sys.stdin.isatty():
        raise InputError("requests would be sent, and nobody can be asked", "Add --yes or --dry-run.")
    if not typer.confirm(f"Send {len(requests)} now?", err=True):
        raise typer.Exit(0)


def _send(
    settings: "Settings",
    run_id: str,
    requests: "list[Request]",
    credentials: Mapping[str, Mapping[str, str]],
    extra: Mapping[str, str],
) -> tuple[str, bool]:
    """The new run's id, and whether every request was answered."""
    from kagura.cli.proxies import found_or_started
    from kagura.cli.replaying import Sender, replayed
    from kagura.cli.reporting import reported

    first = requests[0].span
    new_id = f"replay_{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"
    data = {"agent": first.agent, "source": "replay", "tags": {"replay_of": run_id}}
    headers = {"X-Kagura-Execution-Id": new_id, "X-Kagura-Agent": first.agent}
    with found_or_started(settings, extra, {}) as proxy, reported(settings, proxy, new_id, data) as outcome:
        sender = Sender(proxy.root, {name: _header(value) for name, value in headers.items()})
        sent = list(replayed(requests, lambda request: sender.send(request, credentials[request.provider.name]), _told))
        complete = len(sent) == len(requests) and all(200 <= answer.status < 300 for answer in sent)
        outcome.code = 0 if complete else 1
    return new_id, complete


def _header(value: str) -> str:
    """A foreign name as the value of a header."""
    return "".join(char if " " <= char <= "~" else "?" for char in value)[:200]


def _told(number: int, request: "Request", sent: "Sent") -> None:
    from kagura.dashboard.amounts import duration
    from kagura.dashboard.text import safe

    trouble = f"  {safe(sent.error, 300)}" if sent.error else ""
    took = duration(round(sent.seconds * 1_000_000))
    _tell(f"  #{number} {safe(request.model, 80)}: {sent.status or 'no answer'}, {took}{trouble}")


def _compare(source: "Source", clock: "Clock", run_id: str, new_id: str, *, as_json: bool) -> None:
    """Show both runs side by side, once the new one is in the store."""
    from kagura.cli.diff import show_comparison

    deadline = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline:
        source.catch_up()
        found = source.run(new_id)
        if found and found.execution.status != "running" and not found.execution.running_calls:
            break
        time.sleep(0.1)
    _tell("")
    show_comparison(source, clock, run_id, new_id, as_json=as_json)


def _tell(line: str) -> None:
    """What accompanies the result goes to stderr, so that stdout holds the comparison alone."""
    typer.echo(line, err=True)
