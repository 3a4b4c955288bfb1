"""What the stand-in model does: a role is known by words of its instructions, and works through its steps in order."""

import json
import re
from typing import Any, NamedTuple

from tests.agents.conversation import Asked, Conversation

_UUID = re.compile(r"agent_id\W+([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")


class Step(NamedTuple):
    """One answer: tools that are asked for at once, or words."""

    asks: tuple[Asked, ...] = ()
    says: str = ""


class Role(NamedTuple):
    """One agent of a program."""

    words: str
    """What its instructions contain."""
    steps: tuple[Step, ...]
    started_by: str | None = None
    """The tool that starts it as a sub-agent; `None` where it works in the conversation of the main agent."""


def asks(*tools: tuple[str, dict[str, Any]]) -> Step:
    """Ask for tools at once. In arguments, `TRIP` becomes the run's mark, `UUID` the agent_id that a tool brought."""
    return Step(tuple(Asked(name, arguments) for name, arguments in tools))


def says(words: str) -> Step:
    """End with words."""
    return Step(says=words)


def answer(roles: tuple[Role, ...], said: Conversation) -> Step:
    """What the role that a conversation belongs to does next; who has no tools gets words."""
    if said.schema and not said.tools:
        return says(json.dumps(instance(said.schema)))
    role = next((role for role in roles if role.words in said.instructions), None)
    for step in role.steps if role else ():
        if step.asks and said.tools and not all(_was_asked(call, said) for call in step.asks):
            return Step(tuple(Asked(call.tool, marked(call.arguments, said)) for call in step.asks))
        words = step.says.replace("TRIP", said.trip)
        if words and role and (step == role.steps[-1] or json.dumps(words)[1:-1] not in said.history):
            return says(words)
    return says(f"Fine, {said.trip}.")


def _was_asked(call: Asked, said: Conversation) -> bool:
    given = [value for value in marked(call.arguments, said).values() if isinstance(value, str)]
    return all(words in said.history for words in (call.tool, *given))


def instance(schema: dict[str, Any]) -> Any:
    """The least value that a JSON schema allows, for side calls that want one; of choices, the last."""
    if "enum" in schema:
        return schema["enum"][-1]
    if schema.get("type", "object").lower() == "object":
        return {name: instance(inner) for name, inner in schema.get("properties", {}).items()}
    least: dict[str, Any] = {"array": [], "integer": 1, "number": 1, "boolean": False}
    return least.get(schema["type"].lower(), "Fine.")


def marked(value: Any, said: Conversation) -> Any:
    """Arguments with their placeholders filled in."""
    if isinstance(value, dict):
        return {name: marked(inner, said) for name, inner in value.items()}
    if isinstance(value, list):
        return [marked(inner, said) for inner in value]
    if not isinstance(value, str):
        return value
    found = _UUID.search(said.results)
    return value.replace("TRIP", said.trip).replace("UUID", found[1] if found else "none")
