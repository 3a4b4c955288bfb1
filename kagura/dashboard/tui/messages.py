"""Contents of calls as text: messages of all dialects, tools asked for and their results, whatever else as JSON."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec

from kagura.dashboard.amounts import count
from kagura.store.questions import Kept

MORE = "o reads all, s saves it"
"""What to do about what is not shown."""
_TEXTS = ("text", "thinking", "input_text", "output_text", "refusal", "summary_text", "reasoning")
_INNER = ("content", "parts", "output", "summary")


def role_and_text(kept: Kept) -> tuple[str, str]:
    """Who speaks in a message, and what is said."""
    try:
        message = msgspec.json.decode(kept.data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return "", _raw(kept)
    if not isinstance(message, dict):
        return "", _joined(message)
    role = message.get("role") or message.get("type") or ""
    return str(role), _joined(message)


def pretty(kept: Kept) -> str:
    """JSON with its lines broken; what is none as it is."""
    try:
        return _json(msgspec.json.decode(kept.data))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _raw(kept)


def _raw(kept: Kept) -> str:
    text = kept.data.decode("utf-8", "replace")
    left = kept.size - len(kept.data)
    if not left:
        return text
    return text.replace("\\n", "\n") + f"\n… {count(left)} bytes more: {MORE}"


def _joined(value: Any) -> str:
    try:
        return "\n".join(filter(None, _texts(value)))
    except RecursionError:
        return "(nested too deeply to be shown)"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        yield from _of_object(value)
    elif value is not None:
        yield _json(value)


def _of_object(part: dict[str, Any]) -> Iterator[str]:
    said = [part[name] for name in _TEXTS if isinstance(part.get(name), str)]
    yield from said
    inner = [part[name] for name in _INNER if part.get(name) is not None]
    for value in inner:
        yield from _texts(value)
    asked = list(_asked(part))
    yield from asked
    if not said and not asked and not inner and set(part) - {"role", "type", "id", "status"}:
        yield _json(_shortened(part))


def _asked(part: dict[str, Any]) -> Iterator[str]:
    """Tools that are asked for, in the forms of the dialects, and what they answered."""
    for call in part.get("tool_calls") or []:
        function = call.get("function") if isinstance(call, dict) else None
        if isinstance(function, dict):
            yield _call(function.get("name"), function.get("arguments"))
    kind = part.get("type")
    if kind in ("tool_use", "function_call", "server_tool_use"):
        yield _call(part.get("name"), part.get("input", part.get("arguments")))
    for name in ("functionCall", "function_call"):
        if isinstance(call := part.get(name), dict):
            yield _call(call.get("name"), call.get("args", call.get("arguments")))
    if isinstance(result := part.get("functionResponse"), dict):
        yield f"← {result.get('name')}: {_json(result.get('response'))}"


def _call(name: Any, arguments: Any) -> str:
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except (ValueError, RecursionError):
            return f"→ {name}({arguments})"
    return f"→ {name}({_json(arguments) if arguments else ''})"


def _shortened(value: Any) -> Any:
    """The same with long strings, such as images, cut."""
    if isinstance(value, str) and len(value) > 2000:
        return f"{value[:200]}… ({count(len(value))} characters)"
    if isinstance(value, dict):
        return {key: _shortened(item) for key, item in value.items()}
    return [_shortened(item) for item in value] if isinstance(value, list) else value


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)
