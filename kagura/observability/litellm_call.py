"""One call of the LiteLLM library → the `span` event that the collector reads (`kagura.collector.span_events`).

What is read is LiteLLM's `standard_logging_object`
(https://docs.litellm.ai/docs/proxy/logging_spec) and the answer's own usage.
"""

import os
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from kagura.config import Settings
from kagura.model import Event, JsonObject, new_span_id, now_us
from kagura.providers import Provider
from kagura.providers.usage import openai_usage
from kagura.providers.values import obj, objects, parsed, quantity, text

CALL_ID_HEADER = "x-kagura-call-id"
"""A proxy of ours puts it on every answer: such a call is recorded already."""

_ENDPOINTS = {
    "completion": ("llm", "chat/completions"),
    "text_completion": ("llm", "completions"),
    "responses": ("llm", "responses"),
    "anthropic_messages": ("llm", "messages"),
    "generate_content": ("llm", "generateContent"),
    "generate_content_stream": ("llm", "streamGenerateContent"),
    "embedding": ("embedding", "embeddings"),
    "transcription": ("llm", "audio/transcriptions"),
    "speech": ("llm", "audio/speech"),
    "image_generation": ("llm", "images"),
    "image_edit": ("llm", "images"),
    "moderation": ("llm", "moderations"),
    "rerank": ("retrieval", "rerank"),
}
"""LiteLLM's `call_type`, without the `a` of the asynchronous ones → kind and endpoint."""
_RUN_FIELDS = ("kagura_execution_id", "session_id", "litellm_session_id", "trace_id")
"""Fields of a call's metadata that name the run it belongs to, the most explicit first."""
_AGENT_FIELDS = ("agent", "agent_name", "generation_name")
_USER_FIELDS = ("user_id", "trace_user_id")


def event_from(
    kwargs: Mapping[str, Any], response: Any, settings: Settings, *, environ: Mapping[str, str] = os.environ
) -> Event | None:
    """The event of a call that has ended, well or not; None where a proxy of ours saw it."""
    payload: JsonObject = obj(kwargs.get("standard_logging_object"))
    exception = kwargs.get("exception")
    if _went_through_kagura(payload, exception):
        return None
    metadata = obj(obj(kwargs.get("litellm_params")).get("metadata"))
    execution_id, source = _run(metadata, environ)
    answer, final = obj(_plain(payload.get("response"))), obj(_plain(response))
    data: JsonObject = {
        "id": new_span_id(),
        **_what(payload, kwargs),
        **_whose(metadata, payload, environ),
        **_when(payload),
        **_outcome(payload, exception),
        **_said(answer, _plain(payload.get("messages")), payload, settings),
        "source": source,
        "response_model": text(final.get("model")) or text(answer.get("model")),
        "response_id": text(answer.get("id")),
        "usage": _usage(final, payload),
        "attributes": _attributes(payload),
    }
    data = {name: value for name, value in data.items() if value not in (None, "", [], {})}
    return Event(type="span", at=now_us(), execution_id=execution_id or "", data=data)


def _went_through_kagura(payload: JsonObject, exception: Any) -> bool:
    """Whether the answer, or the error, carries the id that our proxy gave the call."""
    seen = obj(obj(payload.get("hidden_params")).get("additional_headers"))
    failed = getattr(exception, "litellm_response_headers", None) or {}
    return any(str(name).lower().endswith(CALL_ID_HEADER) for name in (*seen, *failed))


def _what(payload: JsonObject, kwargs: Mapping[str, Any]) -> JsonObject:
    call_type = str(payload.get("call_type") or "")
    kind, endpoint = _ENDPOINTS.get(call_type) or _ENDPOINTS.get(call_type.removeprefix("a")) or ("span", call_type)
    return {
        "kind": kind,
        "endpoint": endpoint,
        "provider": text(payload.get("custom_llm_provider")),
        "request_model": text(payload.get("model")) or text(kwargs.get("model")),
        "stream": bool(kwargs.get("stream")),
    }


def _run(metadata: JsonObject, environ: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The execution that a call belongs to, and what said so: the environment of `kagura run`, or its metadata."""
    explicit = text(metadata.get(_RUN_FIELDS[0]))
    if explicit or environ.get("KAGURA_EXECUTION_ID"):
        return explicit or environ["KAGURA_EXECUTION_ID"], "sdk"
    found = next((value for name in _RUN_FIELDS if (value := text(metadata.get(name)))), None)
    return found, "litellm"


def _whose(metadata: JsonObject, payload: JsonObject, environ: Mapping[str, str]) -> JsonObject:
    tags = payload.get("request_tags")
    return {
        "agent": next((value for name in _AGENT_FIELDS if (value := text(metadata.get(name)))), None)
        or environ.get("KAGURA_AGENT")
        or "litellm",
        "session_id": text(metadata.get("session_id")) or text(payload.get("session_id")),
        "user": text(payload.get("end_user"))
        or next((value for name in _USER_FIELDS if (value := text(metadata.get(name)))), None),
        "tags": {tag: "" for tag in tags if isinstance(tag, str)} if isinstance(tags, list) else {},
    }


def _when(payload: JsonObject) -> JsonObject:
    return {
        "started_at": _instant(payload.get("startTime")),
        "first_chunk_at": _instant(payload.get("completionStartTime")),
        "ended_at": _instant(payload.get("endTime")) or now_us(),
    }


def _instant(seconds: Any) -> int | None:
    return round(seconds * 1_000_000) if isinstance(seconds, int | float) and seconds > 0 else None


def _outcome(payload: JsonObject, exception: Any) -> JsonObject:
    if payload.get("status") != "failure":
        return {"status": "completed", "http_status": None}
    told = obj(payload.get("error_information"))
    code = text(told.get("error_code")) or ""
    return {
        "status": "failed",
        "http_status": int(code) if code.isascii() and code.isdigit() and len(code) == 3 else None,
        "error": {
            "message": text(told.get("error_message")) or text(payload.get("error_str")) or str(exception or "failed"),
            "type": text(told.get("error_class")),
        },
    }


def _said(answer: JsonObject, asked: Any, payload: JsonObject, settings: Settings) -> JsonObject:
    """How the answer ended and which tools it asked for; the contents too, where they are to be kept at all."""
    choices = objects(answer.get("choices"))
    spoken = [one for choice in choices if (one := obj(choice.get("message")))] or objects(answer.get("output"))
    finish = next((found for choice in choices if (found := text(choice.get("finish_reason")))), None)
    calls = [call for one in spoken for call in _tool_calls(one)]
    told: JsonObject = {"finish_reason": finish or text(answer.get("status"))}
    if settings.capture.content == "none":
        return told | {"tool_calls": [call | {"arguments": None} for call in calls]}
    told |= {"tool_calls": calls, "parameters": obj(payload.get("model_parameters"))}
    contents = {"input": asked, "output": spoken}
    return told | contents if len(msgspec.msgpack.encode(contents)) <= settings.capture.max_body else told


def _tool_calls(message: JsonObject) -> Iterator[JsonObject]:
    """What a chat message, or an item of a response, asks for."""
    for call in objects(message.get("tool_calls")):
        yield _tool_call(obj(call.get("function")), call.get("id"))
    if message.get("type") == "function_call":
        yield _tool_call(message, message.get("call_id"))


def _tool_call(function: JsonObject, id: Any) -> JsonObject:
    return {"name": function.get("name"), "id": id, "arguments": parsed(function.get("arguments"))}


def _usage(answer: JsonObject, payload: JsonObject) -> JsonObject | None:
    """The tokens in the fields of `model.Usage`, with the object itself as `raw`.

    LiteLLM adds `cost`, which it reckons itself, to the usage of streams: it is no bill of the provider's.
    """
    raw = obj(answer.get("usage")) or obj(obj(payload.get("metadata")).get("usage_object"))
    raw = {name: value for name, value in raw.items() if value is not None and name != "cost"}
    if not raw or payload.get("cache_hit") is True:
        return None
    found: JsonObject = msgspec.to_builtins(openai_usage(raw, Provider(name="litellm")))
    return found


def _attributes(payload: JsonObject) -> JsonObject:
    headers = obj(obj(payload.get("hidden_params")).get("additional_headers"))
    reckoned = quantity(payload.get("response_cost"))
    found = {
        "litellm_call_id": text(payload.get("litellm_call_id")),
        "litellm_response_cost": None if reckoned is None else str(reckoned),
        "api_base": (text(payload.get("api_base")) or "").partition("?")[0],
        "request_id": text(headers.get("llm_provider-x-request-id")) or text(headers.get("request-id")),
        "cache_hit": payload.get("cache_hit") or None,
    }
    return {name: value for name, value in found.items() if value}


def _plain(value: Any) -> Any:
    """Models of pydantic as JSON; whatever else it is, as it is; nothing as an empty object."""
    dump = getattr(value, "model_dump", None)
    if dump is not None:
        return dump(mode="json", exclude_none=True)
    return {} if value is None else value
