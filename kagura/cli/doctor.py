"""`kagura doctor`: checks what usually goes wrong, and says what to do about it."""

import importlib.util
import json
import os
import platform
import re
import socket
import stat
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import msgspec
import typer

from kagura import __version__
from kagura.cli.addresses import base_urls, health, proxy_url
from kagura.cli.common import ConfigOption, DbOption, HomeOption, JsonOption, command_app, settings_from
from kagura.config import Settings, settings_rows
from kagura.errors import ConfigError, KaguraError
from kagura.journal import collector_runs, journal_files, waiting_bytes

app = command_app()

PATIENCE_SECONDS = 5.0
"""How long a proxy may take to answer on a busy machine before it counts as one that does not."""


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


class Finding(NamedTuple):
    """What one check found."""

    level: Level
    subject: str
    text: str
    remedy: str = ""


@app.command()
def doctor(
    config: ConfigOption = None, home: HomeOption = None, db: DbOption = None, json_: JsonOption = False
) -> None:
    """Check versions, configuration, proxy, store, journal and the variables that clients read.

    Exits with 1 where something is wrong.

    Example:

      kagura doctor
    """
    findings = list(_examine(config, home, db))
    if json_:
        typer.echo(json.dumps([finding._asdict() for finding in findings], indent=2))
    else:
        for finding in findings:
            mark = {Level.OK: "✓", Level.NOTE: "!", Level.PROBLEM: "✗"}[finding.level]
            colour = {Level.OK: "green", Level.NOTE: "yellow", Level.PROBLEM: "red"}[finding.level]
            typer.echo(f"{typer.style(mark, fg=colour)} {finding.subject}: {finding.text}")
            if finding.remedy:
                typer.echo(f"    {finding.remedy}")
    if any(finding.level is Level.PROBLEM for finding in findings):
        raise typer.Exit(1)


def _examine(config: Path | None, home: str | None, db: str | None) -> Iterator[Finding]:
    yield from versions()
    try:
        settings = settings_from(config, home, db)
    except ConfigError as error:
        yield Finding(Level.PROBLEM, "configuration", error.message, error.remedy)
        return
    yield Finding(Level.OK, "configuration", f"home is {settings.home}")
    for check in CHECKS:
        yield from check(settings)
    yield from variables(os.environ, settings)


def versions() -> Iterator[Finding]:
    """kagura, Python, and which extras are installed."""
    extras = {
        name: importlib.util.find_spec(module) is not None
        for name, module in (("proxy", "uvicorn"), ("postgres", "psycopg"), ("litellm", "litellm"))
    }
    have = ", ".join(name for name, there in extras.items() if there) or "none"
    yield Finding(Level.OK, "versions", f"kagura {__version__}, Python {platform.python_version()}; extras: {have}")


def folder(settings: Settings) -> Iterator[Finding]:
    """The home folder is there and nobody else can read it."""
    if not settings.home.exists():
        yield Finding(Level.NOTE, "home", f"{settings.home} does not exist yet", "`kagura proxy` makes it.")
        return
    mode = stat.S_IMODE(settings.home.stat().st_mode)
    if mode & 0o077:
        text = f"{settings.home} can be read by others (mode {mode:o})"
        yield Finding(Level.NOTE, "home", text, f"chmod 700 {settings.home}")
    if not os.access(settings.home, os.W_OK):
        yield Finding(Level.PROBLEM, "home", f"{settings.home} cannot be written", "Check its owner.")


def proxy(settings: Settings) -> Iterator[Finding]:
    """Who listens on the proxy's port."""
    root = proxy_url(settings)
    said = health(root, timeout=PATIENCE_SECONDS)
    if said is None and _port_taken(settings):
        remedy = "Stop it, or choose another port: kagura proxy --port 4200."
        yield Finding(Level.PROBLEM, "proxy", f"{root} accepts connections but does not answer", remedy)
    elif said is None:
        yield Finding(Level.NOTE, "proxy", f"nothing listens on {root}", "`kagura proxy` starts it.")
    elif not said:
        remedy = "Stop that program, or choose another port: kagura proxy --port 4200."
        yield Finding(Level.PROBLEM, "proxy", f"another program answers on {root}", remedy)
    else:
        if said["version"] != __version__:
            text = f"{root} runs version {said['version']}, this is {__version__}"
            yield Finding(Level.NOTE, "proxy", text, "Start it again to bring both in line.")
        journal = said.get("journal") or {}
        if journal.get("failures"):
            why = f": {journal['last_failure']}" if journal.get("last_failure") else ", now it works again"
            text = f"{journal['failures']} records could not be written to the journal{why}"
            yield Finding(Level.PROBLEM, "proxy", text, "Is the disk full? Is its folder still there?")
        else:
            yield Finding(Level.OK, "proxy", f"listens on {root}")


def _port_taken(settings: Settings) -> bool:
    try:
        socket.create_connection((settings.proxy.host, settings.proxy.port), timeout=0.5).close()
    except OSError:
        return False
    return True


def store(settings: Settings) -> Iterator[Finding]:
    """The store opens and has the version that this program writes."""
    from kagura.store import Store

    path = Path(settings.db_url.removeprefix("sqlite:///"))
    if settings.db_url.startswith("sqlite:///") and not path.exists():
        yield Finding(Level.NOTE, "store", f"{path} does not exist yet", "The first recorded call makes it.")
        return
    try:
        with Store.open(settings.db_url, read_only=True) as opened:
            runs = opened.overview().executions
    except KaguraError as error:
        yield Finding(Level.PROBLEM, "store", error.message, error.remedy)
        return
    yield Finding(Level.OK, "store", f"{settings.db or path} holds {runs:,} run{'' if runs == 1 else 's'}")


def journal(settings: Settings) -> Iterator[Finding]:
    """How much waits in the journal, and whether somebody stores it."""
    if not settings.journal_dir.is_dir():
        return
    files = journal_files(settings.journal_dir)
    held = f"{len(files)} file{'' if len(files) == 1 else 's'} ({waiting_bytes(settings.journal_dir):,} bytes)"
    if collector_runs(settings.journal_dir):
        yield Finding(Level.OK, "journal", f"a collector runs; {held}")
    else:
        remedy = "The next `kagura monitor` stores what waits." if files else ""
        yield Finding(Level.NOTE if files else Level.OK, "journal", f"no collector runs; {held}", remedy)
    for path in sorted(settings.journal_dir.glob("*.unread")):
        yield Finding(
            Level.PROBLEM, "journal", f"{path} holds records that could not be read", "Report it; keep the file."
        )


def otlp(settings: Settings) -> Iterator[Finding]:
    """Whether spans reach the OTLP receiver, and how many wait for it."""
    from kagura.otel.outgoing_http import shown_url
    from kagura.store import Store

    if settings.otlp.endpoint is None:
        return
    url = shown_url(settings.otlp.endpoint)
    try:
        with Store.open(settings.db_url, read_only=True) as opened:
            waiting, notes = opened.waiting(), opened.notes()
    except KaguraError:
        # The check of the store has said why.
        return
    sent, failed, refused = (notes.get(name) for name in ("sent", "failed", "refused"))
    wait = f"{waiting:,} span{' waits' if waiting == 1 else 's wait'}"
    if failed and (sent is None or failed.at > sent.at):
        text = f"{wait} for {url}; the last try failed {_moment(failed.at)}: {failed.text}"
        yield Finding(Level.PROBLEM, "otlp", text, "Nothing is lost: they are sent once the receiver takes them.")
    elif sent is None and waiting:
        yield Finding(Level.NOTE, "otlp", f"{wait} for {url}; none was sent yet", "`kagura proxy` sends them.")
    else:
        last = f", the last ones {_moment(sent.at)}" if sent else ""
        yield Finding(Level.OK, "otlp", f"spans are sent to {url}{last}; {wait}")
    if refused:
        text = f"{url} refused spans {_moment(refused.at)}: {refused.text}"
        yield Finding(Level.NOTE, "otlp", text, "They stay in kagura's own store.")


def _moment(at: int) -> str:
    return datetime.fromtimestamp(at / 1_000_000).astimezone().strftime("at %H:%M:%S on %d %b")


CHECKS: tuple[Callable[[Settings], Iterator[Finding]], ...] = (folder, proxy, store, journal, otlp)

READ_BY_KAGURA = {
    "KAGURA_CONFIG",
    "KAGURA_PROXY",
    "KAGURA_EXECUTION_ID",
    "KAGURA_AGENT",
    "KAGURA_ENABLED",
    "KAGURA_DEBUG",
}


def variables(environ: Mapping[str, str], settings: Settings) -> Iterator[Finding]:
    """Variables that point clients past the proxy, or that nobody reads."""
    root = proxy_url(settings)
    pointed = False
    for name, wanted in base_urls(root).items():
        value = environ.get(name, "")
        if not value:
            continue
        if not value.startswith(root):
            yield Finding(Level.NOTE, name, f"{value} goes past the proxy", f"export {name}={wanted}")
        elif wanted.endswith("/v1") and not value.rstrip("/").endswith("/v1"):
            yield Finding(Level.PROBLEM, name, f"{value} lacks /v1 at its end", f"export {name}={value.rstrip('/')}/v1")
        elif name == "ANTHROPIC_BASE_URL" and value.rstrip("/").endswith("/v1"):
            remedy = f"export {name}={value.rstrip('/').removesuffix('/v1')} (the AI SDK alone wants /v1)"
            yield Finding(Level.NOTE, name, f"{value} ends in /v1, which Anthropic's SDKs add themselves", remedy)
        else:
            pointed = True
            yield Finding(Level.OK, name, value)
    if not pointed:
        remedy = f"export OPENAI_BASE_URL={base_urls(root)['OPENAI_BASE_URL']}, or `kagura run -- PROGRAM`"
        yield Finding(Level.NOTE, "environment", "no base URL in this shell points at the proxy", remedy)
    known = {variable for _, variable, _, _ in settings_rows()} | READ_BY_KAGURA | _named_in(settings)
    for name in sorted(environ):
        if name.startswith("KAGURA_") and name not in known:
            yield Finding(Level.NOTE, name, "is no setting of kagura", "See config.example.yaml for the names.")


def _named_in(settings: Settings) -> set[str]:
    """The variables that a value of a setting names, such as the ${KAGURA_WEBHOOK} of a channel."""
    return set(re.findall(r"\$\{(\w+)\}", msgspec.json.encode(settings, enc_hook=str).decode()))
