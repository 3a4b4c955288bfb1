"""Whose call is it: the rules, in order, that find the execution and the agent of an exchange."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from kagura.model import Call, Exchange, JsonObject

_ID = re.compile(r"[A-Za-z0-9_.:-]{8,200}")
"""What a session id looks like; shorter or odder values are no ids."""


class Identity(NamedTuple):
    """The execution a call belongs to, and the rule that said so."""

    execution_id: str
    source: str
    agent: str
    session_id: str | None
    user: str | None


class SessionHeader(NamedTuple):
    """A header by which a client names its session."""

    name: re.Pattern[str]
    client: re.Pattern[str] | None
    """Only where the client's name matches."""
    source: str


def _row(name: str, source: str, client: str | None = None) -> SessionHeader:
    return SessionHeader(re.compile(name), re.compile(client) if client else None, source)


SESSION_HEADERS = (
    _row(r"x-claude-code-session-id", "claude-code"),
    _row(r"x-parent-session-id", "opencode"),
    _row(r"x-session-id", "opencode", r"opencode"),
    _row(r"session-id|session_id", "codex", r"codex"),
    _row(r"thread-id|conversation_id", "codex", r"codex"),
    _row(r"session_id", "pi", r"pi"),
    _row(r"x-litellm-trace-id|x-litellm-session-id", "litellm"),
    _row(r"helicone-session-id", "helicone"),
    _row(r"x-portkey-trace-id", "portkey"),
    _row(r"agent-session-id", "envoy"),
    _row(r"x-.+-session-id|x-session-id", "session-header"),
)
"""Read from the top: the first header that is there with an id decides."""

_MAY_NAME_SESSION = re.compile(r"session|thread-id|trace-id|conversation_id")
"""What every name in the table contains."""

CLIENTS = (
    (re.compile(r"claude-cli|claude-code"), "claude-code"),
    (re.compile(r"codex"), "codex"),
    (re.compile(r"opencode"), "opencode"),
    (re.compile(r"gemini-?cli"), "gemini-cli"),
    (re.compile(r"aider"), "aider"),
    (re.compile(r"mozilla/"), "browser"),
)
"""Programs whose User-Agent is not their name."""

_LANGUAGES = {"python", "js", "node", "go", "java", "ruby", "rust", "php", "csharp", "dotnet", "kotlin"}


def identify(exchange: Exchange, call: Call) -> Identity:
    """The execution, the agent and the session of a call."""
    labels, headers = exchange.labels, dict(exchange.request_headers)
    client = client_name(headers)
    agent = labels.agent or headers.get("helicone-session-name") or client or "default"
    session_id, rule = next(_sessions(exchange, call, headers, client), (None, ""))
    if labels.execution_id:
        execution_id, source = labels.execution_id, labels.execution_source or "header"
    elif session_id:
        execution_id, source = session_id, rule
    else:
        execution_id, source = f"exec_{exchange.id}", "call"
    user = labels.user or headers.get("helicone-user-id") or _end_user(call.end_user)
    return Identity(execution_id, source, agent, session_id, user)


def _sessions(exchange: Exchange, call: Call, headers: dict[str, str], client: str | None) -> Iterator[tuple[str, str]]:
    """Sessions that the call names, each with the rule that found it, the surest first."""
    if exchange.labels.session_id:
        yield exchange.labels.session_id, "session-label"
    yield from _session_headers(headers, client)
    in_body = _session_in_body(call)
    if in_body:
        yield in_body, "claude-code"


def _session_headers(headers: dict[str, str], client: str | None) -> Iterator[tuple[str, str]]:
    candidates = [(name, value) for name, value in headers.items() if _may_name_session(name)]
    for row in SESSION_HEADERS if candidates else ():
        if row.client and not (client and row.client.search(client)):
            continue
        for name, value in candidates:
            if row.name.fullmatch(name) and _ID.fullmatch(value):
                yield value, row.source


@lru_cache(maxsize=1024)
def _may_name_session(header: str) -> bool:
    return bool(_MAY_NAME_SESSION.search(header))


def _session_in_body(call: Call) -> str | None:
    """The session in Anthropic's `metadata.user_id`: JSON text with a session_id, or `…_session_ID`."""
    metadata = call.parameters.get("metadata")
    user_id: Any = metadata.get("user_id") if isinstance(metadata, dict) else None
    if not isinstance(user_id, str):
        return None
    found = _parsed(user_id).get("session_id") or user_id.rpartition("_session_")[2]
    return found if found != user_id and isinstance(found, str) and _ID.fullmatch(found) else None


def _end_user(said: str | None) -> str | None:
    """The user in an end-user field, without the session that claude-code packs into it."""
    if said is None:
        return None
    parsed = _parsed(said)
    found: Any = parsed.get("account_uuid") or parsed.get("device_id") if parsed else said.partition("_account_")[0]
    return found if isinstance(found, str) and found else None


def _parsed(text: str) -> JsonObject:
    try:
        parsed = msgspec.json.decode(text) if text.startswith("{") else None
    except msgspec.DecodeError:
        parsed = None
    return parsed if isinstance(parsed, dict) else {}


def client_name(headers: dict[str, str]) -> str | None:
    """What the client says it is: `claude-code`, `codex`, `openai-python`, `curl`, …"""
    return _client(headers.get("user-agent", "").strip().lower(), headers.get("originator", "").lower())


@lru_cache(maxsize=1024)
def _client(said: str, originator: str) -> str | None:
    for pattern, name in CLIENTS:
        if pattern.search(said) or (name == "codex" and pattern.search(originator)):
            return name
    product, _, rest = said.split(" ")[0].partition("/") if said else ("", "", "")
    product = re.sub(r"[^a-z0-9._-]", "", product)[:60].removeprefix("async")
    return f"{product}-{rest}" if rest in _LANGUAGES and product else product or None
