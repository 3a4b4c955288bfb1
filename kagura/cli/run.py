"""`kagura run`: a program whose LLM calls are recorded as one execution."""

import os
import secrets
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple

import typer

from kagura.cli.addresses import proxy_url
from kagura.cli.attaching import AttachKeyEnvOption, check_attach
from kagura.cli.common import ConfigOption, DbOption, HomeOption, command_app, settings_from
from kagura.cli.options import (
    AgentNameOption,
    CommandArgument,
    OtelOption,
    QuietOption,
    RunIdOption,
    RunProxyOption,
    RunTagsOption,
    SummaryOption,
)
from kagura.cli.pointing import Gateways, gateways, run_environment
from kagura.cli.programs import agent_name, flagged, write_helpers
from kagura.cli.proxies import RunProxy, attached, found_or_started, view_key
from kagura.cli.reporting import reported, shown
from kagura.cli.run_summary import elsewhere, lines, opened, read, summary, unread, write
from kagura.cli.starting import call
from kagura.cli.telemetry import exporters, other_receiver, resource_attributes
from kagura.config import Settings
from kagura.dashboard.text import safe
from kagura.errors import InputError
from kagura.model import JsonObject
from kagura.providers import Provider, load
from kagura.store.views import Trace

app = command_app()

LONGEST_NAME = 200

_EXAMPLES = """Examples:

kagura run -- python my_agent.py · record a program; a proxy is started where none listens

kagura run --agent reviewer --tag branch=main -- claude -p "review this" · name the agent, tag the run

kagura run --json run.json -- npx @openai/codex exec "fix the tests" · its calls, tokens, cost and tools as JSON

kagura run --otel -- claude -p "fix the tests" · with the exact durations of its tools, which it tells over OTLP

kagura run --attach http://kagura.example:4100 -- ./agents.sh · record at a proxy elsewhere
"""


class Run(NamedTuple):
    """What is recorded of a run from the start."""

    id: str
    agent: str
    command: list[str]
    tags: dict[str, str]

    def data(self) -> JsonObject:
        """The fields of its events."""
        around = os.environ.get("KAGURA_EXECUTION_ID")
        data: JsonObject = {"agent": self.agent, "source": "run", "tags": self.tags}
        data["attributes"] = {"command": shown(self.command)}
        return data | ({"parent_execution_id": around} if around and around != self.id else {})


@app.command(
    context_settings={"allow_interspersed_args": False, "help_option_names": ["-h", "--help"]}, epilog=_EXAMPLES
)
def run(
    command: CommandArgument = None,
    agent: AgentNameOption = None,
    execution_id: RunIdOption = None,
    tag: RunTagsOption = None,
    attach: RunProxyOption = None,
    attach_key_env: AttachKeyEnvOption = None,
    otel: OtelOption = False,
    json_file: SummaryOption = None,
    quiet: QuietOption = False,
    config: ConfigOption = None,
    home: HomeOption = None,
    db: DbOption = None,
) -> None:
    """Run a program with its LLM calls recorded as one execution, and say what they cost.

    The program, and what it starts, find the proxy by environment variables; addresses that are set already stay in
    effect behind it. Exit code and signals pass through; the summary goes to stderr.
    """
    if not command:
        raise InputError("no program was given", "kagura run -- python my_agent.py")
    check_attach(attach, attach_key_env)
    settings = settings_from(config, home, db)
    key = view_key(settings, attach_key_env)
    new_id = f"run_{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"
    this = Run(
        _name("--id", new_id if execution_id is None else execution_id),
        _name("--agent", agent_name(command) if agent is None else agent),
        command,
        _tags(tag or []),
    )
    target = opened(json_file) if json_file else None
    where = _where(settings, attach)
    if not quiet:
        for line in where.warnings(otel):
            typer.echo(line, err=True)
    extra = {"KAGURA_CONFIG": str(config.absolute())} if config else {}
    with (
        nullcontext(where.proxy)
        if where.proxy
        else found_or_started(settings, extra, where.elsewhere.base_urls) as proxy,
        reported(settings, proxy, this.id, this.data()) as outcome,
        _environment(this, proxy.root, where, settings.home, otel) as environment,
    ):
        outcome.code = call(flagged(command, environment), environment, proxy.lifeline)
    if json_file or not quiet:
        trace, trouble = read(settings, proxy, this.id, key)
        if not quiet:
            _tell(trace, trouble, elsewhere(settings, proxy, attach_key_env))
        if json_file:
            write(summary(trace, outcome.code) if trace else unread(this.id, this.agent, this.tags, outcome), target)
    raise typer.Exit(outcome.code)


def _tell(trace: Trace | None, trouble: str, flags: str) -> None:
    """Say on stderr what the run came to, or why that is not known."""
    for line in lines(trace, flags) if trace else [f"kagura: {trouble}"]:
        typer.echo(line, err=True)


class Where(NamedTuple):
    """Where the program's calls go."""

    table: Mapping[str, Provider]
    own: list[str]
    """Addresses of the proxy itself that the user may have set."""
    elsewhere: Gateways
    proxy: RunProxy | None
    """The proxy that the user named."""

    def warnings(self, otel: bool) -> Iterator[str]:
        """What the user has set and what passes the proxy by for that."""
        for given in self.elsewhere.left:
            yield f"kagura: {given.variable.name} stays {safe(given.url)}: calls to it are not recorded"
        elsewhere = other_receiver(os.environ)
        if otel and elsewhere:
            yield f"kagura: {elsewhere} stays as it is: --otel has no effect"


def _where(settings: Settings, attach: str | None) -> Where:
    table = load({name: row.given() for name, row in settings.providers.items()})
    proxy = attached(attach, settings) if attach else None
    named = [proxy.root] if proxy else []
    own = [*named, proxy_url(settings), *filter(None, [os.environ.get("KAGURA_PROXY")])]
    elsewhere = gateways(os.environ, table, own)
    if proxy:
        # Its table is not ours to change.
        elsewhere = Gateways([], [*elsewhere.used, *elsewhere.left])
    return Where(elsewhere.over(table), own, elsewhere, proxy)


@contextmanager
def _environment(this: Run, root: str, where: Where, home: Path, otel: bool) -> Iterator[dict[str, str]]:
    """The program's environment, with a folder of programs that add their flags for as long as the block runs."""
    left = where.elsewhere.left
    environment = run_environment(
        os.environ, root, agent=this.agent, execution_id=this.id, table=where.table, own=where.own, left=left
    )
    environment |= resource_attributes(os.environ, agent=this.agent, execution_id=this.id)
    if otel:
        environment |= exporters(os.environ, root)
    with tempfile.TemporaryDirectory(prefix="run-", dir=_private(home)) as folder:
        yield environment | write_helpers(Path(folder), this.command, environment)


def _private(home: Path) -> Path | None:
    """A folder that nobody else can write to, all the way up, as gemini-cli demands; `None` where there is none."""
    folder = home / "runs"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None


def _name(option: str, value: str) -> str:
    """A name that can stand in an address. Raises InputError where it cannot."""
    if not value.strip() or len(value) > LONGEST_NAME or not value.isprintable() or set(value) == {"."}:
        raise InputError(f"{option}: {value[:50]!r} is no name", f"It needs 1 to {LONGEST_NAME} printable characters.")
    return value


def _tags(pairs: list[str]) -> dict[str, str]:
    for pair in pairs:
        if not pair.partition("=")[2]:
            raise InputError(f"--tag {pair!r} is not NAME=VALUE", "Such as --tag branch=main.")
    return {name: value for name, _, value in (pair.partition("=") for pair in pairs)}
