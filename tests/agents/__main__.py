"""`make agents`: real agents started by `kagura run`, alone and two at a time, against a stand-in provider. Offline."""

import argparse
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.agents.agent import Agent
from tests.agents.checks import Recorded, complaints, complaints_of_told, strangers
from tests.agents.installs import cache, command, install
from tests.agents.provider import provider
from tests.agents.rows import AGENTS
from tests.clients.installed import environment, exported
from tests.clients.upstream import Upstream, running_upstream

PATIENCE = 180.0
KEYS = dict.fromkeys(("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"), "sk-test")
COLUMNS = ("agent", "version", "executions", "turns", "tools", "branches", "two at once", "seconds")


class Outcome(NamedTuple):
    """What became of one agent."""

    agent: Agent
    runs: list[Recorded]
    executions: int
    two_at_once: bool
    seconds: float
    faults: list[str]

    @property
    def row(self) -> tuple[str, ...]:
        """The line of the table: figures of the run that was alone."""
        alone = self.runs[0] if self.runs else Recorded("", {"spans": [], "execution": {}}, {})
        counts = (self.executions, len(alone.turns), len(alone.tools), len(alone.branches))
        together = "ok" if self.two_at_once else "MIXED"
        return (self.agent.name, self.agent.version, *map(str, counts), together, f"{self.seconds:.0f}")


class Bench:
    """A home of kagura's and of the agents', and the provider that they talk to."""

    def __init__(self, home: Path, upstream: Upstream, flags: Sequence[str] = ()) -> None:
        self.home, self.upstream, self.flags = home, upstream, flags

    def run(self, agent: Agent, trips: Sequence[str]) -> tuple[list[Recorded], list[str]]:
        """Start an agent once a trip, all at the same time; gives what was recorded, and what went wrong."""
        self.upstream.script = provider(agent.roles)
        started = [(trip, self._start(agent, trip)) for trip in trips]
        faults, runs = [], []
        for trip, process in started:
            try:
                said, _ = process.communicate(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                process.terminate()
                said, _ = process.communicate()
                faults.append(f"{agent.name} did not end within {PATIENCE:.0f} s")
            if process.returncode:
                faults.append(f"{agent.name} ended with {process.returncode}: {said[-1500:]}")
            elif trip not in said:
                faults.append(f"{agent.name} did not finish its plan: {said[-500:]}")
        for trip in trips:
            trace = self._trace(trip)
            if trace is None:
                faults.append(f"no run {trip} is recorded")
            else:
                summary = self.home / f"{trip}.json"
                runs.append(Recorded(trip, trace, json.loads(summary.read_text() if summary.exists() else "{}")))
        return runs, faults

    def _start(self, agent: Agent, trip: str) -> subprocess.Popen[str]:
        work = self.home / trip
        work.mkdir()
        run = [sys.executable, "-m", "kagura", "run", *self.flags, "--agent", agent.name, "--id", trip]
        run += ["--json", str(self.home / f"{trip}.json"), "--"]
        return subprocess.Popen(
            [*run, *command(agent, trip)],
            cwd=work,
            env=self.environment(dict(agent.variables)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def environment(self, more: dict[str, str]) -> dict[str, str]:
        """The user's environment with a home of its own and no address or key of a real provider."""
        base = environment(self.home / "kagura", self.upstream.url, HOME=str(self.home))
        return base | KEYS | {"KAGURA_PROXY_PORT": str(free_port())} | more

    def _trace(self, trip: str) -> dict[str, Any] | None:
        show = [sys.executable, "-m", "kagura", "monitor", "--trace", trip, "--json"]
        done = subprocess.run(show, env=self.environment({}), capture_output=True, text=True, timeout=60, check=False)
        found: dict[str, Any] | None = json.loads(done.stdout) if done.returncode == 0 else None
        return found


def free_port() -> int:
    """A port on which nobody listens, so that each run starts a proxy of its own."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def outcome(agent: Agent, upstream: Upstream, keep: Path | None, *, otel: bool) -> Outcome:
    """Run an agent alone and then twice at a time, and look at what was recorded."""
    began = time.monotonic()
    # gemini-cli trusts no file below a folder that all users can write to, such as the one for temporary files.
    home = Path(tempfile.mkdtemp(prefix=f"{agent.name}-", dir=keep or cache()))
    try:
        bench = Bench(home, upstream, ["--otel"] if otel else [])
        alone, *pair = (f"trip-{secrets.token_hex(4)}" for _ in range(3))
        runs, faults = bench.run(agent, [alone])
        executions = len(exported(home / "kagura", "--executions"))
        if executions != 1:
            faults.append(f"{executions} executions instead of one")
        together, more = bench.run(agent, pair)
        faults += more
        if (count := len(exported(home / "kagura", "--executions"))) != 3:
            faults.append(f"{count} executions after three runs")
        mixed = [
            fault for run in together for fault in strangers(run, [trip for trip in (alone, *pair) if trip != run.trip])
        ]
        for run in (*runs, *together):
            faults += [f"{run.trip}: {fault}" for fault in (complaints_of_told if otel else complaints)(agent, run)]
        two_at_once = not mixed and len(together) == 2 and count == 3
        return Outcome(agent, runs, executions, two_at_once, time.monotonic() - began, faults + mixed)
    finally:
        if keep is None:
            shutil.rmtree(home, ignore_errors=True)


def main() -> int:
    """Run the agents that are named, or all; 1 where something is not as it must be."""
    names = [agent.name for agent in AGENTS]
    parser = argparse.ArgumentParser(prog="make agents", description=__doc__)
    parser.add_argument("agents", nargs="*", metavar="AGENT", help=f"one of {', '.join(names)}; without one, all")
    parser.add_argument(
        "--otel", action="store_true", help="those that tell of their tools over OTLP, by kagura run --otel"
    )
    parser.add_argument("--keep", type=Path, help="folder in which the records are kept")
    given = parser.parse_args()
    if unknown := set(given.agents) - set(names):
        parser.error(f"no agent is named {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    if given.keep:
        given.keep.mkdir(parents=True, exist_ok=True)
    asked = [agent for agent in AGENTS if agent.name in (given.agents or names)]
    chosen = [agent for agent in asked if agent.tells is not None or not given.otel]
    outcomes: list[Outcome] = []
    with running_upstream() as upstream:
        for number, agent in enumerate(chosen, 1):
            print(f"[{number}/{len(chosen)}] {agent.name} {agent.version}: ", end="", flush=True)
            try:
                print(install(agent), end="", flush=True)
            except RuntimeError as error:
                print(f" could not be installed: {error}")
                outcomes.append(Outcome(agent, [], 0, False, 0, [str(error)]))
                continue
            found = outcome(agent, upstream, given.keep and given.keep.absolute(), otel=given.otel)
            outcomes.append(found)
            print(f", run in {found.seconds:.0f} s: {'ok' if not found.faults else f'{len(found.faults)} faults'}")
            for fault in found.faults:
                print(f"      {fault}")
    print(f"\n{table(outcomes)}")
    return 1 if any(found.faults for found in outcomes) else 0


def table(outcomes: list[Outcome]) -> str:
    """The outcomes as a table of Markdown."""
    rows = [COLUMNS, tuple("-" * len(name) for name in COLUMNS), *(found.row for found in outcomes)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(COLUMNS))]
    return "\n".join(
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |" for row in rows
    )


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main())
