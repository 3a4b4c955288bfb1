"""Amazon Bedrock: Converse, and InvokeModel of the model families that have a format of their own."""

from typing import Any

from kagura.model import Call, JsonObject, Message, ToolCall, Usage
from kagura.providers.usage import provider_cost
from kagura.providers.values import count, digits, first_count, first_obj, obj, objects, parsed, text, total
from kagura.providers.wire import Wire, message, messages, plain_text, without

METRICS = "amazon-bedrock-invocationMetrics"
"""The field that the last chunk of an invocation's stream carries, whatever the model."""

_HEADER = "x-amzn-bedrock-"
_HEADER_COUNTS = {
    "inputTokens": "input-token-count",
    "outputTokens": "output-token-count",
    "cacheReadInputTokens": "cache-read-input-token-count",
    "cacheWriteInputTokens": "cache-write-input-token-count",
}
_TEXTS = ("outputText", "generation", "generated_text", "completion", "text")
_REASONS = ("completionReason", "stop_reason", "finish_reason", "finishReason", "stopReason")
_NATIVE_INPUTS = (
    *("input_token_count", "inputTextTokenCount", "prompt_token_count", "input_length", "num_tokens_prompt_total"),
)
_NATIVE_OUTPUTS = (
    *("generated_token_count", "tokenCount", "totalOutputTextTokenCount", "generation_token_count"),
    *("generated_tokens", "num_tokens_generated"),
)
"""Amazon, Meta, IBM; text-generation-inference; Aleph Alpha."""
_CHOICES = ("results", "outputs", "completions", "generations")


def read_request(request: JsonObject, call: Call) -> None:
    """Converse has a system prompt and messages; older models take a prompt."""
    system = request.get("system")
    call.input_messages = [Message(role="system", content=system, text=plain_text(system))] if system else []
    for field in ("messages", "prompt", "inputText", "input"):
        call.input_messages += messages(request.get(field))
    call.parameters = without(request, "system", "messages", "prompt", "inputText", "input")


def read_answer(wire: Wire, call: Call) -> None:
    """Converse's answer or events, or text and finish reason under the names that the model's family uses."""
    converse = _Converse()
    said: list[str] = []
    usage: JsonObject = {}
    for name, data in wire.events:
        value = first_obj(data)
        if converse.add(name, value, streamed=wire.answer.is_stream):
            usage = converse.usage
            continue
        _read_native(value, call, said)
        usage = obj(value.get("usage")) or _native_usage(value, usage)
    call.usage = bedrock_usage(usage) if usage else None
    call.finish_reason = converse.finish_reason or call.finish_reason
    call.complete = bool(call.finish_reason) or not wire.answer.is_stream or _is_ended(wire)
    if content := converse.content():
        call.output_messages = [message({"role": "assistant", "content": content}, "assistant")]
    elif said:
        call.output_messages = [message("".join(said), "assistant")]
    for tool in (obj(block.get("toolUse")) for block in content if "toolUse" in block):
        name = text(tool.get("name")) or ""
        call.tool_calls.append(ToolCall(name=name, id=text(tool.get("toolUseId")), arguments=tool.get("input")))


def bedrock_usage(raw: JsonObject) -> Usage:
    """Read usage, invocation metrics or header counts: `inputTokens` leave out cache reads and writes."""
    cache_read = first_count(raw, "cacheReadInputTokens", "cacheReadInputTokenCount")
    cache_write = first_count(raw, "cacheWriteInputTokens", "cacheWriteInputTokenCount")
    hour = [count(item.get("inputTokens")) for item in objects(raw.get("cacheDetails")) if item.get("ttl") == "1h"]
    return Usage(
        input=total(first_count(raw, "inputTokens", "inputTokenCount"), cache_read, cache_write),
        output=first_count(raw, "outputTokens", "outputTokenCount"),
        cache_read=cache_read,
        cache_write=cache_write,
        cache_write_1h=total(*hour),
        provider_cost=provider_cost(raw),
        raw=raw,
    )


def usage_beside_body(wire: Wire) -> Usage | None:
    """What Amazon counts itself, whatever the model: in the last chunk's metrics, or only in the response's headers."""
    for _, data in reversed(wire.events[-2:]):
        if metrics := obj(obj(data).get(METRICS)):
            return bedrock_usage(metrics)
    counts = {field: digits(wire.headers.get(_HEADER + name)) for field, name in _HEADER_COUNTS.items()}
    known = {field: value for field, value in counts.items() if value is not None}
    return bedrock_usage(known) if known else None


def _is_ended(wire: Wire) -> bool:
    """Whether a stream came to its end without a finish reason: its metrics tell, or that a guardrail stopped it."""
    last = obj(wire.events[-1].data) if wire.events else {}
    return METRICS in last or last.get("amazon-bedrock-guardrailAction") == "INTERVENED"


def _read_native(value: JsonObject, call: Call, said: list[str]) -> None:
    """Titan, Llama, Mistral, Jurassic, watsonx, text-generation-inference: the first choice's text and reason."""
    choices = next((found for name in _CHOICES if (found := objects(value.get(name)))), [value])
    first = {**choices[0], **obj(choices[0].get("data")), **obj(choices[0].get("details"))}
    said += [piece for name in _TEXTS if (piece := text(first.get(name)))][:1]
    for name in _REASONS:
        reason = first.get(name)
        call.finish_reason = text(reason) or text(obj(reason).get("reason")) or call.finish_reason
    call.response_model = call.response_model or text(value.get("model_id"))
    call.response_id = call.response_id or text(value.get("id"))


def _native_usage(value: JsonObject, known: JsonObject) -> JsonObject:
    """Counts under the names that the model's family uses."""
    said = {**first_obj(value.get("results")), **obj(value.get("details")), **value}
    counts = {"inputTokens": first_count(said, *_NATIVE_INPUTS), "outputTokens": first_count(said, *_NATIVE_OUTPUTS)}
    return known | {name: number for name, number in counts.items() if number or (number == 0 and name not in known)}


_EVENTS = ("messageStart", "contentBlockStart", "contentBlockDelta", "messageStop", "metadata")


class _Converse:
    """A Converse answer, or one that grows event by event."""

    def __init__(self) -> None:
        self.usage: JsonObject = {}
        self.finish_reason: str | None = None
        self._blocks: dict[Any, JsonObject] = {}
        self._pieces: dict[Any, list[str]] = {}
        self._whole: list[JsonObject] = []

    def add(self, name: str | None, value: JsonObject, *, streamed: bool) -> bool:
        """Take an answer or an event (Nova's chunks name it by a key); `False` where it is neither."""
        whole = "output" in value and "stopReason" in value
        named = next((kind for kind in _EVENTS if kind in value), None)
        if named and streamed:
            name, value = named, obj(value[named])
        if name in ("contentBlockStart", "contentBlockDelta"):
            self._add_block(value)
        elif name == "messageStop":
            self.finish_reason = text(value.get("stopReason"))
        elif whole:
            self.finish_reason = text(value.get("stopReason"))
            self._whole = objects(obj(obj(value.get("output")).get("message")).get("content"))
            self.usage = obj(value.get("usage"))
        elif name == "metadata":
            self.usage = obj(value.get("usage")) or self.usage
        else:
            return name in ("messageStart", "contentBlockStop")
        return True

    def _add_block(self, event: JsonObject) -> None:
        index = event.get("contentBlockIndex")
        key = index if isinstance(index, int) else 0
        block = self._blocks.setdefault(key, {})
        if tool := obj(obj(event.get("start")).get("toolUse")):
            block["toolUse"] = dict(tool)
        delta = obj(event.get("delta"))
        piece = text(obj(delta.get("toolUse")).get("input")) if "toolUse" in delta else text(delta.get("text"))
        if "reasoningContent" in delta:
            reasoning = obj(delta["reasoningContent"])
            piece = text(reasoning.get("text"))
            block.setdefault("reasoningContent", {}).update(without(reasoning, "text"))
        self._pieces.setdefault(key, []).append(piece or "")

    def content(self) -> list[JsonObject]:
        """The content blocks in their order."""
        for key, block in self._blocks.items():
            joined = "".join(self._pieces.get(key, []))
            if "toolUse" in block:
                block["toolUse"]["input"] = parsed(joined) if joined else block["toolUse"].get("input", {})
            elif "reasoningContent" in block:
                block["reasoningContent"]["reasoningText"] = {"text": joined}
            else:
                block["text"] = joined
        return self._whole or list(self._blocks.values())
