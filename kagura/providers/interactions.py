"""The answers of Google's Interactions API: steps, whole or put together from the events of a stream.

https://ai.google.dev/api/interactions-api
"""

from decimal import Decimal

from kagura.model import Call, JsonObject, ToolCall, Usage
from kagura.providers.framing import DONE
from kagura.providers.usage import provider_cost
from kagura.providers.values import count, obj, objects, parsed, text, total
from kagura.providers.wire import Wire, message, without

_ENDS = frozenset({DONE, "interaction.complete", "interaction.completed"})
_CALL, _SEARCH = "function_call", "google_search_call"


def read_answer(wire: Wire, call: Call) -> None:
    """An interaction: its status is the finish reason, its steps (once called outputs) are the answer."""
    interaction: JsonObject = wire.body
    streamed = _Steps()
    call.complete = not wire.answer.is_stream
    for name, data in wire.events if wire.answer.is_stream else ():
        event = obj(data)
        interaction = interaction | obj(event.get("interaction"))
        call.complete = call.complete or (text(event.get("event_type")) or name) in _ENDS
        streamed.add(event)
    steps = objects(interaction.get("outputs")) or objects(interaction.get("steps")) or streamed.all()
    call.response_id = text(interaction.get("id"))
    call.response_model = text(interaction.get("model"))
    call.finish_reason = text(interaction.get("status"))
    if wire.request.get("background") is True:
        call.result_key = call.response_id
        call.billable = bool(interaction.get("usage"))
    if usage := obj(interaction.get("usage")):
        call.usage = _usage(usage)
        call.usage.service_tier = text(interaction.get("service_tier"))
        if searches := sum(_queries(step) for step in steps):
            call.usage.units = {"grounding_queries": Decimal(searches)}
    if steps:
        call.output_messages = [message({"role": "model", "content": steps}, "assistant")]
        call.output_messages[0].role = "assistant"
    call.tool_calls = [
        ToolCall(name=text(step.get("name")) or "", id=text(step.get("id")), arguments=step.get("arguments"))
        for step in steps
        if step.get("type") == _CALL
    ]


def _usage(raw: JsonObject) -> Usage:
    """Read an interaction's usage: thoughts stand outside the output, tools' prompts outside the input."""
    thoughts = count(raw.get("total_thought_tokens"))
    sent, answered = _modalities(raw, "input_tokens_by_modality"), _modalities(raw, "output_tokens_by_modality")
    return Usage(
        input=total(count(raw.get("total_input_tokens")), count(raw.get("total_tool_use_tokens"))),
        output=total(count(raw.get("total_output_tokens")), thoughts),
        cache_read=count(raw.get("total_cached_tokens")),
        reasoning=thoughts,
        audio_input=sent.get("audio"),
        audio_output=answered.get("audio"),
        image_input=sent.get("image"),
        image_output=answered.get("image"),
        provider_cost=provider_cost(raw),
        raw=raw,
    )


def _modalities(raw: JsonObject, field: str) -> dict[str, int]:
    found = {text(item.get("modality")): count(item.get("tokens")) for item in objects(raw.get(field))}
    return {name: tokens for name, tokens in found.items() if name and tokens is not None}


def _queries(step: JsonObject) -> int:
    """How many searches a step made."""
    queries = obj(step.get("arguments")).get("queries") if step.get("type") == _SEARCH else None
    return len(queries) if isinstance(queries, list) else 0


class _Steps:
    """Steps by their index, as a stream brings them: a beginning, then deltas."""

    def __init__(self) -> None:
        self._steps: dict[int, JsonObject] = {}
        self._texts: dict[int, list[str]] = {}
        self._arguments: dict[int, list[str]] = {}

    def add(self, event: JsonObject) -> None:
        """Take an event of any kind."""
        index = count(event.get("index"))
        at = index if index is not None else max(len(self._steps) - 1, 0)
        if begun := obj(event.get("step")):
            self._steps[at] = dict(begun)
        if delta := obj(event.get("delta")):
            self._add_delta(at, delta)

    def _add_delta(self, at: int, delta: JsonObject) -> None:
        kind = delta.get("type")
        step = self._steps.setdefault(at, {"type": kind})
        if isinstance(piece := delta.get("arguments"), str):
            self._arguments.setdefault(at, []).append(piece)
        elif kind == "text":
            self._texts.setdefault(at, []).append(text(delta.get("text")) or "")
        elif kind == "thought_summary":
            step["summary"] = [*objects(step.get("summary")), delta.get("content")]
        else:
            step |= without(delta, "type")

    def all(self) -> list[JsonObject]:
        """The steps in their order."""
        for at, pieces in self._texts.items():
            said = {"type": "text", "text": "".join(pieces)}
            self._steps[at]["content"] = [*objects(self._steps[at].get("content")), said]
        for at, pieces in self._arguments.items():
            self._steps[at]["arguments"] = parsed("".join(pieces))
        return [self._steps[at] for at in sorted(self._steps)]
