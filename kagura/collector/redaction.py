"""What is kept of prompts and answers: the capture level, and patterns whose matches are never stored."""

import re
from collections.abc import Sequence

import msgspec

from kagura.config import CaptureSettings
from kagura.model import Call, JsonObject, Message, ToolCall

PREVIEW_LENGTH = 200
MARK = "[redacted]"
"""What is stored in the place of a match."""
_SPELLED = (rb"\u", rb"\/")
"""How JSON may write a character otherwise than by itself."""


class Redaction:
    """Applies `capture.content` and `redact`."""

    def __init__(self, capture: CaptureSettings, patterns: Sequence[str] = ()) -> None:
        self.level = capture.content
        self.keeps_requests = capture.raw_requests
        """Whether requests are kept byte for byte."""
        self._text = [re.compile(pattern) for pattern in patterns]
        self._bytes = [re.compile(pattern.encode()) for pattern in patterns]

    def text(self, value: str) -> str:
        """The text without what the patterns match."""
        for pattern in self._text:
            value = pattern.sub(MARK, value)
        return value

    def data(self, value: bytes) -> bytes:
        """The bytes without what the patterns match."""
        for pattern in self._bytes:
            value = pattern.sub(MARK.encode(), value)
        return value

    def body(self, value: bytes) -> bytes:
        """A body without what the patterns match; JSON that spells characters is written anew, so that they can."""
        if self._bytes and any(mark in value for mark in _SPELLED):
            try:
                return self.json(msgspec.json.decode(value))
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                return b""
        return self.data(value)

    def json(self, value: object) -> bytes:
        """The value as JSON without what the patterns match."""
        return self.data(msgspec.json.encode(value))

    def preview(self, value: str) -> str | None:
        """The first words of a text on one line; nothing at level `none`."""
        if self.level == "none" or not value:
            return None
        if not self._text:
            # Prose has few spaces in a row: its beginning is enough more often than not.
            words = " ".join(value[: PREVIEW_LENGTH + 1].split())
            if len(words) >= PREVIEW_LENGTH:
                return words[:PREVIEW_LENGTH]
        return " ".join(self.text(value[: PREVIEW_LENGTH * 4]).split())[:PREVIEW_LENGTH] or None

    def question(self, call: Call) -> str | None:
        """A preview of the last thing that the user said."""
        said = (message.text for message in reversed(call.input_messages) if message.role == "user" and message.text)
        return self.preview(next(said, ""))

    def answer(self, call: Call) -> str | None:
        """A preview of the model's words."""
        return self.preview(next((message.text for message in call.output_messages if message.text), ""))

    def messages(self, messages: Sequence[Message]) -> list[bytes]:
        """Each message as JSON; none below level `full`."""
        return [self.json(message.content) for message in messages] if self.level == "full" else []

    def tool_calls(self, calls: list[ToolCall]) -> list[ToolCall]:
        """The tools that a model asked for: their names and ids at every level, their arguments at level `full`."""
        if self.level == "full" and not self._bytes:
            return calls
        if self.level == "full":
            try:
                return msgspec.json.decode(self.json(calls), type=list[ToolCall])
            except msgspec.DecodeError:
                pass
        return [ToolCall(name=self.text(call.name), id=call.id) for call in calls]

    def parameters(self, parameters: JsonObject) -> bytes | None:
        """The request without its messages, as JSON; nothing below level `full`."""
        return self.json(parameters) if self.level == "full" and parameters else None
