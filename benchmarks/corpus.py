"""Replays a folder of recorded provider exchanges through the proxy: bytes in every mode, then what was recorded.

    python -m benchmarks.corpus FOLDER [--providers openai,anthropic] [--min 99]

The folder brings its own runners: `replay_upstream.py` answers as the provider did, `run_replay.py` compares what the
client got and what the provider saw, `check_telemetry.py` compares the export with `expected.jsonl`.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kagura.providers import load

MODES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("whole events", ("--chunking", "event")),
    ("cut at any byte", ("--chunking", "bytes")),
    ("compressed", ("--compress",)),
    ("held streams", ("--hold", "--streams")),
)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def process(command: list[str], url: str, environment: dict[str, str] | None = None) -> Iterator[None]:
    """A server for the block, waited for at `url`."""
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as server:
        try:
            deadline = time.monotonic() + 20
            while True:
                try:
                    urllib.request.urlopen(url, timeout=1).close()
                    break
                except OSError:
                    if server.poll() is not None or time.monotonic() > deadline:
                        sys.exit(f"did not start: {' '.join(command)}")
                    time.sleep(0.1)
            yield
        finally:
            server.terminate()
            server.wait(20)


def settings_environment(home: Path, providers: list[str], upstream: str) -> dict[str, str]:
    """An environment in which every provider is the replaying one."""
    known = load({})
    rows = {name: {"base_url": upstream} | ({} if name in known else {"dialect": "openai"}) for name in providers}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("KAGURA_")}
    return inherited | {"KAGURA_HOME": str(home), "KAGURA_PROVIDERS": json.dumps(rows)}


def main() -> None:
    """Run every mode and the telemetry check; exit with 1 where one of them fails."""
    parser = argparse.ArgumentParser(description="Replay recorded provider exchanges through the proxy.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--providers", help="names, comma-separated; all by default")
    parser.add_argument("--min", default="99.0", help="percent of agreement that each telemetry field must reach")
    parser.add_argument("--keep", type=Path, help="keep reports, export and store in this folder")
    asked = parser.parse_args()
    cases = sorted((asked.folder / "cases").glob("*.jsonl"))
    names = asked.providers.split(",") if asked.providers else [path.stem for path in cases]
    with tempfile.TemporaryDirectory(prefix="kagura-corpus-") as temporary:
        work = asked.keep or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        sys.exit(replay(asked.folder, [path for path in cases if path.stem in names], work, asked.min))


def replay(folder: Path, cases: list[Path], work: Path, minimum: str) -> int:
    """All modes over `cases`; gives the exit code."""
    names = [path.stem for path in cases]
    upstream, via = f"http://127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}"
    environment = settings_environment(work / "home", names, upstream)
    failed = 0
    replayer = [sys.executable, str(folder / "replay_upstream.py"), "--port", upstream.rpartition(":")[2]]
    proxy = [sys.executable, "-m", "kagura", "proxy", "--quiet", "--port", via.rpartition(":")[2]]
    with process(replayer, f"{upstream}/__health"), process(proxy, f"{via}/kagura/health", environment):
        for title, options in MODES:
            print(f"\n== {title}", flush=True)
            command = [sys.executable, str(folder / "run_replay.py"), "--upstream", upstream, "--via", via]
            command += ["--only-prefixed", "--strict-headers", "--strict-encoding", "--strict-auth", *options]
            command += ["--report", str(work / f"report-{title.replace(' ', '-')}.jsonl")]
            for name in names:
                command += ["--prefix", f"{name}=/{name}"]
            failed |= subprocess.run([*command, "--files", *map(str, cases)], check=False).returncode
    export = work / "export.jsonl"
    command = [sys.executable, "-m", "kagura", "export", "--format", "jsonl", "-o", str(export)]
    failed |= subprocess.run(command, env=environment, check=False).returncode
    print("\n== what was recorded", flush=True)
    command = [sys.executable, str(folder / "check_telemetry.py"), "--report", str(work / "report-whole-events.jsonl")]
    command += ["--export", str(export), "--oracle", str(folder / "expected.jsonl"), "--min", minimum]
    return failed | subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    main()
