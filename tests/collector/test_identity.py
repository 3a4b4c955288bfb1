"""Whose call is it: each rule, and the order among them."""

import json

import pytest

from kagura.collector.identity import Identity, client_name, identify
from kagura.model import Call, Exchange, Headers, JsonObject, Labels, SpanKind

SESSION = "0f9c1a52-6b1c-4f0e-9d0a-1f6d7c2b3a4e"


def identity(
    headers: Headers | None = None,
    labels: Labels | None = None,
    parameters: JsonObject | None = None,
    end_user: str | None = None,
) -> Identity:
    exchange = Exchange(
        id="00f067aa0ba902b7",
        provider="openai",
        dialect="openai",
        method="POST",
        target="/v1/chat/completions",
        received_at=0,
        request_headers=headers or [],
        labels=labels or Labels(),
    )
    return identify(
        exchange, Call(endpoint="chat/completions", kind=SpanKind.LLM, parameters=parameters or {}, end_user=end_user)
    )


def test_a_call_of_nobody_is_an_execution_of_its_own() -> None:
    assert identity() == Identity("exec_00f067aa0ba902b7", "call", "default", None, None)


def test_what_the_caller_says_wins_over_every_header() -> None:
    labels = Labels(execution_id="mine", execution_source="path", agent="writer", session_id="s1", user="ann")
    found = identity([("x-claude-code-session-id", SESSION), ("user-agent", "claude-cli/2.1.0")], labels)
    assert found == Identity("mine", "path", "writer", "s1", "ann")


def test_a_run_that_has_a_name_keeps_its_clients_session_too() -> None:
    found = identity([("x-claude-code-session-id", SESSION)], Labels(execution_id="mine", execution_source="path"))
    assert (found.execution_id, found.source, found.session_id) == ("mine", "path", SESSION)


@pytest.mark.parametrize(
    ("headers", "source"),
    [
        ([("user-agent", "claude-cli/2.1.266 (external, cli)"), ("x-claude-code-session-id", SESSION)], "claude-code"),
        ([("user-agent", "codex_cli_rs/0.50.0"), ("session-id", SESSION), ("thread-id", SESSION)], "codex"),
        ([("user-agent", "codex_cli_rs/0.50.0"), ("session_id", SESSION)], "codex"),
        ([("user-agent", "opencode/1.0"), ("x-session-id", SESSION)], "opencode"),
        ([("user-agent", "pi/0.3"), ("session_id", SESSION)], "pi"),
        ([("x-litellm-session-id", SESSION)], "litellm"),
        ([("helicone-session-id", SESSION)], "helicone"),
        ([("x-portkey-trace-id", SESSION)], "portkey"),
        ([("agent-session-id", SESSION)], "envoy"),
        ([("x-vibe-session-id", SESSION)], "session-header"),
    ],
)
def test_the_session_headers_of_clients(headers: Headers, source: str) -> None:
    found = identity(headers)
    assert (found.execution_id, found.source, found.session_id) == (SESSION, source, SESSION)


def test_a_subagent_of_opencode_belongs_to_its_parents_session() -> None:
    parent = SESSION.replace("0f", "aa")
    headers = [("user-agent", "opencode/1.0"), ("x-session-id", SESSION), ("x-parent-session-id", parent)]
    assert identity(headers).execution_id == parent


def test_a_bare_session_id_header_of_an_unknown_client_is_not_read() -> None:
    assert identity([("user-agent", "curl/8.0"), ("session-id", SESSION)]).source == "call"


@pytest.mark.parametrize("value", ["", "short", "with space in it", "a" * 300, "semi;colon;value"])
def test_a_value_that_is_no_id_is_not_taken(value: str) -> None:
    assert identity([("x-claude-code-session-id", value)]).source == "call"


def test_claude_codes_session_in_the_body_as_json_text_or_as_suffix() -> None:
    as_json = {"metadata": {"user_id": json.dumps({"device_id": "d", "session_id": SESSION})}}
    as_suffix = {"metadata": {"user_id": f"user_abc_account__session_{SESSION}"}}
    assert identity(parameters=as_json).execution_id == SESSION
    assert identity(parameters=as_suffix).execution_id == SESSION
    assert identity(parameters={"metadata": {"user_id": "just-a-user-name"}}).source == "call"
    assert identity(parameters={"metadata": "text"}).source == "call"


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        ("claude-cli/2.1.266 (external, cli)", "claude-code"),
        ("codex_cli_rs/0.50.0 (Debian 12)", "codex"),
        ("opencode/1.0.1", "opencode"),
        ("GeminiCLI/0.9 (linux)", "gemini-cli"),
        ("OpenAI/Python 1.59.7", "openai-python"),
        ("AsyncOpenAI/Python 2.1", "openai-python"),
        ("OpenAI/JS 6.38.0", "openai-js"),
        ("Anthropic/Python 0.80", "anthropic-python"),
        ("google-genai-sdk/1.2 gl-python/3.11", "google-genai-sdk"),
        ("python-httpx/0.28.1", "python-httpx"),
        ("curl/8.5.0", "curl"),
        ("Mozilla/5.0 (X11; Linux)", "browser"),
        ("\x1b[31m<b>x", "31mbx"),
    ],
)
def test_the_name_of_a_client(user_agent: str, name: str) -> None:
    assert client_name({"user-agent": user_agent}) == name


def test_a_client_without_a_name() -> None:
    assert client_name({}) is None
    assert client_name({"user-agent": "  "}) is None


@pytest.mark.parametrize(
    ("end_user", "user"),
    [
        ("ann", "ann"),
        (f"user_abc_account__session_{SESSION}", "user_abc"),
        (json.dumps({"device_id": "d1", "account_uuid": "a1", "session_id": SESSION}), "a1"),
        (json.dumps({"device_id": "d1", "account_uuid": "", "session_id": SESSION}), "d1"),
        (json.dumps({"session_id": SESSION}), None),
        ("{broken", "{broken"),
        (None, None),
    ],
)
def test_the_user_is_told_from_the_session_that_claude_code_packs_with_it(
    end_user: str | None, user: str | None
) -> None:
    assert identity(end_user=end_user).user == user
