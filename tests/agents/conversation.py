"""A request in any dialect as one conversation: who is asked, which tools are offered, what was done so far."""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

_TRIP = re.compile(r"trip-[a-z0-9]+")


class Asked(NamedTuple):
    """A tool that the model asks for."""

    tool: str
    arguments: dict[str, Any]
    namespace: str = ""
    """The group of tools that it stands in, for clients that group them."""


class Conversation(NamedTuple):
    """What a request says."""

    instructions: str
    """System prompts and the first message of the user."""
    history: str
    """Everything that the model has said before, tool calls included, as text."""
    results: str
    """What tools brought, as text."""
    tools: dict[str, str]
    """The tools that are offered, each with the namespace that it stands in."""
    schema: dict[str, Any] | None = None
    """What the answer must be an instance of."""

    @property
    def trip(self) -> str:
        """The mark by which the runs are told apart: it stands in the user's words."""
        found = _TRIP.search(self.instructions)
        return found[0] if found else "trip-unknown"


def read(path: str, body: dict[str, Any]) -> Conversation:
    """The conversation of a request to this path."""
    if "/messages" in path:
        return _of(body.get("system"), body["messages"], body.get("tools"))
    if "/responses" in path:
        return _of(body.get("instructions"), _listed(body.get("input")), body.get("tools"))
    if "enerateContent" in path:
        spellings = ("functionDeclarations", "function_declarations")
        declared = [tool for row in body.get("tools", []) for name in spellings for tool in row.get(name, [])]
        system = body.get("systemInstruction") or body.get("system_instruction")
        wanted = body.get("generationConfig", {})
        schema = wanted.get("responseJsonSchema") or wanted.get("responseSchema")
        return _of(system, body["contents"], declared)._replace(schema=schema)
    return _of(None, body["messages"], body.get("tools"))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [{"role": "user", "content": value}]


def _of(system: Any, messages: list[Any], tools: list[Any] | None) -> Conversation:
    users = [item for item in messages if item.get("role") == "user"]
    prompts = [item for item in messages if item.get("role") in ("system", "developer")]
    mine = [item for item in messages if _from_model(item)]
    rest = [item for item in messages if item not in mine and item not in prompts]
    return Conversation(_text([system, *prompts, *users]), _text(mine), _text(rest), dict(_tools(tools or [])))


def _tools(tools: list[Any], namespace: str = "") -> Iterator[tuple[str, str]]:
    for tool in tools:
        if tool.get("type") == "namespace":
            yield from _tools(tool["tools"], tool["name"])
        else:
            yield tool.get("name") or tool.get("function", {}).get("name") or "", namespace


def _from_model(item: dict[str, Any]) -> bool:
    return item.get("role") in ("assistant", "model") or item.get("type") in ("function_call", "custom_tool_call")


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
