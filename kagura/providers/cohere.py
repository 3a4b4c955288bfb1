"""Cohere's own API: chat v1 and v2, generate, rerank, and the `meta` that its embeddings carry too."""

from decimal import Decimal
from typing import Any

from kagura.model import Call, JsonObject, Message, ToolCall, Usage
from kagura.providers.bedrock import usage_beside_body
from kagura.providers.framing import DONE
from kagura.providers.usage import openai_usage, provider_cost
from kagura.providers.values import count, obj, objects, parsed, quantity, text
from kagura.providers.wire import Wire, message, messages, without

_ENDS = frozenset({"message-end", "stream-end", DONE})


def read_request(request: JsonObject, call: Call) -> None:
    """Version 2 sends messages; version 1 a history, then the new message beside it."""
    call.input_messages = messages(request.get("chat_history"))
    for field in ("messages", "message", "prompt", "query"):
        call.input_messages += messages(request.get(field))
    for sent in call.input_messages:
        sent.text = sent.text or text(obj(sent.content).get("message")) or ""
    call.parameters = without(request, "messages", "message", "chat_history", "prompt", "query", "documents")


def read_answer(wire: Wire, call: Call) -> None:
    """One object, or events; `meta` or `usage` tells what is billed, on Bedrock what Amazon counts itself."""
    stream = _Stream()
    if wire.answer.is_stream:
        for name, data in wire.events:
            stream.add(name, obj(data))
        stream.finish()
    else:
        stream.complete = True
        stream.take(wire.body)
    call.complete = stream.complete
    call.response_id = stream.id
    call.response_model = stream.model
    call.finish_reason = stream.finish_reason
    call.usage = usage_beside_body(wire)
    if call.usage is None and stream.usage:
        bills = cohere_bills(stream.usage)
        call.usage = cohere_usage(stream.usage) if bills else openai_usage(stream.usage, wire.provider)
    call.output_messages = stream.messages()
    call.tool_calls = [_tool_call(tool) for tool in stream.tools]


def cohere_bills(meta: JsonObject) -> bool:
    """Whether an object is usage as Cohere reports it."""
    return bool(obj(meta.get("billed_units")) or obj(meta.get("tokens")))


def cohere_usage(raw: JsonObject) -> Usage:
    """Read `usage` or `meta`: all tokens as counts, and what differs in the bill under `units`.

    Cohere bills `billed_units`, which leave out its own preamble: as `billed_input_tokens` and
    `billed_output_tokens` they are there for pricing.
    """
    billed, tokens = obj(raw.get("billed_units")), obj(raw.get("tokens"))
    units: dict[str, Decimal] = {}
    for name, value in billed.items():
        if amount := quantity(value):
            units[f"billed_{name}" if name in ("input_tokens", "output_tokens") else name] = amount
    input_tokens, output_tokens = count(tokens.get("input_tokens")), count(tokens.get("output_tokens"))
    return Usage(
        input=count(billed.get("input_tokens")) if input_tokens is None else input_tokens,
        output=count(billed.get("output_tokens")) if output_tokens is None else output_tokens,
        cache_read=count(raw.get("cached_tokens")),
        reasoning=count(tokens.get("reasoning_tokens")),
        image_input=count(billed.get("image_tokens")),
        units=units,
        provider_cost=provider_cost(raw),
        raw=raw,
    )


class _Stream:
    """An answer of either version that grows event by event."""

    def __init__(self) -> None:
        self.id: str | None = None
        self.model: str | None = None
        self.finish_reason: str | None = None
        self.usage: JsonObject = {}
        self.tools: list[JsonObject] = []
        self.complete = False
        self._whole: JsonObject | None = None
        self._text: list[str] = []
        self._plan: list[str] = []
        self._arguments: list[tuple[JsonObject, list[str]]] = []

    def take(self, body: JsonObject) -> None:
        """Take a whole answer."""
        self.id = text(body.get("id")) or text(body.get("response_id")) or self.id
        self.model = text(body.get("model")) or self.model
        generations = objects(body.get("generations"))
        first = generations[0] if generations else body
        self.finish_reason = text(first.get("finish_reason")) or self.finish_reason
        self.usage = obj(body.get("usage")) or obj(body.get("meta")) or self.usage
        self._whole = obj(body.get("message")) or self._whole
        said = text(first.get("text"))
        if said and not self._text:
            self._text.append(said)
        self.tools += objects(body.get("tool_calls")) + objects(obj(body.get("message")).get("tool_calls"))

    def add(self, name: str | None, event: JsonObject) -> None:
        """Take one event."""
        kind = text(event.get("type")) or text(event.get("event_type")) or name
        self.complete = self.complete or kind in _ENDS or event.get("is_finished") is True
        self.id = text(event.get("id")) or text(event.get("generation_id")) or self.id
        delta = obj(event.get("delta"))
        said = obj(delta.get("message"))
        if kind == "content-delta":
            self._text.append(text(obj(said.get("content")).get("text")) or "")
        elif kind == "tool-plan-delta":
            self._plan.append(text(said.get("tool_plan")) or "")
        elif kind == "tool-call-start":
            tool = obj(said.get("tool_calls"))
            function = {**obj(tool.get("function"))}
            self._arguments.append((function, [text(function.get("arguments")) or ""]))
            self.tools.append({**tool, "function": function})
        elif kind == "tool-call-delta" and self._arguments:
            piece = obj(obj(said.get("tool_calls")).get("function"))
            self._arguments[-1][1].append(text(piece.get("arguments")) or "")
        elif kind == "message-end":
            self.finish_reason = text(delta.get("finish_reason")) or self.finish_reason
            self.usage = obj(delta.get("usage")) or self.usage
        elif kind == "stream-end" or event.get("is_finished") is True:
            self.finish_reason = text(event.get("finish_reason")) or self.finish_reason
            self.take(obj(event.get("response")))
        elif "generations" in event:
            self.take(event)
        elif kind == "text-generation" or (kind is None and "text" in event):
            self._text.append(text(event.get("text")) or "")

    def finish(self) -> None:
        """Put the arguments of tools together."""
        self.complete = self.complete or bool(self.finish_reason)
        for function, pieces in self._arguments:
            function["arguments"] = "".join(pieces)

    def messages(self) -> list[Message]:
        """The assistant's message, where anything was said or asked."""
        if self._whole:
            return [message(self._whole, "assistant")]
        content: dict[str, Any] = {"role": "assistant"}
        if said := "".join(self._text):
            content["content"] = [{"type": "text", "text": said}]
        if plan := "".join(self._plan):
            content["tool_plan"] = plan
        if self.tools:
            content["tool_calls"] = self.tools
        return [message(content, "assistant")] if len(content) > 1 else []


def _tool_call(tool: JsonObject) -> ToolCall:
    function = obj(tool.get("function")) or tool
    arguments = function.get("arguments", function.get("parameters"))
    return ToolCall(name=text(function.get("name")) or "", id=text(tool.get("id")), arguments=parsed(arguments))
