"""The command line: one file a command, loaded when it is called. Its list, help and version need no library."""

import os
import sys
from importlib import import_module

from kagura import __version__
from kagura.errors import InputError, KaguraError

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` takes longer to load than the list of commands
    from typing import Any

COMMANDS = {
    "proxy": "Start the proxy that records every call.",
    "run": "Run a program with its LLM calls recorded.",
    "monitor": "Show agent runs, calls, traces and cost.",
    "replay": "Send a run's requests again, to the same or another model.",
    "diff": "Compare two runs side by side.",
    "top": "Show what runs and what today cost on a small screen.",
    "tail": "Print calls as they end, one line each.",
    "statusline": "Print today's cost in one line, for prompts and status bars.",
    "export": "Write spans or runs as JSON lines, CSV, Parquet or OTLP.",
    "pricing": "Look prices up, keep them current, and prove what a call cost.",
    "alerts": "Show what fires, check it now, and try the channels.",
    "reprocess": "Read and price stored calls again.",
    "doctor": "Check ports, store, journal and environment.",
    "init": "Write a configuration file.",
    "completion": "Complete commands, agents and runs in your shell.",
    "demo": "Show the product with no API key.",
}
"""Name of each command (and of its module) and its line in `kagura --help`."""

_ENDED_BY_SIGINT, _ENDED_BY_SIGPIPE = 130, 141

_HELP = """\
Usage: kagura COMMAND [OPTIONS]

See what LLM agents do, what it costs and where the time goes.

Commands:
{commands}

Options:
  --version   Print the version.
  -h, --help  Print this; `kagura COMMAND --help` tells more of a command.

Examples:
  kagura proxy                    start recording
  kagura run -- python agent.py   run one program with its calls recorded
  kagura monitor                  watch runs, calls and cost

Start with `kagura proxy`, point OPENAI_BASE_URL at it, then `kagura monitor`.
"""


def list_of_commands() -> str:
    """What `kagura --help` prints."""
    width = max(map(len, COMMANDS))
    return _HELP.format(commands="\n".join(f"  {name:<{width}}  {line}" for name, line in COMMANDS.items()))


def command(name: str) -> "Any":
    """A command as Typer runs it. Raises InputError that names near ones where there is none of that name."""
    if name not in COMMANDS:
        raise InputError(f"there is no command {name!r}", _near(name))
    from typer.main import get_command

    found = get_command(import_module(f"kagura.cli.{name}").app)
    found.name = name
    return found


def _near(name: str) -> str:
    from difflib import get_close_matches

    if name.startswith("-"):
        return "Options stand behind the command: `kagura monitor --json`. `kagura --help` lists the commands."
    near = get_close_matches(name.lower(), COMMANDS, n=2, cutoff=0.5)
    return (
        f"Did you mean {' or '.join(f'`kagura {match}`' for match in near)}?" if near else "`kagura --help` lists all."
    )


def app(arguments: list[str], *, standalone_mode: bool = True) -> "Any":
    """Run a command line; in `standalone_mode` it ends with SystemExit."""
    if os.environ.get("_KAGURA_COMPLETE"):
        from kagura.cli.completing import answer

        sys.stdout.write(answer(arguments, os.environ["_KAGURA_COMPLETE"], COMMANDS, command, os.environ))
        sys.exit(0)
    first = arguments[0] if arguments else "--help"
    if first in {"-h", "--help", "--version"}:
        sys.stdout.write(f"kagura {__version__}\n" if first == "--version" else list_of_commands())
        sys.exit(0)
    if first == "statusline":
        from kagura.cli.prompt_line import quick

        line = quick(arguments[1:], os.environ)
        if line is not None:
            sys.stdout.write(line + "\n")
            sys.exit(0)
    if arguments == ["monitor"]:
        # What most people type goes past Typer: the reader of the store starts a fifth of a second earlier.
        from kagura.dashboard.tui.start import interactive, run_live

        if interactive():
            return run_live({}, None)
    return command(first).main(arguments[1:], prog_name=f"kagura {first}", standalone_mode=standalone_mode)


def main(argv: list[str] | None = None) -> None:
    """Run the command line; an error becomes a message on stderr and an exit code, never a traceback."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    _forgive_encodings()
    try:
        app(arguments)
    except KaguraError as error:
        from kagura.cli.last_resort import harmless

        sys.stderr.write(f"kagura: {harmless(str(error))}\n")
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader of a pipe has gone; what Python still holds for it must not raise once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(_ENDED_BY_SIGPIPE)
    except KeyboardInterrupt:
        sys.exit(_ENDED_BY_SIGINT)
    except Exception as error:
        from kagura.cli.last_resort import report

        report(error, arguments)
        sys.exit(1)


def _forgive_encodings() -> None:
    """Let a terminal that cannot show a character show another one: an answer with `?` in it is better than none."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
