"""`kagura alerts`: what fires, the rules measured now, and a message to try the channels with."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kagura.cli.common import ConfigOption, DbOption, HomeOption, JsonOption, command_app, open_store, settings_from
from kagura.config import Settings
from kagura.errors import InputError, StoreError

if TYPE_CHECKING:
    from kagura.alerts.evaluation import Finding, Look
    from kagura.alerts.measuring import Rule
    from kagura.store import AlertKey, AlertMessage, AlertState

app = command_app()
app.info.help = "Show what fires, check it now, and try the channels."
app.info.no_args_is_help = True

_NO_RULES = "No alerts are configured: `alerts.rules` in config.yaml, such as  spend: {when: cost > $5 in 1h}."


@app.command("list", epilog="Examples: `kagura alerts list` · `kagura alerts list --json`")
def list_alerts(
    as_json: JsonOption = False, config: ConfigOption = None, home: HomeOption = None, db: DbOption = None
) -> None:
    """Show every rule: whether it fires and since when, its threshold and its value now."""
    from kagura.dashboard.output import print_json

    settings = settings_from(config, home, db)
    rules = _rules(settings, [])
    found, states, failed = _read(settings, rules)
    if as_json:
        return print_json([_document(row, states.get(_key(row)), found.at) for row in found.findings])
    if not settings.alerts.rules:
        return typer.echo(_NO_RULES)
    _print_table(found, states, rules)
    for name, reason in found.failures.items():
        typer.echo(f"{name} cannot be looked at: {reason}")
    for message in failed:
        typer.echo(f"{message.rule}: not told through {message.channel}: {message.error}")
    return None


@app.command(epilog="Examples: `kagura alerts check` · `kagura alerts check spend --json` · `… || page-me`")
def check(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Only these rules.")] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    home: HomeOption = None,
    db: DbOption = None,
) -> None:
    """Measure the rules now and exit with 1 where one is on the wrong side; tells nobody and changes nothing."""
    from kagura.alerts.telling import sentence
    from kagura.dashboard.output import print_json

    settings = settings_from(config, home, db)
    found, states, _ = _read(settings, _rules(settings, names or []))
    bad = [row for row in found.findings if row.breaches]
    if as_json:
        print_json([_document(row, states.get(_key(row)), found.at) for row in found.findings])
    else:
        for row in bad:
            typer.echo(sentence(row.rule, row.subject, "firing", row.measured))
        for name, reason in found.failures.items():
            typer.echo(f"{name} cannot be looked at: {reason}", err=True)
        if not settings.alerts.rules:
            typer.echo(_NO_RULES)
        elif not bad:
            count = len({row.rule.name for row in found.findings})
            typer.echo(f"{count} rule{'' if count == 1 else 's'} looked at, none fires.")
    if bad or found.failures:
        raise typer.Exit(1)


@app.command(epilog="Examples: `kagura alerts test` · `kagura alerts test spend` · `kagura alerts test pager`")
def test(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="A rule, or a channel; without it all that rules use.")
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    home: HomeOption = None,
) -> None:
    """Send a test message through the channels and say what each answered; exits with 1 where one failed."""
    from kagura.alerts.channels import address
    from kagura.alerts.delivery import try_channels
    from kagura.dashboard.output import print_json

    settings = settings_from(config, home)
    rule, channels = _to_try(settings, name)
    answers = try_channels(settings, _test_event(rule), channels)
    rows: list[dict[str, Any]] = [
        {"channel": channel, "to": address(channel, settings), "ok": error is None, "error": error, "seconds": seconds}
        for channel, (error, seconds) in answers.items()
    ]
    if as_json:
        print_json(rows)
    else:
        for row in rows:
            answer = f"taken in {row['seconds']:.2f} s" if row["ok"] else f"failed: {row['error']}"
            typer.echo(f"{'✓' if row['ok'] else '✗'} {row['channel']} ({row['to']}): {answer}")
    if not all(row["ok"] for row in rows):
        raise typer.Exit(1)


def _to_try(settings: Settings, name: str | None) -> tuple["Rule | None", list[str]]:
    """The rule that the test message is about, and the channels it goes to."""
    from kagura.alert_settings import BUILT_IN_CHANNELS

    known = (*BUILT_IN_CHANNELS, *settings.alerts.channels)
    if name is not None and name not in settings.alerts.rules and name in known:
        return None, [name]
    rules = _rules(settings, [] if name is None else [name])
    if not rules:
        return None, list(dict.fromkeys(["terminal", "log", *settings.alerts.channels]))
    return rules[0], list(dict.fromkeys(channel for rule in rules for channel in rule.settings.send))


def _test_event(rule: "Rule | None") -> Any:
    from kagura.alert_settings import AlertRule
    from kagura.alerts.measuring import NOTHING, Rule
    from kagura.alerts.telling import make_event
    from kagura.model import now_us

    rule = rule or Rule.of("test", AlertRule(when="cost > $5 in 1h"))
    return make_event(rule, "", "test", NOTHING, now_us(), now_us())


def _rules(settings: Settings, names: Sequence[str]) -> "list[Rule]":
    """The rules of these names, or all."""
    from difflib import get_close_matches

    from kagura.alerts.evaluation import rules_of

    for name in names:
        if name not in settings.alerts.rules:
            near = get_close_matches(name, settings.alerts.rules, n=1)
            known = ", ".join(settings.alerts.rules) or "none"
            raise InputError(
                f"there is no alert {name!r}", f"Did you mean {near[0]!r}?" if near else f"Configured: {known}."
            )
    return [rule for rule in rules_of(settings.alerts) if not names or rule.name in names]


def _read(settings: Settings, rules: "Sequence[Rule]") -> "tuple[Look, dict[AlertKey, AlertState], list[AlertMessage]]":
    """The rules measured now, what the collector made of them, and what could not be told."""
    from kagura.alerts.evaluation import Finding, Look, look
    from kagura.alerts.measuring import NOTHING
    from kagura.model import now_us
    from kagura.store.opening import NO_CALLS

    try:
        with open_store(settings) as store:
            found = look(store, rules, now_us())
            states = {(state.rule, state.subject): state for state in store.alert_states()}
            failed = [row for row in store.alert_messages() if row.error and row.delivered_at is None]
            return found, states, failed[:5]
    except StoreError as error:
        if not error.message.endswith(NO_CALLS):
            raise
    nothing = [Finding(rule, "", NOTHING, now_us()) for rule in rules]
    return Look(nothing, {}, now_us()), {}, []


def _key(row: "Finding") -> "AlertKey":
    return row.rule.name, row.subject


def _document(row: "Finding", state: "AlertState | None", at: int) -> dict[str, Any]:
    from kagura.alerts.telling import iso

    fires = state is not None and state.firing
    return {
        "alert": row.rule.name,
        "subject": row.subject or None,
        "condition": row.rule.settings.when,
        "scope": row.rule.scope,
        "breaches": row.breaches,
        "value": None if row.measured.value is None else float(row.measured.value),
        "threshold": float(row.rule.condition.threshold),
        "unit": row.rule.condition.metric.unit,
        "samples": row.measured.samples,
        "detail": row.measured.detail,
        "state": "firing" if fires else "ok",
        "since": iso(state.since) if state else None,
        "send": row.rule.settings.send,
        "evaluated_at": iso(at),
    }


def _print_table(found: "Look", states: "Mapping[AlertKey, AlertState]", rules: "Sequence[Rule]") -> None:
    from rich.table import Table
    from rich.text import Text

    from kagura.alerts.telling import limit
    from kagura.dashboard.output import console
    from kagura.dashboard.period import Clock
    from kagura.dashboard.text import cell

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading, least in (("alert", 7), ("state", 7), ("since", 8), ("threshold", 14)):
        table.add_column(heading, overflow="ellipsis", no_wrap=True, min_width=least, max_width=34)
    table.add_column("now", overflow="ellipsis", no_wrap=True, ratio=1)
    clock = Clock()
    for row in (row for rule in rules for row in _shown_rows(found, states, rule)):
        state = states.get(_key(row))
        word, style = _state(row, state)
        table.add_row(
            cell(f"{row.rule.name} {row.subject}".strip()),
            Text(word, style=style),
            cell(clock.recent(state.since) if state else "-"),
            cell(limit(row.rule)),
            cell(_value(row)),
        )
    console().print(table)


def _shown_rows(found: "Look", states: "Mapping[AlertKey, AlertState]", rule: "Rule") -> "list[Finding]":
    """Of a rule that is split those that stand out; where all are quiet, one row for them all."""
    from kagura.alerts.evaluation import Finding
    from kagura.alerts.measuring import NOTHING, Measured

    is_split = rule.settings.each is not None
    rows = [row for row in found.findings if row.rule.name == rule.name and bool(row.subject) is is_split]
    loud = [row for row in rows if not is_split or row.breaches or _key(row) in states]
    quiet = Finding(rule, "", Measured(value=None, detail=f"{len(rows)} quiet") if rows else NOTHING, found.at)
    return loud or ([] if rule.name in found.failures else [quiet])


def _state(row: "Finding", state: "AlertState | None") -> tuple[str, str]:
    if state is not None and state.firing:
        return "firing", "bold red"
    if row.breaches:
        return "over", "yellow"
    return ("no data", "dim") if row.measured.value is None and not row.measured.detail else ("ok", "green")


def _value(row: "Finding") -> str:
    from kagura.alerts.telling import shown

    value = row.measured.value
    text = "-" if value is None else shown(row.rule.condition.metric.unit, value)
    return f"{text} ({row.measured.detail})" if row.measured.detail else text
