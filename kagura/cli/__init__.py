"""The command line: one file a command, loaded when it is called."""

import os
import signal
import sys
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from kagura import __version__
from kagura.errors import KaguraError

COMMANDS = {
    "proxy": "Start the proxy that records every call.",
    "run": "Run a program with its LLM calls recorded.",
    "monitor": "Show agent runs, calls, traces and cost.",
    "export": "Write calls or runs as JSON lines.",
    "pricing": "Look prices up, keep them current, and prove what a call cost.",
    "reprocess": "Read and price stored calls again.",
    "doctor": "Check ports, store, journal and environment.",
    "init": "Write a configuration file.",
    "demo": "Show the product with no API key.",
}
"""Name of each command (and of its module) and its line in `kagura --help`."""


class _Commands(TyperGroup):
    """Imports a command's module only when that command is called, so that help and completion stay quick."""

    _called = ""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        self._called = args[0]
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        called = cmd_name == self._called
        command = get_command(import_module(f"kagura.cli.{cmd_name}").app if called else _placeholder(cmd_name))
        command.name = cmd_name
        return command


def _placeholder(name: str) -> typer.Typer:
    """A command that is only listed, not run."""
    listed = typer.Typer()
    listed.command(help=COMMANDS[name])(lambda: None)
    return listed


app = typer.Typer(
    cls=_Commands,
    name="kagura",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="See what LLM agents do, what it costs and where the time goes.",
    epilog="Start with `kagura proxy`, point OPENAI_BASE_URL at it, then `kagura monitor`.",
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"kagura {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """See what LLM agents do, what it costs and where the time goes."""


def main(argv: list[str] | None = None) -> None:
    """Run the command line; an error becomes a message on stderr and an exit code, never a traceback."""
    try:
        app(argv)
    except KaguraError as error:
        typer.echo(f"kagura: {error}", err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader of a pipe has gone; what Python still holds for it must not raise once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + signal.SIGPIPE)
    except Exception as error:
        if os.environ.get("KAGURA_DEBUG"):
            raise
        typer.echo(f"kagura: this should not have happened: {type(error).__name__}: {error}", err=True)
        typer.echo("  KAGURA_DEBUG=1 shows where; please report it.", err=True)
        sys.exit(1)
