"""What a command line starts, and how programs that read no variable are pointed."""

import os
import subprocess
import tomllib
from pathlib import Path

import pytest

from kagura.cli.programs import agent_name, flagged, write_helpers
from kagura.cli.reporting import shown

AT = "http://127.0.0.1:4100/agent/a/run/r"
URL = f"{AT}/v1"
ENV = {
    "OPENAI_BASE_URL": URL,
    "KAGURA_PROXY": "http://127.0.0.1:4100",
    "KAGURA_AGENT": "a",
    "KAGURA_EXECUTION_ID": "r",
    "PATH": os.environ["PATH"],
}
FLAG = ["-c", f"openai_base_url={URL}"]
OTLP = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"{ENV['KAGURA_PROXY']}/kagura/otlp"}


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("python my_agent.py --fast", "my_agent"),
        ("/usr/bin/python3.12 -u agents/plan.py", "plan"),
        ("python -m crew.main x.py", "main"),
        ("python", "python"),
        ("node dist/agent.mjs", "agent"),
        ("./agent.sh", "agent"),
        ("claude -p hello.py", "claude"),
        ("npx -y @openai/codex@latest exec x", "codex"),
        ("npx", "npx"),
        ("uvx --from aider-chat aider", "aider"),
        ("uv run --with httpx python agent.py", "agent"),
        ("env A=1 timeout -k 5 60s python agent.py", "agent"),
        ("poetry run crew", "crew"),
        ("bun run agent.ts", "agent"),
    ],
)
def test_an_agent_is_named_after_its_program(command: str, name: str) -> None:
    assert agent_name(command.split()) == name


@pytest.mark.parametrize(
    ("command", "run"),
    [
        ("npx codex exec", ["npx", "codex", *FLAG, "exec"]),
        ("npx -y @openai/codex@0.169.0 exec", ["npx", "-y", "@openai/codex@0.169.0", *FLAG, "exec"]),
        ("codex exec hello", ["codex", "exec", "hello"]),
        ("/no/such/codex", ["/no/such/codex"]),
        ("python agent.py codex", ["python", "agent.py", "codex"]),
        ("echo codex", ["echo", "codex"]),
    ],
)
def test_codex_is_told_the_address_by_a_flag(command: str, run: list[str]) -> None:
    assert flagged(command.split(), ENV) == run


@pytest.fixture
def codex(tmp_path: Path) -> Path:
    """A codex that prints its arguments, and says how its user has logged in."""
    program = tmp_path / "real tools" / "codex"
    program.parent.mkdir()
    program.write_text(
        """#!/bin/sh
if [ "$1 $2" = "login status" ]; then echo "Logged in using $LOGIN" >&2; exit; fi
for word in "$@"; do echo "$word"; done
exit 7
"""
    )
    program.chmod(0o755)
    return program


def said(codex: Path, command: list[str], **more: str) -> list[str]:
    """What codex prints when a command starts it."""
    folder = codex.parent.parent / "helpers"
    folder.mkdir()
    env = ENV | {"PATH": f"{codex.parent}:{ENV['PATH']}"} | more
    env |= write_helpers(folder, command, env)
    done = subprocess.run(flagged(command, env), env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 7, done.stderr
    return done.stdout.splitlines()


def test_codex_takes_the_key_of_the_api(codex: Path) -> None:
    assert said(codex, [str(codex), "exec", "two words"], LOGIN="an API key") == [*FLAG, "exec", "two words"]


def test_codex_with_a_login_reaches_the_logins_address(codex: Path) -> None:
    assert said(codex, ["timeout", "60", "codex", "exec"], LOGIN="ChatGPT") == [
        "-c",
        f"openai_base_url={AT}/chatgpt",
        "exec",
    ]


def test_a_key_or_a_gateway_of_the_user_counts_more_than_a_login(codex: Path) -> None:
    gateway = f"{AT}/openai/team/v1"
    found = said(codex, ["codex"], LOGIN="ChatGPT", OPENAI_BASE_URL=gateway)
    assert found == ["-c", f"openai_base_url={gateway}"]


def test_codex_tells_of_its_tools_where_exporters_send_to_the_proxy(codex: Path) -> None:
    *flags, name, setting = said(codex, ["codex"], CODEX_API_KEY="k", CODEX_HOME=str(codex.parent), **OTLP)
    assert (flags, name) == (FLAG, "-c")
    table = tomllib.loads(setting)["otel"]["exporter"]["otlp-http"]
    assert table == {"endpoint": f"{OTLP['OTEL_EXPORTER_OTLP_ENDPOINT']}/v1/logs", "protocol": "binary"}
    assert flagged(["npx", "codex"], ENV | OTLP) == ["npx", "codex", *FLAG, "-c", setting]


@pytest.mark.parametrize(
    ("config", "more"),
    [('[otel]\nexporter = "none"', OTLP), ("", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.example"})],
    ids=["codex sends elsewhere", "exporters send elsewhere"],
)
def test_an_exporter_of_the_users_own_stays(config: str, more: dict[str, str], codex: Path) -> None:
    (codex.parent / "config.toml").write_text(config)
    assert said(codex, ["codex"], CODEX_API_KEY="k", CODEX_HOME=str(codex.parent), **more) == FLAG


def test_a_program_that_starts_codex_starts_it_with_the_flag(codex: Path) -> None:
    command = ["sh", "-c", "codex exec 'two words'"]
    assert said(codex, command, LOGIN="ChatGPT", CODEX_API_KEY="k") == [*FLAG, "exec", "two words"]


@pytest.mark.parametrize(("word", "is_extended"), [("-p", True), ("install", False)])
def test_pi_loads_a_file_that_leads_it_to_the_proxy(tmp_path: Path, word: str, is_extended: bool) -> None:
    pi = tmp_path / "pi"
    pi.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    pi.chmod(0o700)
    (tmp_path / "run").mkdir()
    env = ENV | {"PATH": f"{tmp_path}:{ENV['PATH']}"}
    env |= write_helpers(tmp_path / "run", ["sh"], env)
    script = 'pi "$0" x y'
    said = subprocess.run(["sh", "-c", script, word], env=env, capture_output=True, text=True, check=True).stdout
    *flag, first, x, y = said.splitlines()
    assert ([first, x, y], len(flag)) == ([word, "x", "y"], 2 if is_extended else 0)
    packaged = flagged(["npx", "-y", "@mariozechner/pi-coding-agent@0.73.1", word], env)
    assert packaged[3:] == [*flag, word]
    if is_extended:
        assert flag[0] == "--extension"
        assert "registerProvider" in Path(flag[1]).read_text()


def test_gemini_is_told_how_to_log_in_where_it_has_a_key_and_no_choice_was_made(tmp_path: Path) -> None:
    key = {"GEMINI_API_KEY": "k", "PATH": ""}
    found = write_helpers(tmp_path, ["x"], ENV | key)
    assert "gemini-api-key" in Path(found["GEMINI_CLI_SYSTEM_DEFAULTS_PATH"]).read_text()
    assert write_helpers(tmp_path, ["x"], ENV | key | {"GOOGLE_GENAI_USE_VERTEXAI": "true"}) == {}
    assert write_helpers(tmp_path, ["x"], ENV | {"PATH": ""}) == {}


@pytest.mark.parametrize(
    ("command", "line"),
    [
        (["agent", "--api-key", "abc", "-v"], "agent --api-key [hidden] -v"),
        (["agent", "--token=abc def", "x y"], "agent --token=[hidden] 'x y'"),
        (["env", "OPENAI_API_KEY=abc", "agent"], "env OPENAI_API_KEY=[hidden] agent"),
        (["agent", "sk-proj-0123456789abcdefgh"], "agent [hidden]"),
        (["agent", "http://user:word@host/"], "agent http://[hidden]@host/"),
        (["agent", "a keynote on tokens"], "agent 'a keynote on tokens'"),
    ],
)
def test_a_command_is_shown_without_its_secrets(command: list[str], line: str) -> None:
    assert shown(command) == line
