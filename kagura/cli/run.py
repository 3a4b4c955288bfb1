"""`kagura run`: a program whose LLM calls are recorded as one execution."""

import os
import secrets
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from kagura.cli.addresses import base_urls, health, pointed, proxy_url, tagged
from kagura.cli.collecting import child_environment
from kagura.cli.common import ConfigOption, DbOption, HomeOption, command_app, open_store, settings_from
from kagura.config import Settings
from kagura.errors import InputError, KaguraError, ProxyError, StoreError
from kagura.journal import JournalWriter, Reported
from kagura.model import Event, JsonObject, now_us

app = command_app()

START_SECONDS = 20
SETTLE_SECONDS = 3
FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGQUIT)


@app.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
def run(
    command: Annotated[list[str] | None, typer.Argument(help="The program and its arguments, after --.")] = None,
    agent: Annotated[str | None, typer.Option(help="Name of the agent (default: the program's name).")] = None,
    execution_id: Annotated[str | None, typer.Option("--id", help="Id of the execution (default: a new one).")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="NAME=VALUE to find the run by; repeatable.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print no summary.")] = False,
    config: ConfigOption = None,
    home: HomeOption = None,
    db: DbOption = None,
) -> None:
    """Run a program with its LLM calls recorded, and say what they cost.

    A proxy is started for the run where none listens. Exit code and signals pass through; the summary goes to stderr.

    Examples:

      kagura run -- python my_agent.py

      kagura run --agent reviewer --tag branch=main -- claude -p "review this"
    """
    if not command:
        raise InputError("no program was given", "kagura run -- python my_agent.py")
    settings = settings_from(config, home, db)
    agent = agent or agent_name(command)
    execution_id = execution_id or f"run_{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"
    extra = {"KAGURA_CONFIG": str(config.absolute())} if config else {}
    with (
        _recorded(settings, agent, execution_id, command, _tags(tag or [])) as outcome,
        _proxy(settings, extra) as root,
    ):
        environment = run_environment(os.environ, root, agent=agent, execution_id=execution_id)
        outcome["code"] = _call(pointed(command, environment["ANTHROPIC_BASE_URL"]), environment)
        outcome["status"] = "completed" if outcome["code"] == 0 else "failed"
    if not quiet:
        _summarize(settings, execution_id)
    raise typer.Exit(outcome["code"])


def agent_name(command: list[str]) -> str:
    """The name of a program: its script where an interpreter runs one (`python my_agent.py` → `my_agent`)."""
    program = Path(command[0]).name
    if program.startswith(("python", "node", "bun", "deno", "uv", "npx", "ruby", "sh", "bash")):
        module = command[command.index("-m") + 1 :][:1] if "-m" in command else []
        scripts = [word for word in command[1:] if Path(word).suffix in {".py", ".js", ".ts", ".mjs", ".rb", ".sh"}]
        if module or scripts:
            return module[0].rsplit(".", 1)[-1] if module else Path(scripts[0]).stem
    return program


def run_environment(environ: Mapping[str, str], root: str, *, agent: str, execution_id: str) -> dict[str, str]:
    """The variables with which a program's calls reach the proxy as calls of this execution."""
    header = {"X-Kagura-Execution-Id": execution_id, "X-Kagura-Agent": agent}
    lines = "\n".join(f"{name}: {value}" for name, value in header.items())
    env = dict(environ) | base_urls(tagged(root, agent=agent, execution_id=execution_id))
    for name, separator, value in (
        ("OPENAI_CUSTOM_HEADERS", "\n", lines),
        ("ANTHROPIC_CUSTOM_HEADERS", "\n", lines),
        ("GEMINI_CLI_CUSTOM_HEADERS", ",", lines.replace("\n", ",")),
    ):
        env[name] = f"{environ[name]}{separator}{value}" if environ.get(name) else value
    return env | {"KAGURA_PROXY": root, "KAGURA_EXECUTION_ID": execution_id, "KAGURA_AGENT": agent}


def _tags(pairs: list[str]) -> dict[str, str]:
    for pair in pairs:
        if not pair.partition("=")[2]:
            raise InputError(f"--tag {pair!r} is not NAME=VALUE", "Such as --tag branch=main.")
    return {name: value for name, _, value in (pair.partition("=") for pair in pairs)}


@contextmanager
def _recorded(
    settings: Settings, agent: str, execution_id: str, command: list[str], tags: dict[str, str]
) -> Iterator[JsonObject]:
    """Report the execution's start, and its end with the status that the block leaves behind."""
    writer = JournalWriter(settings.journal_dir, settings.journal.segment_size)
    started_at = now_us()
    data = {"agent": agent, "source": "run", "tags": tags, "attributes": {"command": shlex.join(command)[:500]}}
    outcome: JsonObject = {"status": "failed", "code": 1}

    def report(kind: str, more: JsonObject) -> None:
        event = Event(type=kind, at=now_us(), execution_id=execution_id, data=data | more)
        try:
            writer.append(Reported(event=event))
        except KaguraError as error:
            typer.echo(f"kagura: the run is not recorded: {error}", err=True)

    report("execution.start", {})
    try:
        yield outcome
    finally:
        code = outcome["code"]
        error = {} if code == 0 else {"error": f"exit code {code}"}
        report("execution.end", {"status": outcome["status"], "started_at": started_at, **error})
        writer.close()


@contextmanager
def _proxy(settings: Settings, extra: Mapping[str, str]) -> Iterator[str]:
    """The address of the proxy that listens, or of one started for this block."""
    root = proxy_url(settings)
    if health(root):
        yield root
    else:
        with started_proxy(child_environment(settings, extra)) as root:
            yield root


@contextmanager
def started_proxy(environment: Mapping[str, str]) -> Iterator[str]:
    """A proxy of its own on a free port for the block; gives its address."""
    command = [sys.executable, "-m", "kagura", "proxy", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, start_new_session=True) as process:
        try:
            yield _listening(process)
        finally:
            process.terminate()


def _listening(process: subprocess.Popen[bytes]) -> str:
    """Wait for the line with which a new proxy says where it listens."""
    assert process.stdout is not None
    for line in process.stdout:
        words = line.decode().split()
        if words[:3] == ["kagura", "listens", "on"]:
            return words[3]
    raise ProxyError("the proxy for this run did not start", "`kagura proxy` shows why.")


def _call(command: list[str], environment: dict[str, str]) -> int:
    """Run the program with the signals of this process passed on; gives the exit code a shell would."""
    try:
        process = subprocess.Popen(command, env=environment)
    except OSError as error:
        typer.echo(f"kagura: {command[0]}: {error.strerror}", err=True)
        return 127 if isinstance(error, FileNotFoundError) else 126
    previous = {number: signal.signal(number, _passer(process)) for number in FORWARDED}
    try:
        code = process.wait()
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    return 128 - code if code < 0 else code


def _passer(process: subprocess.Popen[bytes]) -> Any:
    def forward(number: int, _frame: Any) -> None:
        if number in (signal.SIGINT, signal.SIGQUIT) and _from_terminal():
            return
        process.send_signal(number)

    return forward


def _from_terminal() -> bool:
    """Whether this process group holds the terminal: then Ctrl-C reached the program as well."""
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False


def _summarize(settings: Settings, execution_id: str) -> None:
    """Print calls, tokens, cost and time once they are in the store."""
    from kagura.dashboard.amounts import count, duration, money, plural

    row = None
    deadline = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline:
        try:
            with open_store(settings) as store:
                row = next(iter(store.find_execution(execution_id)), None)
        except StoreError as error:
            typer.echo(f"kagura: the calls are kept in the journal, but not in the store: {error}", err=True)
            return
        if row and row.status != "running" and not row.running_calls:
            break
        time.sleep(0.1)
    if row is None:
        typer.echo("kagura: the run is in the journal; `kagura monitor` will show it", err=True)
        return
    cost = [money(row.cost.billed)]
    if row.cost.estimated:
        cost.append(f"{money(row.cost.estimated, estimated=True)} estimated")
    if row.cost.unknown_calls:
        cost.append(f"{plural(row.cost.unknown_calls, 'call')} of unknown cost")
    parts = [
        plural(row.llm_calls, "LLM call"),
        f"{count(row.tokens.input)} tokens in, {count(row.tokens.output)} out",
        " + ".join(cost),
        duration(row.duration),
    ]
    typer.echo(f"kagura: {row.agent} {row.status}: {' · '.join(parts)}", err=True)
    typer.echo(f"        kagura monitor --trace {execution_id}", err=True)
