"""`kagura run`: a program that knows nothing of kagura, its exit code, its signals, its surroundings."""

import json
import signal
import socket
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from tests.clients.comparison import bill, cost
from tests.clients.installed import Proxy, exported
from tests.clients.upstream import Upstream
from tests.end_to_end.runs import ANSWER, CALL, python, recorded, run

SDK = """
import openai
ask = [{"role": "user", "content": "Good morning?"}]
for _ in range(2):
    print(openai.OpenAI().chat.completions.create(model="gpt-4o-mini", messages=ask).choices[0].message.content)
"""


def test_the_sdk_needs_nothing_but_the_environment(
    upstream: Upstream, proxy: Proxy, env: dict[str, str], tmp_path: Path
) -> None:
    upstream.plays(*[ANSWER] * 2)
    script = tmp_path / "my agent.py"
    script.write_text(SDK)
    done = run("--agent", "a", "--id", "sdk", "--", sys.executable, str(script), env=env)
    assert done.stdout == "from OpenAI\n" * 2, done.stderr
    calls = proxy.calls(2)
    assert [(call["execution_id"], call["agent"]) for call in calls] == [("sdk", "a")] * 2
    once = bill((1200 - 1024, "0.15"), (1024, "0.075"), (340, "0.60"))
    assert [cost(call) for call in calls] == [once, once]
    found = recorded(proxy.home, "sdk")
    assert (found["status"], found["llm_calls"], found["source"]) == ("completed", 2, "run")
    assert Decimal(found["cost_usd"]) == 2 * once
    assert f"kagura: a completed: 2 LLM calls · 2,400 tokens in, 680 out · ${2 * once:.5f}" in done.stderr
    assert "kagura monitor --trace sdk" in done.stderr


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [
        ("", 0),
        ("raise SystemExit(3)", 3),
        ("import os; os.kill(os.getpid(), 9)", 128 + signal.SIGKILL),
        ("import os; os.kill(os.getpid(), 15)", 128 + signal.SIGTERM),
    ],
    ids=["success", "three", "killed", "terminated"],
)
def test_the_exit_code_is_the_programs(proxy: Proxy, env: dict[str, str], code: str, exit_code: int) -> None:
    done = run("--quiet", "--id", f"exit-{exit_code}", *python(code), env=env)
    assert done.returncode == exit_code
    found = recorded(proxy.home, f"exit-{exit_code}")
    assert found["status"] == ("failed" if exit_code else "completed")
    assert found["error"] == (f"exit code {exit_code}" if exit_code else None)


def test_a_program_that_is_not_there(env: dict[str, str], tmp_path: Path) -> None:
    done = run("-q", "--", "no-such-program", env=env)
    assert (done.returncode, done.stdout) == (127, "")
    assert "kagura: no-such-program: No such file or directory" in done.stderr
    (tmp_path / "notes.txt").write_text("no program")
    assert run("-q", "--", str(tmp_path / "notes.txt"), env=env).returncode == 126


def test_no_program_at_all(env: dict[str, str]) -> None:
    done = run(env=env)
    assert done.returncode == 2
    assert "no program was given" in done.stderr


def test_a_mistyped_option_is_no_program(env: dict[str, str]) -> None:
    done = run("--jsn", "x", *python("print('started')"), env=env)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--jsn" in done.stderr


def test_arguments_streams_and_folder_are_the_programs_own(env: dict[str, str], tmp_path: Path) -> None:
    code = "import os, sys; print(sys.argv[1:], os.getcwd(), sys.stdin.read()); print('complaint', file=sys.stderr)"
    words = ["two words", "--", "-x", "--agent", "", "ü*$HOME"]
    done = run("--quiet", *python(code, *words), env=env, cwd=tmp_path, input="given")
    assert done.stdout == f"{words} {tmp_path} given\n"
    assert done.stderr == "complaint\n"


def test_the_variables(proxy: Proxy, env: dict[str, str]) -> None:
    given = env | {"OPENAI_CUSTOM_HEADERS": "X-Mine: 1", "KEPT": "yes"}
    code = "import json, os; print(json.dumps(dict(os.environ)))"
    done = run("-q", "--agent", "an agent", "--id", "a/b", *python(code), env=given)
    seen = json.loads(done.stdout)
    root = f"{proxy.root}/agent/an%20agent/run/a%2Fb"
    assert (seen["OPENAI_BASE_URL"], seen["OPENAI_API_BASE"]) == (f"{root}/v1", f"{root}/v1")
    assert (seen["ANTHROPIC_BASE_URL"], seen["GOOGLE_GEMINI_BASE_URL"], seen["GEMINI_API_BASE"]) == (root,) * 3
    lines = "X-Kagura-Execution-Id: a/b\nX-Kagura-Agent: an agent"
    assert seen["OPENAI_CUSTOM_HEADERS"] == f"X-Mine: 1\n{lines}"
    assert seen["ANTHROPIC_CUSTOM_HEADERS"] == lines
    assert seen["GEMINI_CLI_CUSTOM_HEADERS"] == lines.replace("\n", ",")
    assert seen["GROQ_BASE_URL"] == f"{root}/groq"
    assert (seen["KAGURA_PROXY"], seen["KAGURA_EXECUTION_ID"], seen["KAGURA_AGENT"]) == (proxy.root, "a/b", "an agent")
    assert seen["KEPT"] == "yes"


def test_two_runs_at_a_time_do_not_mix(upstream: Upstream, proxy: Proxy, env: dict[str, str]) -> None:
    upstream.plays(*[ANSWER] * 4)
    command = [sys.executable, "-m", "kagura", "run", "--quiet"]
    both = [
        subprocess.Popen(
            [*command, "--agent", name, "--id", f"run-{name}", "--tag", f"of={name}", *python(CALL * 2, name)], env=env
        )
        for name in ("left", "right")
    ]
    assert [process.wait(60) for process in both] == [0, 0]
    calls = proxy.calls(4)
    assert sorted((call["execution_id"], call["agent"]) for call in calls) == [
        ("run-left", "left"),
        ("run-left", "left"),
        ("run-right", "right"),
        ("run-right", "right"),
    ]
    tags = [recorded(proxy.home, f"run-{name}")["tags"] for name in ("left", "right")]
    assert tags == [{"of": "left"}, {"of": "right"}]


def test_a_proxy_is_started_where_none_listens(upstream: Upstream, proxy: Proxy, tmp_path: Path) -> None:
    upstream.plays(ANSWER)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    env = proxy.env | {"KAGURA_HOME": str(tmp_path), "KAGURA_PROXY_PORT": str(port)}
    done = run("--agent", "lonely", *python(CALL, "hello"), env=env)
    assert (done.returncode, done.stdout) == (0, "from OpenAI\n"), done.stderr
    assert "kagura: lonely completed: 1 LLM call · 1,200 tokens in, 340 out" in done.stderr
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=1)
    assert [call["status"] for call in exported(tmp_path)] == ["completed"]


COUNT_SIGNALS = """
import signal, sys, time
heard = []
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, _: heard.append(number))
print("ready", flush=True)
while not heard:
    time.sleep(0.01)
time.sleep(0.4)
print("heard", *[signal.Signals(number).name for number in heard], flush=True)
sys.exit(7)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_from_outside_reaches_the_program_once(env: dict[str, str], number: signal.Signals) -> None:
    command = [sys.executable, "-m", "kagura", "run", "--quiet", *python(COUNT_SIGNALS)]
    process = subprocess.Popen(
        command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    assert process.stdout.read() == f"heard {number.name}\n"
    assert process.wait(20) == 7
    process.stdout.close()


IN_A_TERMINAL = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"


def test_control_c_in_a_terminal_reaches_the_program_once(env: dict[str, str]) -> None:
    command = [sys.executable, "-m", "kagura", "run", "--quiet", *python(COUNT_SIGNALS)]
    terminal = [sys.executable, "-c", IN_A_TERMINAL, *command]
    with subprocess.Popen(terminal, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline().split() == [b"ready"]
        process.stdin.write(b"\x03")
        process.stdin.flush()
        assert process.stdout.read().split() == [b"^Cheard", b"SIGINT"]
        assert process.wait(20) == 7
