"""A request made again from what was kept of it: its parameters, and each of its messages as it was sent."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from kagura.model import JsonObject

_MODEL_IN_PATH = re.compile(r"(/models/|/model/)[^/:?]+")


class Shape(NamedTuple):
    """Where a request of an endpoint keeps what its dialect reads as messages."""

    messages: str
    system: str | None = None


SHAPES = {
    "chat/completions": Shape("messages"),
    "messages": Shape("messages", "system"),
    "responses": Shape("input", "instructions"),
    "generateContent": Shape("contents", "systemInstruction"),
    "streamGenerateContent": Shape("contents", "systemInstruction"),
    "converse": Shape("messages", "system"),
    "converse-stream": Shape("messages", "system"),
}
"""Endpoints whose requests can be made again, by `Endpoint.name`."""


def rebuilt(endpoint: str, parameters: JsonObject, parts: Sequence[Any]) -> JsonObject | None:
    """The body of a request; `None` for an endpoint that is not in `SHAPES`, or where nothing was asked.

    A system prompt was kept as the first message; it is told from the others by having no role.
    """
    shape = SHAPES.get(endpoint)
    if shape is None or not parts:
        return None
    body, rest = dict(parameters), list(parts)
    if shape.system and len(rest) > 1 and not _has_role(rest[0]):
        body[shape.system] = rest.pop(0)
    # A question may be a bare text (Responses), and a list of messages never holds one.
    body[shape.messages] = rest[0] if len(rest) == 1 and isinstance(rest[0], str) else rest
    return body


def _has_role(part: Any) -> bool:
    return isinstance(part, dict) and ("role" in part or "type" in part)


def with_model(target: str, body: JsonObject, model: str) -> tuple[str, JsonObject]:
    """The same request to another model, which a path or the body names."""
    if "model" in body or not _MODEL_IN_PATH.search(target):
        return target, {**body, "model": model}
    return _MODEL_IN_PATH.sub(lambda found: found[1] + model, target, count=1), body
