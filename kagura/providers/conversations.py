"""Mistral's Conversations API: what agents answer, plain and streamed.

https://docs.mistral.ai/agents/agents_introduction, and the types of Mistral's own client.
"""

from decimal import Decimal

from kagura.model import Call, JsonObject, Message, ToolCall, Usage
from kagura.providers.framing import DONE
from kagura.providers.usage import openai_usage
from kagura.providers.values import count, obj, objects, parsed, quantity, text, total
from kagura.providers.wire import Wire, message, messages, without

_DELTAS = {"message.output.delta": "message.output", "function.call.delta": "function.call"}
"""The events that carry pieces of an entry, and the entry's type."""
_PIECES = ("content", "arguments")
_ENDS = frozenset({"conversation.response.done", "conversation.response.error", DONE})


def read_request(request: JsonObject, call: Call) -> None:
    """Instructions as a system message, then the inputs: a text, or entries as they were sent."""
    instructions = text(request.get("instructions"))
    call.input_messages = [Message(role="system", content=instructions, text=instructions)] if instructions else []
    call.input_messages += messages(request.get("inputs"))
    call.parameters = without(request, "inputs", "instructions")


def read_answer(wire: Wire, call: Call) -> None:
    """The entries that the conversation gained, and their usage."""
    entries, usage = objects(wire.body.get("outputs")), obj(wire.body.get("usage"))
    call.complete = not wire.answer.is_stream
    streamed: dict[tuple[str, object, object], JsonObject] = {}
    for name, data in wire.events if wire.answer.is_stream else ():
        event = obj(data)
        kind = text(event.get("type")) or name or ""
        call.complete = call.complete or kind in _ENDS
        usage = obj(event.get("usage")) or usage
        if kind in _DELTAS:
            _extend(streamed, _DELTAS[kind], event)
    entries = entries or list(streamed.values())
    call.response_id = next((found for entry in entries if (found := text(entry.get("id")))), None)
    call.response_model = next((found for entry in entries if (found := text(entry.get("model")))), None)
    call.output_messages = [message(entry, "assistant") for entry in entries]
    call.tool_calls = [_tool_call(entry) for entry in entries if entry.get("type") == "function.call"]
    if usage:
        call.usage = _usage(usage, wire)


def _usage(raw: JsonObject, wire: Wire) -> Usage:
    """Read usage: what connectors brought into the prompt is counted beside it, and so are their calls."""
    usage = openai_usage(raw, wire.provider)
    usage.input = total(usage.input, count(raw.get("connector_tokens")))
    calls = {name: quantity(number) for name, number in obj(raw.get("connectors")).items()}
    usage.units = usage.units | {name: Decimal(number) for name, number in calls.items() if number}
    return usage


def _extend(streamed: dict[tuple[str, object, object], JsonObject], kind: str, event: JsonObject) -> None:
    """Add a piece to its entry, which its own id or its place tells; texts grow."""
    key = (kind, text(event.get("id")), text(event.get("tool_call_id")))
    entry = streamed.setdefault(key, {"type": kind, **without(event, "type", *_PIECES)})
    for field in _PIECES:
        piece = event.get(field)
        if isinstance(piece, str):
            known = entry.get(field)
            entry[field] = known + piece if isinstance(known, str) else piece
        elif piece is not None:
            entry.setdefault(field, piece)


def _tool_call(entry: JsonObject) -> ToolCall:
    arguments = parsed(entry.get("arguments"))
    return ToolCall(name=text(entry.get("name")) or "", id=text(entry.get("tool_call_id")), arguments=arguments)
