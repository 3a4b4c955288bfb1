"""What was said to a model and by it, out of attributes and events of any convention, as chat messages.

The conventions write messages as JSON (`gen_ai.input.messages`), as numbered attributes (`gen_ai.prompt.0.content`,
`llm.input_messages.0.message.content`), as values (`input.value`), or as events (`gen_ai.user.message`).
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from kagura.model import JsonObject
from kagura.otel.decoding import OtlpEvent

_MOST_ITEMS = 10_000
_WRAPPERS = ("message", "tool_call", "message_content", "document", "embedding")
"""OpenInference puts each item of a list under its own name: `llm.input_messages.0.message.role`."""

_EVENTS = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
_CHOICE = "gen_ai.choice"
_OLD_EVENTS = {
    "gen_ai.content.prompt": ("gen_ai.prompt", False),
    "gen_ai.content.completion": ("gen_ai.completion", True),
}
DETAILS = "gen_ai.client.inference.operation.details"
"""The event that has the attributes of a whole call."""


def content_of(attributes: JsonObject, names: Sequence[str]) -> Any:
    """The value of the first of these attributes that is there, JSON parsed; numbered ones are put together."""
    for name in names:
        found = parsed(attributes[name]) if name in attributes else gathered(attributes, f"{name}.")
        if found not in (None, "", [], {}):
            return found
    return None


def gathered(attributes: JsonObject, prefix: str) -> Any:
    """What attributes like `prefix0.role`, `prefix0.tool_calls.1.name` spell out; None where there are none."""
    tree: JsonObject = {}
    for name, value in attributes.items():
        if name.startswith(prefix):
            *path, last = name[len(prefix) :].split(".")
            place = tree
            for step in path:
                below = place.setdefault(step, {})
                if not isinstance(below, dict):
                    below = place[step] = {"value": below}
                place = below
            place[last] = value
    return _listed(tree) if tree else None


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(key.isdecimal() for key in value):
        return [_listed(value[key]) for key in sorted(value, key=int)[:_MOST_ITEMS]]
    if len(value) == 1 and (only := next(iter(value))) in _WRAPPERS and isinstance(value[only], dict):
        return _listed(value[only])
    return {key: _listed(item) for key, item in value.items()}


def parsed(value: Any) -> Any:
    """The JSON value in a text that looks like one, else the value."""
    if not isinstance(value, str) or value[:1] not in ("{", "["):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return value


def chat(value: Any, role: str) -> list[JsonObject]:
    """Messages in the form of OpenAI's chat API, whatever form they came in."""
    if isinstance(value, dict):
        value = _messages_in(value)
    found = value if isinstance(value, list) else [] if value is None else [value]
    return [_message(item, role) for item in found[:_MOST_ITEMS]]


def _messages_in(value: JsonObject) -> Any:
    """The messages of a whole request or answer, which `input.value` and `output.value` hold."""
    if isinstance(choices := value.get("choices"), list):
        return [choice.get("message", choice) if isinstance(choice, dict) else choice for choice in choices]
    if "text" in value or "toolCalls" in value:
        return [{"role": "assistant", "content": value.get("text"), "tool_calls": parsed(value.get("toolCalls"))}]
    return next((value[name] for name in ("messages", "input", "contents", "output") if name in value), value)


def _message(item: Any, role: str) -> JsonObject:
    if not isinstance(item, dict):
        return {"role": role, "content": item}
    spoken = str(item.get("role") or role)
    parts = item.get("parts")
    if not isinstance(parts, list):
        calls = parsed(item.get("tool_calls"))
        rest = {key: value for key, value in item.items() if key not in ("role", "tool_calls", "contents", "content")}
        content = parsed(item.get("content", item.get("contents")))
        message = {"role": spoken, "content": content, **rest}
        return message | {"tool_calls": [_call(call) for call in calls]} if isinstance(calls, list) else message
    return _with_parts(spoken, [part for part in parts if isinstance(part, dict)])


def _with_parts(role: str, parts: Sequence[JsonObject]) -> JsonObject:
    texts = [part.get("content") for part in parts if part.get("type") == "text"]
    calls = [_call(part) for part in parts if part.get("type") == "tool_call"]
    results = [part for part in parts if part.get("type") == "tool_call_response"]
    others = [part for part in parts if part.get("type") not in ("text", "tool_call", "tool_call_response")]
    message: JsonObject = {"role": role, "content": "\n".join(str(text) for text in texts) if texts else None}
    if results:
        said = results[0]
        message["tool_call_id"] = said.get("id")
        message["content"] = said.get("response", said.get("result", said.get("content")))
    if others:
        message["parts"] = others
    return message | {"tool_calls": calls} if calls else message


def _call(call: Any) -> Any:
    if not isinstance(call, dict):
        return call
    inner = call.get("function")
    function: JsonObject = inner if isinstance(inner, dict) else call
    name = function.get("name") or call.get("toolName")
    arguments = function.get("arguments", call.get("args", call.get("input")))
    id = call.get("id") or call.get("toolCallId")
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def asked_tools(answer: Iterable[JsonObject]) -> list[JsonObject]:
    """The tools that a model's messages ask for: name, id, arguments."""
    return [
        {
            "name": call["function"]["name"],
            "id": call.get("id"),
            "arguments": parsed(call["function"].get("arguments")),
        }
        for message in answer
        for call in message.get("tool_calls") or ()
        if isinstance(call, dict) and isinstance(call.get("function"), dict) and call["function"].get("name")
    ]


def said_in_events(events: Sequence[OtlpEvent]) -> tuple[list[JsonObject], list[JsonObject]]:
    """The messages that events of a call carry: what was asked, what was answered."""
    asked: list[JsonObject] = []
    answered: list[JsonObject] = []
    for event in events:
        body = {name: parsed(value) for name, value in event.attributes.items()}
        if event.name in _EVENTS:
            asked.append(_message(_plain(body), _EVENTS[event.name]))
        elif event.name == _CHOICE:
            told = body.get("message")
            answered.append(_message(_plain(told if isinstance(told, dict) else body), "assistant"))
        elif event.name in _OLD_EVENTS:
            name, is_answer = _OLD_EVENTS[event.name]
            target = answered if is_answer else asked
            target += chat(body.get(name), "assistant" if is_answer else "user")
    return asked, answered


def _plain(body: JsonObject) -> JsonObject:
    """A message without what only describes the event."""
    known = ("role", "content", "tool_calls", "id", "name")
    return {("tool_call_id" if name == "id" else name): body[name] for name in known if name in body}
