"""Which program a command line starts, and how one that reads no variable is told the proxy's address."""

import re
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

from kagura.cli.clients import FLAGGED, SETTINGS_FILES, Flagged

_PACKAGE_RUNNERS = {"bun", "bunx", "hatch", "npm", "npx", "pdm", "pipx", "pnpm", "pnpx", "poetry", "uv", "uvx", "yarn"}
_WRAPPERS = {"env", "nice", "nohup", "setsid", "stdbuf", "time", "timeout"}
LAUNCHERS = _PACKAGE_RUNNERS | _WRAPPERS
"""Programs that start the one which a later word names."""

_INTERPRETER = re.compile(r"(python|pypy|node|bun|deno|ruby|sh|bash|zsh|perl|php|tsx|ts-node)[0-9.]*$")
_SCRIPTS = {".py", ".js", ".ts", ".mjs", ".cjs", ".mts", ".rb", ".sh"}
_VERBS = {"run", "exec", "x", "dlx", "tool", "start"}
_VALUED = {"-p", "--package", "--with", "--from", "--python", "--extra", "--group", "-n", "-s", "-k"}
"""Options of launchers whose value is a word of its own."""
_VERSION = re.compile(r"(?<=.)@[^/]*$|==.*$")
_NO_PROGRAM = re.compile(r"\w+=|[0-9.]+[smhd]?$")
"""What stands before the program's name: an assignment of `env`, the time of `timeout`."""


def agent_name(command: list[str]) -> str:
    """The name of a program: its script where an interpreter runs one (`python my_agent.py` → `my_agent`)."""
    at = started(command)
    program = Path(_VERSION.sub("", command[at])).name
    rest = command[at + 1 :]
    if _INTERPRETER.match(program):
        if "-m" in rest[:-1]:
            return rest[rest.index("-m") + 1].rpartition(".")[2]
        program = next((Path(word).name for word in rest if Path(word).suffix in _SCRIPTS), program)
    return Path(program).stem if Path(program).suffix in _SCRIPTS else program


def started(command: list[str]) -> int:
    """The place of the word that names the program, behind launchers such as `npx -y` or `uv run`."""
    at = 0
    while Path(command[at]).name in LAUNCHERS:
        following = _first_name(command, at + 1)
        if following is None:
            break
        at = following
    return at


def _first_name(command: list[str], at: int) -> int | None:
    is_value = False
    for place, word in enumerate(command[at:], at):
        if not (is_value or word.startswith("-") or word in _VERBS or _NO_PROGRAM.match(word)):
            return place
        is_value = word in _VALUED and not is_value
    return None


def flagged(command: list[str], environ: Mapping[str, str]) -> list[str]:
    """The command, with the flags by which a program that reads no variable is told the address."""
    at = started(command)
    name = _VERSION.sub("", command[at])
    row = next((row for row in FLAGGED if name == row.package or Path(name).name == row.program), None)
    if row is None or any(word.startswith(f"{row.setting}=") for word in command):
        return command
    return [*command[: at + 1], "-c", f"{row.setting}={environ[row.variable]}", *command[at + 1 :]]


def write_helpers(folder: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Write what clients need beside variables into a folder; gives the variables that lead there.

    Programs that take their address as a flag are shadowed by scripts of the same names that add it, so that those are
    pointed as well which the program starts.
    """
    found = {}
    for row in SETTINGS_FILES:
        if environ.get(row.needs) and not any(environ.get(name) for name in row.unless):
            (folder / row.name).write_text(row.content)
            found[row.variable] = str(folder / row.name)
    for program in FLAGGED:
        path = shutil.which(program.program, path=environ.get("PATH"))
        if path:
            _write_shim(folder / program.program, path, program, environ)
            found["PATH"] = f"{folder}:{environ.get('PATH', '')}"
    return found


def _write_shim(target: Path, program: str, row: Flagged, environ: Mapping[str, str]) -> None:
    setting = shlex.quote(f"{row.setting}={environ[row.variable]}")
    target.write_text(f'#!/bin/sh\nexec {shlex.quote(program)} -c {setting} "$@"\n')
    target.chmod(0o700)
