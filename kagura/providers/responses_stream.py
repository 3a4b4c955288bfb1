"""The items of a streamed response: whole ones, and what had come of one when the stream was cut."""

from typing import Any

from kagura.model import JsonObject
from kagura.providers.values import obj, text

_FIELDS = {
    "response.output_text.delta": ("content", "output_text"),
    "response.refusal.delta": ("content", "refusal"),
    "response.reasoning_summary_text.delta": ("summary", "summary_text"),
    "response.reasoning_text.delta": ("content", "reasoning_text"),
    "response.function_call_arguments.delta": ("arguments", ""),
    "response.mcp_call_arguments.delta": ("arguments", ""),
    "response.custom_tool_call_input.delta": ("input", ""),
    "response.code_interpreter_call_code.delta": ("code", ""),
}
"""Kind of an event: the field of the item that its `delta` extends, and the type of the part in it, if it has parts."""


class Items:
    """Output items by their index, put together from the events of a stream."""

    def __init__(self) -> None:
        self._begun: dict[int, JsonObject] = {}
        self._done: dict[int, JsonObject] = {}
        self._pieces: dict[int, dict[tuple[str, str], list[str]]] = {}

    def add(self, kind: str, event: JsonObject) -> None:
        """Take an event of any kind."""
        if kind in _FIELDS:
            if piece := text(event.get("delta")):
                at = _index(event, len(self._begun) - 1)
                self._pieces.setdefault(at, {}).setdefault(_FIELDS[kind], []).append(piece)
        elif kind == "response.output_item.done" and (item := obj(event.get("item"))):
            self._done[_index(event, len(self._done))] = item
        elif kind == "response.output_item.added" and (item := obj(event.get("item"))):
            self._begun[_index(event, len(self._begun))] = item

    def all(self) -> list[JsonObject]:
        """The items in their order; one without an end holds what had come of it."""
        cut = {at: self._cut(at) for at in self._pieces.keys() - self._done.keys()}
        items = self._done | cut
        return [items[at] for at in sorted(items)]

    def _cut(self, at: int) -> JsonObject:
        item: JsonObject = {"type": "message", "role": "assistant"} | self._begun.get(at, {})
        parts: dict[str, list[Any]] = {}
        for (field, part), pieces in self._pieces[at].items():
            joined = "".join(pieces)
            if part:
                parts.setdefault(field, []).append({"type": part, "text": joined})
            else:
                item[field] = joined
        return item | parts


def _index(event: JsonObject, otherwise: int) -> int:
    index = event.get("output_index")
    return index if isinstance(index, int) else max(otherwise, 0)
