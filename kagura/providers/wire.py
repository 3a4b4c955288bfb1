"""What a dialect gets to see of an exchange, and what every dialect offers."""

from typing import NamedTuple, Protocol

from kagura.model import Call, JsonObject, Message
from kagura.providers.endpoints import Endpoint
from kagura.providers.framing import Answer, AnswerEvent
from kagura.providers.row import Provider
from kagura.providers.values import obj


class Wire(NamedTuple):
    """An exchange, decoded and parsed."""

    endpoint: Endpoint
    provider: Provider
    request: JsonObject
    answer: Answer
    headers: dict[str, str]
    """The response's headers, names in lower case."""

    @property
    def events(self) -> list[AnswerEvent]:
        """The answer's values in order."""
        return self.answer.events

    @property
    def body(self) -> JsonObject:
        """The one JSON object of a plain answer; empty for a stream or anything else."""
        return {} if self.answer.is_stream or not self.events else obj(self.events[0].data)


class Dialect(Protocol):
    """How the bodies of one wire format are read. Both functions fill in what they find and leave the rest."""

    def read_request(self, request: JsonObject, call: Call) -> None:
        """Set `input_messages` and `parameters`, and ids of what the request continues."""

    def read_answer(self, wire: Wire, call: Call) -> None:
        """Set what the answer says, for a plain answer and a stream alike."""


_TEXT_FIELDS = ("text", "content", "parts", "output", "input_text", "refusal", "thinking", "value")
_DEPTH = 6


def plain_text(value: object, depth: int = 0) -> str:
    """The text of a message or of its content, in any dialect; parts stand on lines of their own."""
    if isinstance(value, str):
        return value
    if depth > _DEPTH:
        return ""
    if isinstance(value, list):
        texts = [plain_text(item, depth + 1) for item in value]
        return "\n".join(part for part in texts if part)
    if isinstance(value, dict):
        for field in _TEXT_FIELDS:
            if found := plain_text(value.get(field), depth + 1):
                return found
    return ""


def message(content: object, default_role: str = "user") -> Message:
    """A message as it was sent, with its role and its text."""
    role = content.get("role") if isinstance(content, dict) else None
    return Message(
        role=role if isinstance(role, str) and role else default_role, content=content, text=plain_text(content)
    )


def messages(value: object, default_role: str = "user") -> list[Message]:
    """The messages of a request: an array of them, a single one, or a bare text."""
    if value is None:
        return []
    if isinstance(value, list):
        return [message(item, default_role) for item in value]
    return [message(value, default_role)]


def without(request: JsonObject, *names: str) -> JsonObject:
    """The request without the named fields."""
    return {name: value for name, value in request.items() if name not in names}
