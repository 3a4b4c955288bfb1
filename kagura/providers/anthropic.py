"""Anthropic's Messages API and the older text completions, plain and streamed, wherever they are served."""

from decimal import Decimal
from typing import Any

from kagura.model import Call, JsonObject, Message, ToolCall, Usage
from kagura.providers.usage import other_units, provider_cost
from kagura.providers.values import count, first_count, obj, objects, parsed, text, total
from kagura.providers.wire import Wire, message, messages, plain_text, without

_CLIENT_TOOL = "tool_use"
_ITERATION, _FALLBACK = "message", "fallback_message"
_DELTA_FIELDS = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "signature_delta": ("signature", "signature"),
    "input_json_delta": ("partial_json", "input"),
    "compaction_delta": ("content", "content"),
}
"""Type of a delta: its field, and the field of the block that it extends."""


def read_request(request: JsonObject, call: Call) -> None:
    """The system prompt as a message of its own, then the messages; or the prompt of a text completion."""
    system = request.get("system")
    call.input_messages = [Message(role="system", content=system, text=plain_text(system))] if system else []
    call.input_messages += messages(request.get("messages", request.get("prompt")))
    call.end_user = text(obj(request.get("metadata")).get("user_id"))
    call.previous_response_id = text(obj(request.get("thread")).get("previous_message_id"))
    call.parameters = without(request, "messages", "system", "prompt")


def read_answer(wire: Wire, call: Call) -> None:
    """A message, whole or put together from its events; `type: completion` for the older API."""
    stream = _Stream()
    body = wire.body
    if wire.answer.is_stream:
        for name, data in wire.events:
            stream.add(name, obj(data))
    else:
        stream.message = body
        stream.usage = obj(body.get("usage"))
        stream.complete = stream.counted = True
    found = stream.message
    call.complete = stream.complete
    call.response_id = text(found.get("id"))
    call.response_model = text(found.get("model"))
    call.finish_reason = text(found.get("stop_reason"))
    if stream.usage:
        call.usage = anthropic_usage(stream.usage, call.response_model)
        call.usage_partial = not stream.counted
    blocks = stream.blocks() if wire.answer.is_stream else found.get("content")
    if blocks:
        role = text(found.get("role")) or "assistant"
        call.output_messages = [message({"role": role, "content": blocks}, "assistant")]
    elif completion := "".join(stream.completion) or text(found.get("completion")):
        call.output_messages = [message(completion, "assistant")]
    call.tool_calls = [
        ToolCall(name=text(block.get("name")) or "", id=text(block.get("id")), arguments=block.get("input"))
        for block in objects(blocks)
        if block.get("type") == _CLIENT_TOOL
    ]


def anthropic_usage(raw: JsonObject, model: str | None = None) -> Usage:
    """Read a `usage` object: its `input_tokens` leave out cache reads and writes.

    The split of cache writes by lifetime may be stale after server tools, so only their sum is the total. The
    top-level counts leave out some `iterations`: those of the same model (compaction) are added, those of another
    model (an advisor, one that declined before a fallback answered) stand apart under `units`, since their price is
    another.
    """
    split = obj(raw.get("cache_creation"))
    cache_read = count(raw.get("cache_read_input_tokens"))
    lifetimes = total(count(split.get("ephemeral_5m_input_tokens")), count(split.get("ephemeral_1h_input_tokens")))
    cache_write = count(raw.get("cache_creation_input_tokens"))
    cache_write = lifetimes if cache_write is None else cache_write
    uncached = count(raw.get("input_tokens"))
    usage = Usage(
        input=total(uncached, cache_read, cache_write),
        output=count(raw.get("output_tokens")),
        cache_read=cache_read,
        cache_write=cache_write,
        cache_write_1h=count(split.get("ephemeral_1h_input_tokens")),
        reasoning=first_count(obj(raw.get("output_tokens_details")), "thinking_tokens", "reasoning_tokens"),
        units=other_units(raw),
        provider_cost=provider_cost(raw),
        service_tier=text(raw.get("service_tier")),
        raw=raw,
    )
    for iteration in _left_out(objects(raw.get("iterations"))):
        _add_iteration(usage, iteration, model)
    return usage


def _left_out(iterations: list[JsonObject]) -> list[JsonObject]:
    """The iterations that the top-level counts do not hold.

    Where a fallback model answered, they hold what that one did; a model that declined is billed where it had begun
    to answer (https://platform.claude.com/docs/en/build-with-claude/refusals-and-fallback).
    """
    served = [iteration.get("model") for iteration in iterations if iteration.get("type") == _FALLBACK]
    return [iteration for iteration in iterations if _stands_apart(iteration, served)]


def _stands_apart(iteration: JsonObject, served: list[Any]) -> bool:
    if iteration.get("type", _ITERATION) != _ITERATION:
        return iteration.get("type") != _FALLBACK
    return bool(served and iteration.get("model") not in served and count(iteration.get("output_tokens")))


def _add_iteration(usage: Usage, iteration: JsonObject, model: str | None) -> None:
    part = anthropic_usage({name: value for name, value in iteration.items() if name != "iterations"})
    other = text(iteration.get("model"))
    if other and other != model:
        for name, tokens in (("input", part.input), ("output", part.output)):
            if tokens:
                unit = f"{other}:{name}_tokens"
                usage.units = usage.units | {unit: usage.units.get(unit, Decimal(0)) + tokens}
        return
    usage.input = total(usage.input, part.input)
    usage.output = total(usage.output, part.output)
    usage.cache_read = total(usage.cache_read, part.cache_read)
    usage.cache_write = total(usage.cache_write, part.cache_write)
    usage.cache_write_1h = total(usage.cache_write_1h, part.cache_write_1h)


class _Stream:
    """A message that grows event by event."""

    def __init__(self) -> None:
        self.message: JsonObject = {}
        self.usage: JsonObject = {}
        self.completion: list[str] = []
        self.complete = False
        self.counted = False
        """The output was counted after it had been made: `message_start` counts it when it has hardly begun."""
        self._blocks: dict[Any, JsonObject] = {}
        self._pieces: dict[Any, dict[str, list[str]]] = {}

    def add(self, name: str | None, event: JsonObject) -> None:
        """Take one event. Counts of a `message_delta` replace those before: they are running totals, never parts."""
        kind = event.get("type") or name
        if kind == "content_block_delta":
            self._add_delta(event.get("index"), obj(event.get("delta")))
        elif kind == "content_block_start":
            self._blocks[_key(event.get("index"))] = dict(obj(event.get("content_block")))
        elif kind == "message_start":
            self.message = dict(obj(event.get("message")))
            self._update_usage(self.message.get("usage"))
        elif kind == "message_delta":
            delta = obj(event.get("delta"))
            self.message |= {field: value for field, value in delta.items() if value is not None}
            self._update_usage(event.get("usage"))
            self.counted = self.counted or bool(event.get("usage"))
            self.complete = self.complete or bool(delta.get("stop_reason"))
        elif kind == "message_stop":
            self.complete = True
        elif "completion" in event:
            self.message |= {field: value for field, value in event.items() if value is not None}
            self.completion.append(text(event.get("completion")) or "")
            self.complete = bool(event.get("stop_reason"))

    def _update_usage(self, usage: Any) -> None:
        self.usage |= {field: value for field, value in obj(usage).items() if value is not None}

    def _add_delta(self, index: Any, delta: JsonObject) -> None:
        kind = delta.get("type")
        if kind == "citations_delta" and "citation" in delta:
            block = self._blocks.setdefault(_key(index), {"type": "text"})
            block["citations"] = [*(block.get("citations") or []), delta["citation"]]
            return
        field, target = _DELTA_FIELDS.get(kind if isinstance(kind, str) else "", ("", ""))
        if piece := text(delta.get(field)):
            self._pieces.setdefault(_key(index), {}).setdefault(target, []).append(piece)

    def blocks(self) -> list[JsonObject]:
        """The content blocks in their order."""
        for key, fields in self._pieces.items():
            block = self._blocks.setdefault(key, {"type": "text"})
            for field, pieces in fields.items():
                joined = "".join(pieces)
                if field == "input":
                    block[field] = parsed(joined)
                else:
                    block[field] = (text(block.get(field)) or "") + joined
        return list(self._blocks.values())


def _key(index: Any) -> Any:
    return index if isinstance(index, int) else 0
