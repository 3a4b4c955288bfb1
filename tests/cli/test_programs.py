"""What a command line starts, and how programs that read no variable are pointed."""

import os
import subprocess
from pathlib import Path

import pytest

from kagura.cli.programs import agent_name, flagged, write_helpers
from kagura.cli.reporting import shown

URL = "http://127.0.0.1:4100/agent/a/run/r/v1"
ENV = {"OPENAI_BASE_URL": URL}
FLAG = ["-c", f"openai_base_url={URL}"]


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
    ("command", "at"),
    [
        ("codex exec hello", 1),
        ("/opt/bin/codex", 1),
        ("npx codex exec", 2),
        ("npx -y @openai/codex@0.169.0 exec", 3),
        ("timeout 60 codex exec", 3),
    ],
)
def test_codex_is_told_the_address_by_a_flag(command: str, at: int) -> None:
    words = command.split()
    assert flagged(words, ENV) == [*words[:at], *FLAG, *words[at:]]


@pytest.mark.parametrize("command", ["python agent.py codex", "codex -c openai_base_url=http://mine/v1", "echo codex"])
def test_other_programs_and_flags_of_the_user_are_left_alone(command: str) -> None:
    assert flagged(command.split(), ENV) == command.split()


def test_a_program_that_starts_codex_starts_it_with_the_flag(tmp_path: Path) -> None:
    real, helpers = tmp_path / "real tools", tmp_path / "helpers"
    real.mkdir()
    helpers.mkdir()
    (real / "codex").write_text('#!/bin/sh\nfor word in "$@"; do echo "$word"; done\nexit 7\n')
    (real / "codex").chmod(0o755)
    env = ENV | {"PATH": f"{real}:{os.environ['PATH']}"}
    env |= write_helpers(helpers, env)
    done = subprocess.run(["sh", "-c", "codex exec 'two words'"], env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()) == (7, [*FLAG, "exec", "two words"])


def test_gemini_is_told_how_to_log_in_where_it_has_a_key_and_no_choice_was_made(tmp_path: Path) -> None:
    key = {"GEMINI_API_KEY": "k", "PATH": ""}
    found = write_helpers(tmp_path, ENV | key)
    assert "gemini-api-key" in Path(found["GEMINI_CLI_SYSTEM_DEFAULTS_PATH"]).read_text()
    assert write_helpers(tmp_path, ENV | key | {"GOOGLE_GENAI_USE_VERTEXAI": "true"}) == {}
    assert write_helpers(tmp_path, ENV | {"PATH": ""}) == {}


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
