"""What is compared: the provider with nothing between, a copy of bytes, `kagura proxy`, and LiteLLM proxy."""

import http.client
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks import peers, wire
from benchmarks.processes import free_port, tree, wait_for
from kagura import __version__
from kagura.store import Store

START_LIMIT = 180.0
"""Seconds after which a stack that has not answered is given up."""
SETTLE_LIMIT = 300.0


class Stack:
    """One way to the provider. This one is the straight way; the others put their processes between."""

    name = "direct"
    version = ""
    patience = 3600.0
    """Seconds that its part of a long count of calls may take."""

    def __init__(self, folder: Path, upstream: int) -> None:
        self.port = upstream
        self.started_in: float | None = None
        """Seconds from the start of the process to its first answer."""

    def start(self) -> None:
        """Start its processes and wait for the first answer."""

    def stop(self) -> None:
        """End its processes."""

    def relay(self) -> list[int]:
        """The processes between client and provider."""
        return []

    def processes(self) -> list[int]:
        """All its processes."""
        return []

    def settle(self, calls: int) -> None:
        """Wait until all that it owes for `calls` calls is done."""

    def recorded(self) -> int | None:
        """Calls in its records, once it has stopped; None where it keeps none."""
        return None


class ProcessStack(Stack):
    """A stack with a process of its own."""

    def __init__(self, folder: Path, upstream: int) -> None:
        super().__init__(folder, upstream)
        self.upstream = upstream
        self.folder = folder / self.name
        self.folder.mkdir()
        self.port = free_port()

    def command(self) -> list[str]:
        """What starts it."""
        raise NotImplementedError

    def environment(self) -> Mapping[str, str]:
        """What it needs beside the environment of the benchmark."""
        raise NotImplementedError

    def start(self) -> None:
        """Start it; the clock stops at the first answer that came through it from the provider."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("KAGURA_") and "proxy" not in k.lower()}
        began = time.monotonic()
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self.command(), env=kept | dict(self.environment()), stdout=log, stderr=log, start_new_session=True
            )
        try:
            while not self._answers():
                if self._process.poll() is not None or time.monotonic() - began > START_LIMIT:
                    tail = (self.folder / "log").read_text(errors="replace")[-2000:]
                    raise RuntimeError(f"{self.name} does not answer:\n{tail}")
                time.sleep(0.005)
        except BaseException:
            self.stop()
            raise
        self.started_in = time.monotonic() - began

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"content-type": "application/json", "authorization": "Bearer sk-bench"}
        try:
            connection.request("POST", wire.PATH.decode(), wire.question(stream=False).filled(0), headers)
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def stop(self) -> None:
        """Ask it to end, and make it after a while."""
        pids = self.processes()
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            for pid in pids:
                _kill(pid)
            self._process.wait()

    def relay(self) -> list[int]:
        return self.processes()

    def processes(self) -> list[int]:
        return tree(self._process.pid)


def _kill(pid: int) -> None:
    """Kill a process that may be gone already."""
    try:
        os.kill(pid, 9)
    except ProcessLookupError:
        pass


class TcpRelay(ProcessStack):
    """The floor: a process that copies bytes and knows no HTTP."""

    name = "tcp copy"

    def command(self) -> list[str]:
        ports = ["--port", str(self.port), "--upstream", str(self.upstream)]
        return [sys.executable, "-m", "benchmarks.tcp_relay", *ports]

    def environment(self) -> Mapping[str, str]:
        return {}


class Kagura(ProcessStack):
    """Relay and collector, a store and a journal of their own, telemetry on and everything captured."""

    name = "kagura"
    version = __version__

    def command(self) -> list[str]:
        return [sys.executable, "-m", "kagura", "proxy", "--quiet", "--port", str(self.port)]

    def environment(self) -> Mapping[str, str]:
        providers = {"openai": {"base_url": f"http://127.0.0.1:{self.upstream}"}}
        return {"KAGURA_HOME": str(self.folder / "home"), "KAGURA_PROVIDERS": json.dumps(providers)}

    def relay(self) -> list[int]:
        return [self._process.pid]

    @property
    def _database(self) -> Path:
        return self.folder / "home" / "telemetry.db"

    def settle(self, calls: int) -> None:
        """Wait until the tokens of all calls are in the store. Raises RuntimeError where they do not come."""
        deadline = time.monotonic() + SETTLE_LIMIT
        while not self._database.exists():
            time.sleep(0.05)
        with Store.open(f"sqlite:///{self._database}", read_only=True) as store:
            while (found := store.overview().tokens.output) != calls * wire.OUTPUT_TOKENS:
                if time.monotonic() > deadline:
                    raise RuntimeError(f"{calls * wire.OUTPUT_TOKENS} tokens were answered, {found} are in the store")
                time.sleep(0.1)

    def recorded(self) -> int:
        """Calls that are complete and priced in the store."""
        with sqlite3.connect(f"file:{self._database}?mode=ro", uri=True) as connection:
            query = "SELECT count(DISTINCT id) FROM spans WHERE status = 'completed' AND cost IS NOT NULL"
            return int(connection.execute(query).fetchone()[0])


class LiteLLM(ProcessStack):
    """LiteLLM proxy, one worker, no database, no callbacks."""

    name = "litellm"
    patience = 20.0

    def __init__(self, folder: Path, upstream: int, environment: Path) -> None:
        super().__init__(folder, upstream)
        self._home = environment
        self.version = peers.version(environment, "litellm")

    def command(self) -> list[str]:
        config = self.folder / "config.json"
        parameters = {
            "model": f"openai/{wire.MODEL}",
            "api_base": f"http://127.0.0.1:{self.upstream}/v1",
            "api_key": "sk-bench",
        }
        models = [{"model_name": wire.MODEL, "litellm_params": parameters}]
        config.write_text(json.dumps({"model_list": models, "litellm_settings": {"telemetry": False}}))
        binary = str(self._home / "bin" / "litellm")
        return [binary, "--config", str(config), "--host", "127.0.0.1", "--port", str(self.port)]

    def environment(self) -> Mapping[str, str]:
        path = f"{self._home / 'bin'}:{os.environ['PATH']}"
        return {
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "LITELLM_LOG": "ERROR",
            # It checks no keys, as kagura does not, and does not start like that unless it is told to.
            "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
            "PATH": path,
        }

    def start(self) -> None:
        """Start it. Raises PeerError where it does not come up: the others are measured all the same."""
        try:
            super().start()
        except RuntimeError as error:
            raise peers.PeerError(str(error)) from None


@contextmanager
def provider(delay_ms: float, pause_ms: float) -> Iterator[int]:
    """The local provider for as long as the block runs; gives its port."""
    port = free_port()
    options = ["--port", str(port), "--delay-ms", str(delay_ms), "--pause-ms", str(pause_ms)]
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.upstream", *options])
    try:
        wait_for(port, 20)
        yield port
    finally:
        process.terminate()
        process.wait()
