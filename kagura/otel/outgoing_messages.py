"""Messages in any provider's shape → the shape of `gen_ai.input.messages`: a role and parts.

What a part is called by the providers stands in one table; a part that is in none of its rows goes out as it is, under
its own type, as the conventions allow.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from kagura.model import JsonObject

_ROLES = {"model": "assistant", "developer": "system", "function": "tool", "CHATBOT": "assistant", "USER": "user"}
_RESULTS = frozenset(("function_call_output", "custom_tool_call_output", "tool_result", "computer_call_output"))
_ITEMS = frozenset(("function_call", "custom_tool_call", "reasoning"))
"""Types of the Responses API's items that the assistant says without a role."""


def messages(parts: Sequence[bytes], default_role: str) -> list[JsonObject]:
    """Kept messages, each its JSON; what cannot be read is left out.

    What stands before a request's messages and names no role is its system prompt.
    """
    found = []
    for index, data in enumerate(parts):
        leads = index == 0 and len(parts) > 1 and default_role == "user"
        try:
            found.append(message(msgspec.json.decode(data), "system" if leads else default_role))
        except (msgspec.DecodeError, RecursionError):
            continue
    return found


def message(said: Any, default_role: str) -> JsonObject:
    """One message: an object of a provider, a text, or whatever else was said."""
    if not isinstance(said, dict):
        return {"role": default_role, "parts": _parts(said)}
    role, kind = said.get("role"), said.get("type")
    if not isinstance(role, str) or not role:
        role = "tool" if kind in _RESULTS else "assistant" if kind in _ITEMS else default_role
    role = _ROLES.get(role, role)
    content = next((said[name] for name in ("content", "parts") if said.get(name) is not None), None)
    if content is None and "role" not in said:
        return {"role": role, "parts": [_part(said)]}
    parts = [_response(said.get("tool_call_id"), content)] if role == "tool" and _is_result(said) else _parts(content)
    calls = said.get("tool_calls")
    parts += [_part(call) for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
    if any(part["type"] == "tool_call_response" for part in parts) and role == "user":
        role = "tool"
    return {"role": role, "parts": parts}


def _is_result(said: JsonObject) -> bool:
    return "tool_call_id" in said or isinstance(said.get("content"), str)


def _parts(content: Any) -> list[JsonObject]:
    if content is None:
        return []
    return [_part(item) for item in content] if isinstance(content, list) else [_part(content)]


def _part(item: Any) -> JsonObject:
    if not isinstance(item, dict):
        return {"type": "text", "content": item if isinstance(item, str) else msgspec.json.encode(item).decode()}
    kind = item.get("type")
    read = _TYPES.get(kind) if isinstance(kind, str) else None
    if read is None:
        read = next((reader for name, reader in _FIELDS if name in item), None)
    return read(item) if read else {**item, "type": kind if isinstance(kind, str) else "unknown"}


def _text(item: JsonObject) -> JsonObject:
    return {"type": "text", "content": _string(item, "text", "refusal")}


def _reasoning(item: JsonObject) -> JsonObject:
    said = _string(item, "thinking", "text")
    summary = item.get("summary") or item.get("content")
    if not said and isinstance(summary, list):
        said = "\n".join(_string(part, "text") for part in summary if isinstance(part, dict))
    return {"type": "reasoning", "content": said}


def _thought_or_text(item: JsonObject) -> JsonObject:
    return _reasoning(item) if item.get("thought") is True else _text(item)


def _call(item: JsonObject) -> JsonObject:
    """A tool call in any of the shapes that name, id and arguments have."""
    inner = next(
        (item[name] for name in ("function", "functionCall", "toolUse") if isinstance(item.get(name), dict)), item
    )
    given = next((inner[name] for name in ("arguments", "input", "args") if inner.get(name) is not None), None)
    id = next(
        (found for found in (item.get("call_id"), item.get("id"), inner.get("toolUseId"), inner.get("id")) if found),
        None,
    )
    return {"type": "tool_call", "id": id, "name": inner.get("name") or "", "arguments": _parsed(given)}


def _result(item: JsonObject) -> JsonObject:
    inner = next((item[name] for name in ("functionResponse", "toolResult") if isinstance(item.get(name), dict)), item)
    id = next((inner[name] for name in ("call_id", "tool_use_id", "toolUseId", "id") if inner.get(name)), None)
    return _response(id, next((inner[name] for name in ("output", "content", "response") if name in inner), None))


def _response(id: Any, result: Any) -> JsonObject:
    return {"type": "tool_call_response", "id": id, "response": result}


def _parsed(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return value


def _string(item: JsonObject, *fields: str) -> str:
    return next((item[name] for name in fields if isinstance(item.get(name), str)), "")


_TYPES: dict[str, Callable[[JsonObject], JsonObject]] = {
    "text": _text,
    "input_text": _text,
    "output_text": _text,
    "refusal": _text,
    "thinking": _reasoning,
    "reasoning": _reasoning,
    "function": _call,
    "function_call": _call,
    "custom_tool_call": _call,
    "tool_use": _call,
    "function_call_output": _result,
    "custom_tool_call_output": _result,
    "computer_call_output": _result,
    "tool_result": _result,
}
"""Parts that say what they are: OpenAI chat and Responses, Anthropic."""

_FIELDS: tuple[tuple[str, Callable[[JsonObject], JsonObject]], ...] = (
    ("functionCall", _call),
    ("toolUse", _call),
    ("functionResponse", _result),
    ("toolResult", _result),
    ("function", _call),
    ("text", _thought_or_text),
)
"""Parts that are known by a field: Gemini, Bedrock, Ollama."""
