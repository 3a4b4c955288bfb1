"""Which dialect a body speaks, told from the names of its fields, where the path does not say."""

from kagura.model import JsonObject
from kagura.providers.framing import AnswerEvent
from kagura.providers.native import SHAPES
from kagura.providers.values import first_obj, text

FIELDS: tuple[tuple[str, frozenset[str]], ...] = (
    ("openai_chat", frozenset({"choices"})),
    ("gemini", frozenset({"candidates"})),
    ("gemini", frozenset({"usageMetadata"})),
    ("anthropic", frozenset({"stop_reason", "content", "role"})),
    ("anthropic", frozenset({"completion", "stop_reason"})),
    ("bedrock", frozenset({"stopReason"})),
    ("bedrock", frozenset({"messageStart"})),
    ("bedrock", frozenset({"contentBlockDelta"})),
    ("embeddings", frozenset({"embedding"})),
    ("embeddings", frozenset({"embeddings"})),
    ("ollama", frozenset({"model", "created_at", "done"})),
    ("cohere", frozenset({"message", "finish_reason"})),
    ("cohere", frozenset({"is_finished", "event_type"})),
    ("cohere", frozenset({"text", "generation_id"})),
    ("cohere", frozenset({"generations"})),
    ("bedrock", frozenset({"outputText"})),
    ("bedrock", frozenset({"generated_text"})),
    ("embeddings", frozenset({"object", "data", "model", "usage"})),
    *(("native", shape.marks) for shape in SHAPES if not shape.common),
)
"""A dialect, and fields that an answer (or an event of it) of this dialect has together."""

FAMILIES = tuple(("bedrock", frozenset({name})) for name in ("results", "outputs", "completions", "generation"))
"""Fields of Bedrock's model families, so common that they tell only where a model is known to answer."""

OBJECTS = {"response": "openai_responses", "conversation.response": "conversations"}
"""What an answer says that it is, and whose it is."""

TYPES: tuple[tuple[str, str], ...] = (
    ("response.", "openai_responses"),
    ("conversation.response.", "conversations"),
    ("message_", "anthropic"),
    ("content_block_", "anthropic"),
    ("completion", "anthropic"),
    ("message-", "cohere"),
    ("content-", "cohere"),
)
"""How the `type` of an event begins, and whose it is."""

_LOOKED_AT = 3


def sniff(events: list[AnswerEvent], *, of_model: bool = True) -> str | None:
    """The dialect that the first events speak, or `None`; `of_model` says that a model is known to answer."""
    rows = FIELDS + FAMILIES if of_model else FIELDS
    for name, data in events[:_LOOKED_AT]:
        value = first_obj(data)
        if found := _dialect(name, value, rows):
            return found
    return None


def _dialect(name: str | None, value: JsonObject, rows: tuple[tuple[str, frozenset[str]], ...]) -> str | None:
    if named := OBJECTS.get(text(value.get("object")) or ""):
        return named
    kind = text(value.get("type")) or name or ""
    for start, dialect in TYPES:
        if kind.startswith(start):
            return dialect
    for dialect, fields in rows:
        if fields <= value.keys():
            return dialect
    return None
