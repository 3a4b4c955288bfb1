"""What messages are made of, whatever their dialect: texts, calls of tools, and results."""

from typing import Any, NamedTuple

ASSISTANT = "assistant"


class Said(NamedTuple):
    """A text, or anything else that is no tool's."""

    role: str
    text: str


class Asked(NamedTuple):
    """A tool that the model asks its client for."""

    id: str | None
    name: str
    arguments: Any
    by_client: bool = False
    """The client read the call out of the answer's text; the provider knows nothing of it."""


class Brought(NamedTuple):
    """What a tool gave back."""

    id: str | None
    name: str | None
    content: Any
    failed: bool


class Signed(NamedTuple):
    """A signature that the provider put to an answer."""

    text: str


Atom = Said | Asked | Brought
