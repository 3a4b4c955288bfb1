"""`kagura run` among other addresses: gateways, proxies elsewhere, HTTP proxies, runs in runs, sudden deaths."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kagura.errors import InputError
from tests.clients.installed import PATIENCE, Proxy, exported, in_process
from tests.clients.upstream import Upstream
from tests.end_to_end.runs import ANSWER, CALL, python, recorded, run


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def test_a_gateway_that_the_user_has_set_gets_the_calls(upstream: Upstream, proxy: Proxy, env: dict[str, str]) -> None:
    upstream.plays(ANSWER)
    given = {"OPENAI_BASE_URL": f"{upstream.url}/team/v1", "KAGURA_PROVIDERS": "{}"}
    done = run("--id", "gateway", *python(CALL, "hello"), env=env | given)
    assert done.stdout == "from OpenAI\n", done.stderr
    assert [request.path for request in upstream.requests] == ["/team/v1/chat/completions"]
    assert [(call["execution_id"], call["provider"]) for call in proxy.calls(1)] == [("gateway", "openai")]


def test_an_address_that_cannot_go_through_the_proxy_is_named(env: dict[str, str]) -> None:
    done = run(
        *python("import os; print(os.environ['ANTHROPIC_BASE_URL'])"),
        env=env | {"ANTHROPIC_BASE_URL": "http://user:word@llm.example"},
    )
    assert done.stdout == "http://user:word@llm.example\n"
    assert "ANTHROPIC_BASE_URL stays" in done.stderr
    assert "not recorded" in done.stderr


def test_an_http_proxy_of_the_company_is_not_asked_for_this_machine(
    upstream: Upstream, proxy: Proxy, env: dict[str, str]
) -> None:
    upstream.plays(ANSWER)
    done = run("-q", *python(CALL, "hello"), env=env | {"HTTP_PROXY": f"http://127.0.0.1:{free_port()}"})
    assert done.stdout == "from OpenAI\n", done.stderr
    proxy.calls(1)


def test_a_run_at_a_proxy_elsewhere_is_recorded_there(
    upstream: Upstream, proxy: Proxy, env: dict[str, str], tmp_path: Path
) -> None:
    upstream.plays(ANSWER)
    here = env | {"KAGURA_HOME": str(tmp_path)}
    done = run("--attach", proxy.root, "--id", "far", "--tag", "a=b", "--json", "-", *python(CALL, "hello"), env=here)
    said, _, summary = done.stdout.partition("\n")
    assert said == "from OpenAI", done.stderr
    assert "completed: 1 LLM call" in done.stderr
    assert f"kagura monitor --attach {proxy.root} --trace far" in done.stderr
    found = json.loads(summary)
    assert (found["id"], found["status"], found["exit_code"], found["tags"]) == ("far", "completed", 0, {"a": "b"})
    assert (found["llm_calls"], found["cost_usd"] is None, found["tools"]) == (1, False, [])
    assert found["duration_ms"] > 0
    there = recorded(proxy.home, "far")
    assert (there["status"], there["llm_calls"], there["source"]) == ("completed", 1, "run")
    assert exported(tmp_path) == []
    proxy.calls(1)


@pytest.mark.parametrize(
    ("attach", "text"),
    [
        ("http://127.0.0.1:{free}", "http://127.0.0.1:{free} does not answer"),
        ("{upstream}", "does not say that it is kagura"),
        ("ftp://x", "is no address"),
    ],
)
def test_where_no_proxy_answers_nothing_is_started(
    upstream: Upstream, env: dict[str, str], tmp_path: Path, attach: str, text: str
) -> None:
    port = str(free_port())
    attach = attach.replace("{free}", port).replace("{upstream}", upstream.url)
    with pytest.raises(InputError, match=text.replace("{free}", port)):
        in_process("run", "--attach", attach, "--", "touch", str(tmp_path / "started"), env=env)
    assert not (tmp_path / "started").exists()


def test_a_run_in_a_run_is_its_child(upstream: Upstream, proxy: Proxy, env: dict[str, str]) -> None:
    upstream.plays(ANSWER, ANSWER)
    inner = [sys.executable, "-m", "kagura", "run", "-q", "--id", "inner", "--", sys.executable, "-c", CALL, "two"]
    code = f"{CALL}\nimport subprocess\nsys.exit(subprocess.run({inner!r}).returncode)"
    done = run("-q", "--id", "outer", *python(code, "one"), env=env)
    assert (done.returncode, done.stdout) == (0, "from OpenAI\n" * 2), done.stderr
    assert sorted(call["execution_id"] for call in proxy.calls(2)) == ["inner", "outer"]
    assert recorded(proxy.home, "inner")["parent_execution_id"] == "outer"
    assert recorded(proxy.home, "outer")["parent_execution_id"] is None


ORPHANED = """
import os, sys, time
parent = os.getppid()
print(os.environ["KAGURA_PROXY"], flush=True)
while os.getppid() == parent:
    time.sleep(0.02)
"""
"""Waits until the process that started it is gone."""


def test_a_program_outlives_its_run_and_the_proxy_outlives_neither(
    upstream: Upstream, proxy: Proxy, env: dict[str, str], tmp_path: Path
) -> None:
    upstream.plays(ANSWER)
    lonely = env | {"KAGURA_HOME": str(tmp_path), "KAGURA_PROXY_PORT": str(free_port())}
    command = [sys.executable, "-m", "kagura", "run", "-q", *python(ORPHANED + CALL, "hello")]
    process = subprocess.Popen(command, env=lonely, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    root = process.stdout.readline().strip()
    os.kill(process.pid, signal.SIGKILL)
    process.wait(20)
    assert process.stdout.read() == "from OpenAI\n"
    process.stdout.close()
    deadline = time.monotonic() + PATIENCE
    while listens(root):
        assert time.monotonic() < deadline, "the proxy is still there"
        time.sleep(0.05)


def listens(root: str) -> bool:
    host, _, port = root.removeprefix("http://").partition(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except ConnectionRefusedError:
        return False
    return True
