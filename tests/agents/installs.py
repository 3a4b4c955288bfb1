"""Each agent in a folder of its own: a virtual environment or node_modules, kept from run to run."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tests.agents.agent import Agent

PROGRAMS = Path(__file__).parent / "programs"


def cache() -> Path:
    """Where the installations are kept: `AGENTS_CACHE`, else the user's cache."""
    return Path(os.environ.get("AGENTS_CACHE") or Path.home() / ".cache" / "kagura-agents").absolute()


def folder(agent: Agent) -> Path:
    return cache() / agent.name


def install(agent: Agent) -> str:
    """Install what is not there yet; says what was done, or raises RuntimeError with what the installer said."""
    home, wanted = folder(agent), "\n".join(agent.packages)
    stamp = home / "installed.txt"
    began = time.monotonic()
    done = "was there"
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        for command in _npm(agent, home) if agent.is_npm else _python(agent, home):
            _call(command, home)
        stamp.write_text(wanted)
        done = f"installed in {time.monotonic() - began:.0f} s"
    if agent.is_npm:
        for program in PROGRAMS.glob("*.mjs"):
            shutil.copy(program, home)
    return done


def command(agent: Agent, trip: str) -> list[str]:
    """The command line that starts the agent on a trip."""
    home = folder(agent)
    programs = home if agent.is_npm else PROGRAMS
    binaries = "node_modules/.bin" if agent.is_npm else ".venv/bin"
    places = {"PYTHON": home / ".venv/bin/python", "BIN/": home / binaries / "_", "PROGRAMS/": programs / "_"}
    return [_word(word, places).replace("TRIP", trip) for word in agent.command]


def _word(word: str, places: dict[str, Path]) -> str:
    place = next((name for name in places if word.startswith(name)), None)
    if place is None:
        return word
    path = places[place]
    return str(path.with_name(word.removeprefix(place)) if place.endswith("/") else path)


def _python(agent: Agent, home: Path) -> list[list[str]]:
    uv = str(Path(sys.executable).with_name("uv"))
    python = str(home / ".venv/bin/python")
    return [
        [uv, "venv", "--quiet", "--python", sys.executable, ".venv"],
        [uv, "pip", "install", "--quiet", "--python", python, *agent.packages],
    ]


def _npm(agent: Agent, home: Path) -> list[list[str]]:
    return [["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(home), *agent.packages]]


def _call(command: list[str], home: Path) -> None:
    try:
        done = subprocess.run(command, cwd=home, capture_output=True, text=True, timeout=900, check=False)
    except FileNotFoundError:
        raise RuntimeError(f"{command[0]} is not installed") from None
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {(done.stderr or done.stdout)[-1000:]}")
