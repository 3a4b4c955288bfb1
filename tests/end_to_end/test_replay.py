"""`kagura replay`: a recorded run sent again through a real proxy to a provider that tells what came."""

import io
import json
import os
import time
import urllib.error
import urllib.request
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import pytest

from kagura.cli import main
from tests.clients import anthropic_dialogue, openai_dialogue
from tests.clients.installed import PATIENCE, Proxy, exported
from tests.clients.upstream import Answer, Upstream, said

ASK: list[dict[str, Any]] = [
    {"role": "system", "content": "Be brief.\n"},
    {"role": "user", "content": [{"type": "text", "text": "神社は？ ‮ \u0000"}]},
]
TURNS = [
    {"model": "gpt-4o", "messages": ASK, "temperature": 0.2, "seed": 7},
    {"model": "gpt-4o", "messages": [*ASK, {"role": "assistant", "content": "There."}], "stream": True},
]
CLAUDE = {
    "model": "claude-sonnet-4-5",
    "max_tokens": 100,
    "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
    "messages": [{"role": "user", "content": "Good morning?"}],
}
GEMINI = {
    "systemInstruction": {"parts": [{"text": "Be brief."}]},
    "contents": [{"role": "user", "parts": [{"text": "Good morning?"}]}],
    "generationConfig": {"temperature": 0},
}
RESPONSES = {"model": "gpt-4o", "instructions": "Be brief.", "input": "Good morning?", "store": False}
ITEMS = {
    "model": "gpt-4o",
    "input": [{"role": "user", "content": "a"}, {"type": "reasoning", "id": "r1", "summary": []}],
}


@pytest.fixture
def env(proxy: Proxy) -> dict[str, str]:
    keys = {"OPENAI_API_KEY": "sk-openai", "ANTHROPIC_API_KEY": "sk-anthropic", "GEMINI_API_KEY": "g-key"}
    return proxy.env | keys | {"KAGURA_PROXY_PORT": str(proxy.port)}


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


def kagura(*arguments: str, env: dict[str, str]) -> Done:
    """Run a command in this process, which saves a start."""
    out, err = io.StringIO(), io.StringIO()
    with (
        patch.dict(os.environ, env, clear=True),
        redirect_stdout(out),
        redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        main(list(arguments))
    return Done(int(ended.value.code or 0), out.getvalue(), err.getvalue())


def ask(proxy: Proxy, run: str, path: str, body: object, **headers: str) -> None:
    request = urllib.request.Request(f"{proxy.root}/agent/my_agent/run/{run}{path}", json.dumps(body).encode())
    for name, value in {"content-type": "application/json", "authorization": "Bearer sk-client", **headers}.items():
        request.add_header(name, value)
    try:
        urllib.request.urlopen(request).read()
    except urllib.error.HTTPError as error:
        error.read()


def recorded(proxy: Proxy, run: str, count: int) -> list[dict[str, Any]]:
    """The calls of a run once so many have ended."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        calls = [row for row in exported(proxy.home) if row["execution_id"] == run and row["kind"] == "llm"]
        if len(calls) == count and all(call["status"] != "running" for call in calls):
            return calls
        time.sleep(0.03)
    raise AssertionError(f"{count} calls of {run} are not in the store")


def hello(**more: Any) -> Answer:
    return openai_dialogue.chat({"content": "Hello."}, **more)


@pytest.fixture
def run(proxy: Proxy, upstream: Upstream) -> str:
    """A run of two turns, the second one streamed."""
    name = f"replayed-{time.time_ns()}"
    upstream.plays(hello(), openai_dialogue.chat_stream({"content": "Hello."}))
    for turn in TURNS:
        ask(proxy, name, "/v1/chat/completions", turn)
    recorded(proxy, name, 2)
    upstream.plays(hello(), openai_dialogue.chat_stream({"content": "Hello."}))
    return name


def without_usage(body: dict[str, Any]) -> dict[str, Any]:
    """The body without what the proxy itself adds to a stream's request."""
    return {name: value for name, value in body.items() if name != "stream_options"}


def test_a_run_is_sent_again_as_it_was(run: str, proxy: Proxy, upstream: Upstream, env: dict[str, str]) -> None:
    done = kagura("replay", run, "--yes", "--json", env=env)
    assert done.returncode == 0, done.stderr
    assert [without_usage(request.json) for request in upstream.requests] == TURNS
    assert {request.header("authorization") for request in upstream.requests} == {"Bearer sk-openai"}
    assert not [name for request in upstream.requests for name, _ in request.headers if name.startswith("x-kagura")]
    shown = json.loads(done.stdout)
    assert shown["a"]["execution"]["id"] == run
    new = shown["b"]["execution"]
    assert (new["agent"], new["status"], new["tags"]) == ("my_agent", "completed", {"replay_of": run})
    assert [turn["same_prompt"] for turn in shown["turns"]] == [True, True]
    assert len(recorded(proxy, new["id"], 2)) == 2
    assert "Estimated cost: $0.0" in done.stderr


def test_another_model_is_asked_and_its_cost_is_told(run: str, upstream: Upstream, env: dict[str, str]) -> None:
    done = kagura("replay", run, "--model", "gpt-4.1", "--yes", env=env)
    assert done.returncode == 0, done.stderr
    assert [without_usage(request.json) for request in upstream.requests] == [t | {"model": "gpt-4.1"} for t in TURNS]
    assert "#1 openai gpt-4.1  1,200 → 340 tokens" in done.stderr
    assert "Turns:" in done.stdout


def test_another_provider_is_asked_with_its_own_key(run: str, upstream: Upstream, env: dict[str, str]) -> None:
    done = kagura(
        "replay", run, "--model", "mistral/mistral-small-latest", "--yes", env=env | {"MISTRAL_API_KEY": "mk"}
    )
    assert done.returncode == 0, done.stderr
    assert {request.header("authorization") for request in upstream.requests} == {"Bearer mk"}
    assert {request.json["model"] for request in upstream.requests} == {"mistral-small-latest"}


def test_a_dry_run_sends_nothing(run: str, upstream: Upstream, env: dict[str, str]) -> None:
    keyless = {name: value for name, value in env.items() if not name.endswith("_API_KEY")}
    done = kagura("replay", run, "--dry-run", "--json", env=keyless)
    plan = json.loads(done.stdout)
    assert (plan["run"], [row["model"] for row in plan["requests"]]) == (run, ["gpt-4o", "gpt-4o"])
    assert kagura("replay", run, "--dry-run", env=keyless).returncode == 0
    assert upstream.requests == []


@pytest.mark.parametrize(
    ("more", "drop", "complaint"),
    [
        ([], "", "nobody can be asked\n  Add --yes or --dry-run."),
        (["--yes"], "OPENAI_API_KEY", "there is no key for openai\n  Set OPENAI_API_KEY"),
    ],
)
def test_without_consent_or_key_nothing_is_sent(
    run: str, upstream: Upstream, env: dict[str, str], more: list[str], drop: str, complaint: str
) -> None:
    done = kagura("replay", run, *more, env={name: value for name, value in env.items() if name != drop})
    assert (done.returncode, done.stdout) == (2, "")
    assert complaint in done.stderr
    assert upstream.requests == []


def test_a_refused_key_ends_it(run: str, proxy: Proxy, upstream: Upstream, env: dict[str, str]) -> None:
    upstream.plays(said({"error": {"message": "Incorrect \x1b[2J key"}}, 401))
    done = kagura("replay", run, "--yes", "--json", env=env)
    assert done.returncode == 1
    assert "#1 gpt-4o: 401" in done.stderr
    assert "Incorrect ␛[2J key" in done.stderr
    assert len(upstream.requests) == 1
    assert json.loads(done.stdout)["b"]["execution"]["status"] == "failed"


@pytest.mark.parametrize(
    ("path", "body", "answer", "header"),
    [
        ("/v1/messages", CLAUDE, anthropic_dialogue.message, ("x-api-key", "sk-anthropic")),
        ("/v1beta/models/gemini-2.5-pro:generateContent?key=abc&alt=json", GEMINI, None, ("x-goog-api-key", "g-key")),
        ("/v1/responses", RESPONSES, None, ("authorization", "Bearer sk-openai")),
        ("/v1/responses", ITEMS, None, ("authorization", "Bearer sk-openai")),
    ],
    ids=["messages", "generateContent", "responses", "response items"],
)
def test_requests_of_every_dialect_come_as_they_were(
    proxy: Proxy, upstream: Upstream, env: dict[str, str], path: str, body: Any, answer: Any, header: tuple[str, str]
) -> None:
    name = f"dialect-{time.time_ns()}"
    upstream.plays(said({}), said({}))
    ask(proxy, name, path, body)
    recorded(proxy, name, 1)
    done = kagura("replay", name, "--yes", "--json", env=env)
    assert done.returncode == 0, done.stderr
    first, second = upstream.requests
    assert second.json == first.json == body
    assert second.path == first.path.replace("key=abc&", "")
    assert second.header(header[0]) == header[1]


def test_features_that_headers_asked_for_are_asked_for_again(
    proxy: Proxy, upstream: Upstream, env: dict[str, str]
) -> None:
    """A login's feature is left out: the call is sent with a key."""
    name = f"beta-{time.time_ns()}"
    upstream.plays(*[anthropic_dialogue.message({"type": "text", "text": "Hello."})] * 2)
    beta = {"anthropic-version": "2024-01-01", "anthropic-beta": "oauth-2025-04-20, context-1m-2025-08-07"}
    ask(proxy, name, "/v1/messages", CLAUDE, **beta)
    recorded(proxy, name, 1)
    done = kagura("replay", name, "--yes", "--json", env=env)
    assert done.returncode == 0, done.stderr
    sent = upstream.requests[1]
    assert (sent.header("anthropic-version"), sent.header("anthropic-beta")) == ("2024-01-01", "context-1m-2025-08-07")


def test_an_answer_that_breaks_off_is_told_and_fails(
    run: str, proxy: Proxy, upstream: Upstream, env: dict[str, str]
) -> None:
    whole = openai_dialogue.chat_stream({"content": "Hello."})
    upstream.plays(hello(), lambda request: whole(request)._replace(cut=True))
    done = kagura("replay", run, "--yes", "--json", env=env)
    assert done.returncode == 1
    assert "#2 gpt-4o: no answer" in done.stderr


def test_a_model_in_the_path_is_replaced_there(proxy: Proxy, upstream: Upstream, env: dict[str, str]) -> None:
    name = f"path-{time.time_ns()}"
    upstream.plays(said({}), said({}))
    ask(proxy, name, "/v1beta/models/gemini-2.5-pro:generateContent", GEMINI)
    recorded(proxy, name, 1)
    done = kagura("replay", name, "--yes", "--model", "gemini-2.5-flash", env=env)
    assert done.returncode == 0, done.stderr
    assert upstream.requests[1].path == "/v1beta/models/gemini-2.5-flash:generateContent"
    assert upstream.requests[1].json == GEMINI


def test_a_dialect_of_its_own_stays_with_its_provider(proxy: Proxy, upstream: Upstream, env: dict[str, str]) -> None:
    name = f"own-{time.time_ns()}"
    upstream.plays(said({}))
    ask(proxy, name, "/v1/messages", CLAUDE)
    recorded(proxy, name, 1)
    done = kagura("replay", name, "--yes", "--model", "openai/gpt-4o", env=env)
    assert (done.returncode, done.stdout) == (2, "")
    assert "requests to messages of anthropic cannot go to openai" in done.stderr


def test_a_run_is_replayed_where_no_proxy_listens(
    run: str, proxy: Proxy, upstream: Upstream, env: dict[str, str]
) -> None:
    done = kagura("replay", run, "--yes", "--json", env=env | {"KAGURA_PROXY_PORT": "1"})
    assert done.returncode == 0, done.stderr
    assert len(upstream.requests) == 2


def test_content_that_was_not_kept_cannot_be_sent_again(tmp_path: Path) -> None:
    from tests.dashboard.samples import seed

    seed(tmp_path)
    env = {"KAGURA_HOME": str(tmp_path), "PATH": "/bin", "OPENAI_API_KEY": "x"}
    done = kagura("replay", "exec_abc123", "--yes", env=env)
    assert (done.returncode, done.stdout) == (2, "")
    assert "call a2 (chat gpt-4o) cannot be sent again: it did not pass through the proxy" in done.stderr


def test_what_was_redacted_is_told(run: str, proxy: Proxy, upstream: Upstream, env: dict[str, str]) -> None:
    name = f"redacted-{time.time_ns()}"
    upstream.plays(hello())
    secret = {"model": "gpt-4o", "messages": [{"role": "user", "content": "the code is [redacted]"}]}
    ask(proxy, name, "/v1/chat/completions", secret)
    recorded(proxy, name, 1)
    assert "is sent as [redacted]" in kagura("replay", name, "--dry-run", env=env).stderr
    assert "is sent as [redacted]" not in kagura("replay", run, "--dry-run", env=env).stderr
