"""kagura as its users run it: processes of their own, a folder of their own, records read with `kagura export`."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

from kagura.cli import app

PROVIDERS = ("openai", "anthropic", "gemini", "azure", "bedrock", "cohere", "mistral", "ollama", "vertex", "litellm")
"""Whose addresses the tests' upstream stands for."""
PATIENCE = 30.0
"""Seconds until a call must be in the store: far more than the one second that is promised, for busy machines."""


def environment(home: Path, upstream: str = "", **more: str) -> dict[str, str]:
    """The test's environment with kagura's settings replaced, and no address or key of a real provider."""
    foreign = ("KAGURA_", "OPENAI_", "ANTHROPIC_", "GOOGLE_", "GEMINI_", "CLAUDE_", "AZURE_", "AWS_", "VERTEXAI_")
    env = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    env |= {"KAGURA_HOME": str(home), "NO_COLOR": "1", "COLUMNS": "120", **more}
    if upstream:
        env["KAGURA_PROVIDERS"] = json.dumps({name: {"base_url": upstream} for name in PROVIDERS})
    return env


def kagura(*arguments: str, env: Mapping[str, str], **more: Any) -> subprocess.CompletedProcess[str]:
    """Run a kagura command to its end."""
    command = [sys.executable, "-m", "kagura", *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False, **more)


def in_process(*arguments: str, env: Mapping[str, str]) -> tuple[int, str]:
    """The exit code and the standard output of a kagura command run in this process, which saves a start."""
    said = io.StringIO()
    with patch.dict(os.environ, env, clear=True), redirect_stdout(said):
        code = app(list(arguments), standalone_mode=False)
    return code or 0, said.getvalue()


class Proxy:
    """A running `kagura proxy` with its collector."""

    def __init__(self, home: Path, upstream: str, port: int = 0) -> None:
        self.home, self.upstream = home, upstream
        self.env = environment(home, upstream)
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        command = [sys.executable, "-m", "kagura", "proxy", "--port", str(port)]
        with (home / "stderr.txt").open("ab") as errors:
            self.process = subprocess.Popen(command, env=self.env, stdout=subprocess.PIPE, stderr=errors)
        self.root = self._listening()
        self._seen: set[str] = set()

    @property
    def port(self) -> int:
        return int(self.root.rpartition(":")[2])

    def _listening(self) -> str:
        assert self.process.stdout
        for line in self.process.stdout:
            if line.startswith(b"kagura listens on "):
                return line.split()[3].decode()
        raise AssertionError(f"the proxy did not start: {(self.home / 'stderr.txt').read_text()}")

    def calls(self, count: int) -> list[dict[str, Any]]:
        """The calls that have come since the last time, in order, once `count` of them have ended."""
        deadline = time.monotonic() + PATIENCE
        while True:
            spans = [span for span in exported(self.home) if not span["inferred"]]
            new = [call for call in spans if call["id"] not in self._seen]
            if len(new) >= count and all(call["status"] != "running" for call in new):
                break
            assert time.monotonic() < deadline, f"{len(new)} of {count} calls in the store: {new}"
            time.sleep(0.03)
        self._seen |= {call["id"] for call in new}
        assert len(new) == count, new
        return new

    def forget(self) -> None:
        """Take the calls that others made for seen."""
        self._seen |= {span["id"] for span in exported(self.home)}

    def stop(self) -> int:
        """End it as a service manager does; gives the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self._gone()

    def kill(self) -> None:
        """End it as a crash does."""
        self.process.kill()
        self._gone()

    def _gone(self) -> int:
        code = self.process.wait(60)
        assert self.process.stdout
        self.process.stdout.close()
        return code


def exported(home: Path, *arguments: str) -> list[dict[str, Any]]:
    """What `kagura export` writes, the command run in this process to save time."""
    target = home / f"export-{os.getpid()}.jsonl"
    files = ["--home", str(home), "--db", str(home / "telemetry.db"), "-o", str(target)]
    if not (home / "telemetry.db").exists():
        return []
    app(["export", "--format", "jsonl", *files, *arguments], standalone_mode=False)
    return [json.loads(line) for line in target.read_text().splitlines()]


@contextmanager
def running_proxy(home: Path, upstream: str) -> Iterator[Proxy]:
    """A proxy for as long as the block runs."""
    proxy = Proxy(home, upstream)
    try:
        yield proxy
    finally:
        proxy.stop()
