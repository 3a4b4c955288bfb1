"""Events sent to a proxy elsewhere: in batches, through its absence, through the end of the program."""

import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kagura.observability import telemetry, tracker
from tests.clients.installed import Proxy, running_proxy
from tests.observability.programs import environment, run
from tests.observability.recording import Recording

STEPS = """
    from kagura.observability import telemetry, tracker
    with telemetry.execution("remote", id="{id}"):
        for number in range(30):
            with tracker.span(f"step {{number}}"):
                pass
        {more}
    """
PATIENT = "from kagura.observability import ends; ends.EXIT_SECONDS = 30"
"""A program's end may take as long as a busy machine needs."""
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """A proxy with a home of its own."""
    with running_proxy(tmp_path_factory.mktemp("elsewhere") / "home", NOWHERE) as proxy:
        yield proxy


def eventually(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def stands(proxy: Proxy, id: str) -> tuple[str, int] | None:
    """Status and number of spans of an execution in the proxy's store."""
    rows = Recording(proxy.home).executions()
    return next(((row.status.value, row.spans) for row in rows if row.id == id), None)


def journal(proxy: Proxy) -> bytes:
    """What the proxy wrote."""
    return b"".join(path.read_bytes() for path in (proxy.home / "journal").glob("*.kj"))


def waiting(home: Path) -> int:
    return sum(path.stat().st_size for path in (home / "spool").glob("*.kj"))


def test_a_short_program_leaves_nothing_behind(elsewhere: Proxy, tmp_path: Path) -> None:
    ended = run(tmp_path, STEPS.format(id="short", more=PATIENT), KAGURA_PROXY=elsewhere.root)
    assert (ended.returncode, ended.stderr) == (0, "")
    eventually(lambda: stands(elsewhere, "short") == ("completed", 30))
    assert not (tmp_path / "journal").exists()


def test_what_a_program_could_not_send_the_next_one_sends(elsewhere: Proxy, tmp_path: Path) -> None:
    began = time.monotonic()
    ended = run(tmp_path, STEPS.format(id="early", more="pass"), KAGURA_PROXY=NOWHERE)
    assert ended.returncode == 0
    assert time.monotonic() - began < 10
    assert waiting(tmp_path) > 0
    run(tmp_path, STEPS.format(id="late", more=PATIENT), KAGURA_PROXY=elsewhere.root)
    eventually(lambda: stands(elsewhere, "late") == ("completed", 30))
    assert stands(elsewhere, "early") == ("completed", 30)


def test_a_program_that_was_killed_is_interrupted_once_the_next_one_runs(elsewhere: Proxy, tmp_path: Path) -> None:
    kill = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert run(tmp_path, STEPS.format(id="killed", more=kill), KAGURA_PROXY=elsewhere.root).returncode == -9
    assert stands(elsewhere, "killed") is None
    run(tmp_path, STEPS.format(id="after", more=PATIENT), KAGURA_PROXY=elsewhere.root)
    eventually(lambda: stands(elsewhere, "killed") == ("interrupted", 30))


def test_a_program_that_is_terminated_tells_before_it_dies(elsewhere: Proxy, tmp_path: Path) -> None:
    source = textwrap.dedent(STEPS.format(id="terminated", more=f"{PATIENT}; print('ready', flush=True); input()"))
    program = subprocess.Popen(
        [sys.executable, "-c", source],
        env=environment(tmp_path, KAGURA_PROXY=elsewhere.root),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with program:
        assert program.stdout
        assert program.stdout.readline() == b"ready\n"
        program.send_signal(signal.SIGTERM)
        assert program.wait(30) == -signal.SIGTERM
    eventually(lambda: stands(elsewhere, "terminated") == ("interrupted", 30))


def test_a_running_program_sends_as_it_goes_and_once_the_proxy_is_back(
    elsewhere: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("KAGURA_EXECUTION_ID", "KAGURA_AGENT"):
        monkeypatch.delenv(name, raising=False)
    telemetry.enable(home=tmp_path, proxy=NOWHERE)
    try:
        with telemetry.execution("remote", id="patient"), tracker.span("first"):
            assert not telemetry.flush(0.2)
        telemetry.enable(home=tmp_path, proxy=elsewhere.root)
        with telemetry.execution("remote", id="eager"):
            with tracker.span("second"):
                pass
            assert telemetry.flush(10)
            eventually(lambda: stands(elsewhere, "eager") == ("running", 1))
            eventually(lambda: b"execution.alive" in journal(elsewhere))
    finally:
        telemetry.disable()
    assert stands(elsewhere, "patient") == ("completed", 1)
    eventually(lambda: stands(elsewhere, "eager") == ("completed", 1))
