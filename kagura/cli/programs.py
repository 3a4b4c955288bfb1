"""Which program a command line starts, and how one that reads no variable is told the proxy's address."""

import re
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

from kagura.cli.addresses import tagged
from kagura.cli.clients import EXTENDED, FLAGGED, SETTINGS_FILES, Extended, Flagged
from kagura.cli.telemetry import telemetry_flag

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
    """The command, so that a program that reads no variable is told the address.

    Package runners get the flag; otherwise the script of `write_helpers` is started by the program's name.
    """
    at = started(command)
    row = _row(command[at])
    if row is None:
        return command
    if not any(Path(word).name in _PACKAGE_RUNNERS for word in command[:at]):
        is_there = shutil.which(command[at], path=environ.get("PATH"))
        return [*command[:at], row.program, *command[at + 1 :]] if is_there else command
    return [*command[: at + 1], *_flag(row, command[at + 1 :], environ), *command[at + 1 :]]


def _row(word: str) -> Flagged | Extended | None:
    """The row of the program that a word of a command line names, by itself or by its package."""
    name = _VERSION.sub("", word)
    for flagged_row in FLAGGED:
        if name == flagged_row.package or Path(name).name == flagged_row.program:
            return flagged_row
    return next((row for row in EXTENDED if name in row.packages or Path(name).name == row.program), None)


def _flag(row: Flagged | Extended, rest: list[str], environ: Mapping[str, str]) -> list[str]:
    if isinstance(row, Flagged):
        return ["-c", f"{row.setting}={environ[row.variable]}", *telemetry_flag(row, environ)]
    return [] if rest[:1] and rest[0] in row.commands else [row.flag, str(_extension(row))]


def _extension(row: Extended) -> Path:
    return Path(__file__).with_name(row.file)


def write_helpers(folder: Path, command: list[str], environ: Mapping[str, str]) -> dict[str, str]:
    """Write what clients need beside variables into a folder; gives the variables that lead there.

    Programs that take their address as a flag are shadowed by scripts of the same names that add it, so that those are
    pointed as well which the program starts.
    """
    found = {}
    for file in SETTINGS_FILES:
        if environ.get(file.needs) and not any(environ.get(name) for name in file.unless):
            (folder / file.name).write_text(file.content)
            found[file.variable] = str(folder / file.name)
    named = command[started(command)]
    for row in (*FLAGGED, *EXTENDED):
        path = named if Path(named).name == row.program else row.program
        program = shutil.which(path, path=environ.get("PATH"))
        if program:
            place = str(Path(program).absolute())
            script = _script(place, row, environ) if isinstance(row, Flagged) else _extending_script(place, row)
            (folder / row.program).write_text(script)
            (folder / row.program).chmod(0o700)
            found["PATH"] = f"{folder}:{environ.get('PATH', '')}"
    return found


def _script(program: str, row: Flagged, environ: Mapping[str, str]) -> str:
    """A script that starts the program with the address; where the user has logged in, with the login's."""
    address = tagged(
        environ["KAGURA_PROXY"], agent=environ["KAGURA_AGENT"], execution_id=environ["KAGURA_EXECUTION_ID"]
    )
    lines = ["#!/bin/sh", f"program={shlex.quote(program)}", f"url={shlex.quote(environ[row.variable])}"]
    status, word, path = row.login
    if environ[row.variable] == f"{address}/v1" and not environ.get(row.key):
        elsewhere = shlex.quote(address + path)
        lines.append(f'case "$("$program" {status} 2>&1 </dev/null)" in *{word}*) url={elsewhere} ;; esac')
    more = "".join(f" {shlex.quote(word)}" for word in telemetry_flag(row, environ))
    return "\n".join([*lines, f'exec "$program" -c {row.setting}="$url"{more} "$@"', ""])


def _extending_script(program: str, row: Extended) -> str:
    """A script that starts the program with the file that it is to load."""
    plain = f'case "${{1-}}" in {"|".join(row.commands)}) exec {shlex.quote(program)} "$@" ;; esac'
    last = f'exec {shlex.quote(program)} {row.flag} {shlex.quote(str(_extension(row)))} "$@"'
    return "\n".join(["#!/bin/sh", plain, last, ""])
