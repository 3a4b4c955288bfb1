"""Log events of coding agents → spans: what claude-code, codex and gemini-cli tell of their tools and of their calls.

claude-code: https://code.claude.com/docs/en/monitoring-usage (events); codex: the `[otel]` table of its config.toml,
https://developers.openai.com/codex/config-advanced; gemini-cli: docs/cli/telemetry.md of its package. All name the
session, so that their events meet the calls that the relay saw. An event is told when the thing is over; it began
`duration_ms` before.
"""

import hashlib
from typing import NamedTuple

from kagura.model import JsonObject, SpanKind
from kagura.otel import attributes as names
from kagura.otel.decoding import OtlpLog
from kagura.otel.incoming import Incoming, agent_of, first_number, first_text, kept, model_name, tags_of
from kagura.otel.incoming_messages import parsed

_USAGE = {
    "input_tokens": "input",
    "output_tokens": "output",
    "cache_read_tokens": "cache_read",
    "cache_creation_tokens": "cache_write",
    "input_token_count": "input",
    "output_token_count": "output",
    "cached_token_count": "cache_read",
    "reasoning_token_count": "reasoning",
    "cached_content_token_count": "cache_read",
    "thoughts_token_count": "reasoning",
}


class LogRule(NamedTuple):
    """An event that is a span."""

    kind: SpanKind
    agent: str
    provider: str | None = None
    only: tuple[str, str] | None = None
    """An attribute, and the value that it must have."""
    needs: str | None = None
    """An attribute that must be there: codex tells of one answer twice, once without its tokens."""
    only_failed: bool = False
    """Events of things that went well are left out: another event tells more of them."""
    cache_outside_input: bool = False
    """`input_tokens` are without those of the cache."""
    reasoning_outside_output: bool = False
    """The output is without the model's thoughts."""


_COMPLETED = ("event.kind", "response.completed")

RULES = {
    "claude_code.tool_result": LogRule(SpanKind.TOOL, "claude-code"),
    "claude_code.api_request": LogRule(SpanKind.LLM, "claude-code", "anthropic", cache_outside_input=True),
    "claude_code.api_error": LogRule(SpanKind.LLM, "claude-code", "anthropic"),
    "codex.tool_result": LogRule(SpanKind.TOOL, "codex"),
    "codex.sse_event": LogRule(SpanKind.LLM, "codex", "openai", _COMPLETED, "input_token_count"),
    "codex.websocket_event": LogRule(SpanKind.LLM, "codex", "openai", _COMPLETED, "input_token_count"),
    "codex.api_request": LogRule(SpanKind.LLM, "codex", "openai", only_failed=True),
    "gemini_cli.tool_call": LogRule(SpanKind.TOOL, "gemini-cli"),
    "gemini_cli.api_response": LogRule(SpanKind.LLM, "gemini-cli", "gemini", reasoning_outside_output=True),
    "gemini_cli.api_error": LogRule(SpanKind.LLM, "gemini-cli", "gemini"),
}
"""By the event's name. Prompts, decisions and starts of conversations are no spans: the calls show them."""

_NUMBERED = ("event.sequence", "prompt.id", "event.timestamp")
_DURATIONS = ("duration_ms", "duration")
_ERRORS = ("error", "error.message", "error_message")
_STATUS = ("http.response.status_code", "status_code")
_REQUEST_IDS = ("request_id",)
_ARGUMENTS = ("arguments", "tool_input", "tool_parameters", "function_args")
_RESULTS = ("output", "tool_result", "tool_output")
_CONTENT = frozenset((*_ARGUMENTS, *_RESULTS, *_ERRORS, *_USAGE, "prompt", "success", "request_text", "response_text"))


def from_log(log: OtlpLog) -> Incoming | None:
    """The span that a log record tells of; None where it tells of none."""
    rule = RULES.get(log.event)
    own = log.attributes
    failed = str(own.get("success", "true")).lower() == "false" or any(own.get(name) for name in _ERRORS)
    if rule is None or (rule.only_failed and not failed) or (rule.needs and rule.needs not in own):
        return None
    if rule.only and own.get(rule.only[0]) != rule.only[1]:
        return None
    said = log.resource | own
    session_id = first_text(said, names.FIELDS["session_id"])
    id = _id(log, session_id)
    duration = round((first_number(own, _DURATIONS) or 0) * 1000)
    other = {name: value for name, value in own.items() if name not in _CONTENT}
    data: JsonObject = {
        "id": id,
        "kind": rule.kind.value,
        "name": first_text(own, names.TOOL_NAMES) or "",
        "agent": agent_of({}, {"kagura.agent": said.get("kagura.agent")}) or rule.agent,
        "status": "failed" if failed else "completed",
        "error": _error(own) if failed else None,
        "started_at": max(1, log.at - max(0, duration)),
        "ended_at": log.at,
        "session_id": session_id,
        "user": first_text(said, (*names.FIELDS["user"], "user.account_uuid", "user.account_id")),
        "tags": tags_of(said),
        "attributes": kept(other) | {"otel": {"event": log.event}},
    }
    if rule.kind is SpanKind.LLM:
        data |= _call(own, rule)
    else:
        data |= {
            "input": next((parsed(own[name]) for name in _ARGUMENTS if own.get(name)), None),
            "output": next((parsed(own[name]) for name in _RESULTS if own.get(name)), None),
        }
    return Incoming(
        id=id,
        execution_id=first_text(said, names.FIELDS["execution_id"]),
        session_id=session_id,
        at=log.at,
        data=data,
    )


def _call(own: JsonObject, rule: LogRule) -> JsonObject:
    usage: JsonObject = {}
    for name, field in _USAGE.items():
        value = first_number(own, (name,))
        if value is not None and value >= 0:
            usage[field] = int(value)
    if rule.cache_outside_input and "input" in usage:
        usage["input"] += usage.get("cache_read", 0) + usage.get("cache_write", 0)
    if rule.reasoning_outside_output and "output" in usage:
        usage["output"] += usage.get("reasoning", 0)
    status = first_number(own, _STATUS)
    return {
        "provider": rule.provider,
        "request_model": model_name(first_text(own, ("model", "model_name", "gen_ai.request.model"))),
        "http_status": int(status) if status is not None else None,
        "usage": usage,
    }


def _error(own: JsonObject) -> JsonObject:
    message = next((str(own[name]) for name in _ERRORS if own.get(name)), "failed")
    return {"message": message, "type": first_text(own, ("error.type", "error_type"))}


def _id(log: OtlpLog, session_id: str | None) -> str:
    """An id that is the same when the record is sent again."""
    own = log.attributes
    call = first_text(own, names.TOOL_CALL_IDS) or first_text(own, _REQUEST_IDS)
    parts = (log.event, session_id, call, log.at, *(own.get(name) for name in _NUMBERED), log.body)
    return hashlib.blake2b("\0".join(map(str, parts)).encode("utf-8", "replace"), digest_size=8).hexdigest()
