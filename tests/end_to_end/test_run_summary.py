"""What `kagura run` says at the end: for people on stderr, for programs as JSON."""

import json
import stat
from pathlib import Path

import pytest

from kagura.errors import InputError
from tests.clients import openai_dialogue
from tests.clients.installed import Proxy, in_process
from tests.clients.upstream import Upstream
from tests.end_to_end.runs import ANSWER, CALL, python, run

TOOLS = """
import time, openai
said = [{"role": "user", "content": "Weather and time?"}]
ask = lambda: openai.OpenAI().chat.completions.create(model="gpt-4o-mini", messages=said).choices[0].message
answer = ask()
time.sleep(0.2)
said += [answer, *({"role": "tool", "tool_call_id": call.id, "content": "fine"} for call in answer.tool_calls)]
print(ask().content)
"""
"""An agent that is asked for two tools at once."""


def test_the_summary_tells_calls_tokens_cost_tools_and_time(
    upstream: Upstream, proxy: Proxy, env: dict[str, str], tmp_path: Path
) -> None:
    upstream.plays(openai_dialogue.chat({"tool_calls": openai_dialogue.PARALLEL}, "tool_calls"), ANSWER)
    target = tmp_path / "run.json"
    done = run("--id", "tools", "--agent", "clerk", "--json", str(target), *python(TOOLS), env=env)
    assert done.stdout == "from OpenAI\n", done.stderr
    assert "kagura: clerk completed: 2 LLM calls · 2,400 tokens in, 680 out · $" in done.stderr
    assert " · 2 tool calls · " in done.stderr
    found = json.loads(target.read_text())
    assert {name: found[name] for name in ("id", "agent", "status", "exit_code", "llm_calls", "tool_calls")} == {
        "id": "tools",
        "agent": "clerk",
        "status": "completed",
        "exit_code": 0,
        "llm_calls": 2,
        "tool_calls": 2,
    }
    assert (found["input_tokens"], found["output_tokens"], found["cost_usd"]) == (2400, 680, "0.0006144")
    assert sorted((tool["name"], tool["calls"], tool["errors"]) for tool in found["tools"]) == [
        ("get_time", 1, 0),
        ("get_weather", 1, 0),
    ]
    assert all(tool["duration_ms"] > 190 for tool in found["tools"])
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    proxy.calls(2)


def test_a_program_that_makes_no_call_is_told_so(env: dict[str, str]) -> None:
    done = run("--agent", "idle", *python(""), env=env)
    assert "kagura: idle completed: no LLM call came through the proxy" in done.stderr
    assert "passes the proxy by" in done.stderr


def test_a_store_that_cannot_be_read_changes_nothing_for_the_program(
    upstream: Upstream, proxy: Proxy, env: dict[str, str], tmp_path: Path
) -> None:
    upstream.plays(ANSWER)
    (tmp_path / "store.db").write_text("this is no database, but text that is long enough to be one" * 100)
    done = run("--json", "-", *python(CALL, "hello"), env=env | {"KAGURA_DB": str(tmp_path / "store.db")})
    said, _, summary = done.stdout.partition("\n")
    assert (done.returncode, said) == (0, "from OpenAI"), done.stderr
    assert "kagura: the calls are kept in the journal" in done.stderr
    assert "Traceback" not in done.stderr
    assert json.loads(summary)["llm_calls"] is None
    proxy.calls(1)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--id", ""], "--id: '' is no name"),
        (["--id", "a\x1bb"], "printable"),
        (["--agent", ".."], "--agent: '..' is no name"),
        (["--agent", "a" * 201], "printable"),
        (["--tag", "branch"], "--tag 'branch' is not NAME=VALUE"),
        (["--json", "/no/such/folder/run.json"], "--json /no/such/folder/run.json: No such file"),
    ],
)
def test_what_cannot_be_used_is_said_before_anything_starts(
    env: dict[str, str], tmp_path: Path, options: list[str], text: str
) -> None:
    with pytest.raises(InputError) as raised:
        in_process("run", *options, "--", "touch", str(tmp_path / "started"), env=env)
    assert text in str(raised.value)
    assert not (tmp_path / "started").exists()


def test_a_name_in_any_script_reaches_the_record(upstream: Upstream, proxy: Proxy, env: dict[str, str]) -> None:
    upstream.plays(ANSWER)
    done = run("--agent", "神楽", "--id", "舞 1", *python(CALL, "hello"), env=env)
    assert (done.returncode, done.stdout) == (0, "from OpenAI\n"), done.stderr
    assert [(call["agent"], call["execution_id"]) for call in proxy.calls(1)] == [("神楽", "舞 1")]
