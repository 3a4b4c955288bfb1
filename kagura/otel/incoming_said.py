"""Log records that carry what was said in a call: messages of a span, told beside it.

Libraries that put messages into events of their own, such as opentelemetry-instrumentation-openai-v2, send them as log
records with the span's ids. A span and its messages come in any order, in several requests.
"""

from collections import OrderedDict
from typing import NamedTuple

import msgspec

from kagura.model import JsonObject, SpanKind
from kagura.otel import attributes as names
from kagura.otel.decoding import OtlpEvent, OtlpLog
from kagura.otel.incoming import Incoming, scoped_id, system_messages
from kagura.otel.incoming_messages import DETAILS, asked_tools, chat, content_of, said_in_events

SPANS = 2000
"""Calls whose messages, or whose lack of them, is kept in mind."""
BYTES = 32 << 20
"""Of messages that are kept in mind for spans that may come, or for further messages of those that came."""


class Said(NamedTuple):
    """What a log record says of a call: messages with content, in the form of OpenAI's chat API."""

    asked: list[JsonObject]
    answered: list[JsonObject]
    whole: bool = False
    """All that was said, not one message of it."""


def said_in_log(log: OtlpLog) -> Said | None:
    """The messages of a log record; None where it carries none, or stands in no span."""
    if not (log.trace_id and log.span_id):
        return None
    body = log.body if isinstance(log.body, dict) else {}
    if log.event == DETAILS:
        own = body | log.attributes
        asked = system_messages(own) + chat(content_of(own, names.INPUTS), "user")
        said = Said(asked, chat(content_of(own, names.OUTPUTS), "assistant"), whole=True)
    else:
        said = Said(*said_in_events([OtlpEvent(log.event, body or log.attributes)]))
    said = said._replace(asked=_telling(said.asked), answered=_telling(said.answered))
    return said if said.asked or said.answered else None


def _telling(messages: list[JsonObject]) -> list[JsonObject]:
    return [said for said in messages if any(said.get(name) for name in ("content", "tool_calls", "parts"))]


class _Held:
    """The messages of one span, by what tells them from one another: a record that is sent again is known."""

    def __init__(self) -> None:
        self.records: dict[bytes, tuple[int, Said]] = {}

    @property
    def size(self) -> int:
        """Bytes, about."""
        return sum(map(len, self.records))

    def messages(self) -> tuple[list[JsonObject], list[JsonObject]]:
        """What was asked and what was answered, in order."""
        told = [said for _, said in sorted(self.records.values(), key=lambda record: record[0])]
        whole = [said for said in told if said.whole]
        asked = next((said.asked for said in reversed(whole) if said.asked), None)
        answered = next((said.answered for said in reversed(whole) if said.answered), None)
        single = [said for said in told if not said.whole]
        return (
            [message for said in single for message in said.asked] if asked is None else asked,
            [message for said in single for message in said.answered] if answered is None else answered,
        )


class Conversations:
    """Brings messages that come by themselves to their spans.

    It remembers for as long as a span and its messages may be apart, not for ever: where the two are read by different
    processes the span stays without them.
    """

    def __init__(self, spans: int = SPANS, most_bytes: int = BYTES) -> None:
        self._spans, self._most_bytes = spans, most_bytes
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._size = 0
        self._mute: OrderedDict[str, Incoming] = OrderedDict()
        """Calls that came without what was said."""

    def span(self, told: Incoming) -> Incoming:
        """A span, with the messages that came before it."""
        if told.data["kind"] != SpanKind.LLM or told.data["input"] or told.data["output"]:
            return told
        self._mute[told.id] = told
        self._mute.move_to_end(told.id)
        if len(self._mute) > self._spans:
            self._mute.popitem(last=False)
        return self._spoken(told)

    def log(self, record: OtlpLog) -> str | None:
        """Keep the messages of a log record; the id of the span that is to be told anew for them."""
        said = said_in_log(record)
        if said is None:
            return None
        id = scoped_id(record.trace_id, record.span_id)
        held = self._held.setdefault(id, _Held())
        self._held.move_to_end(id)
        key = msgspec.json.encode((record.at, record.event, said))
        if key not in held.records:
            held.records[key] = (record.at, said)
            self._size += len(key)
        while len(self._held) > self._spans or (self._size > self._most_bytes and self._held):
            self._size -= self._held.popitem(last=False)[1].size
        return id if id in self._mute else None

    def again(self, id: str) -> Incoming:
        """A span that came without its messages, with them."""
        return self._spoken(self._mute[id])

    def _spoken(self, told: Incoming) -> Incoming:
        held = self._held.get(told.id)
        if held is None:
            return told
        asked, answered = held.messages()
        said = {"input": asked, "output": answered, "tool_calls": asked_tools(answered)}
        return msgspec.structs.replace(told, data=told.data | said)
