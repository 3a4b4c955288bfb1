"""The nouns: what passes from the relay to the journal, the collector, the store and the screens.

Instants are integers: microseconds since 1970-01-01 UTC. Durations are integers in microseconds.
Token counts are integers; `None` means that nobody said, which is not zero.
"""

import os
import time
from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec

Headers = list[tuple[str, str]]
"""Header names in lower case, in wire order, duplicates kept."""

JsonObject = dict[str, Any]


def now_us() -> int:
    """The present instant in microseconds since the epoch."""
    return time.time_ns() // 1000


def new_span_id() -> str:
    """A random span id as in W3C trace context: 16 hex digits, never all zero."""
    return os.urandom(8).hex().replace("0000000000000000", "0000000000000001")


class Outcome(StrEnum):
    """How an HTTP exchange ended, as the relay saw it."""

    COMPLETED = "completed"
    """The provider's answer was relayed to its end."""
    CLIENT_CLOSED = "client_closed"
    """The client went away before the provider's answer had ended."""
    UPSTREAM_ERROR = "upstream_error"
    """The provider could not be reached, or broke off its answer."""
    INTERRUPTED = "interrupted"
    """The relay itself died: the call began and has no end."""


class Body(msgspec.Struct, frozen=True, array_like=True):
    """A captured copy of a body: the first `len(data)` bytes of `size`."""

    data: bytes = b""
    size: int = 0

    @property
    def truncated(self) -> bool:
        """Whether the copy was cut at the capture limit."""
        return self.size > len(self.data)


class Labels(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the caller said about whose call it is, by header or path."""

    execution_id: str | None = None
    execution_source: str | None = None
    agent: str | None = None
    session_id: str | None = None
    parent_id: str | None = None
    user: str | None = None
    tags: dict[str, str] = {}


class Exchange(msgspec.Struct, kw_only=True):
    """One HTTP exchange as captured. The relay fills it in as the call goes on."""

    id: str
    """The span id that the call will have."""
    provider: str
    dialect: str
    method: str
    target: str
    """Path and query as sent to the provider, secrets masked."""
    received_at: int
    labels: Labels = Labels()
    request_headers: Headers = []
    """Allow-listed headers of the client's request."""
    request_body: Body = Body()
    usage_asked: bool = False
    """`stream_options.include_usage` was added on the way."""
    sent_at: int | None = None
    first_byte_at: int | None = None
    last_byte_at: int | None = None
    done_at: int | None = None
    status: int | None = None
    response_headers: Headers = []
    response_body: Body = Body()
    outcome: Outcome | None = None
    error: str | None = None
    """The transport's error, where there was one."""


class SpanKind(StrEnum):
    """What kind of thing happened."""

    AGENT = "agent"
    LLM = "llm"
    EMBEDDING = "embedding"
    TOOL = "tool"
    MEMORY = "memory"
    RETRIEVAL = "retrieval"
    SPAN = "span"


class Status(StrEnum):
    """Where a span or an execution stands."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


class UsageSource(StrEnum):
    """Who counted the tokens."""

    PROVIDER = "provider"
    ESTIMATED = "estimated"


class Usage(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What a call consumed. Totals include their parts: `input` holds cache reads and writes, `output` reasoning."""

    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    """All cache writes, of every lifetime."""
    cache_write_1h: int | None = None
    """The part of `cache_write` that is kept for an hour."""
    reasoning: int | None = None
    audio_input: int | None = None
    audio_output: int | None = None
    audio_cache_read: int | None = None
    image_input: int | None = None
    image_output: int | None = None
    units: dict[str, Decimal] = {}
    """Other billed quantities: `web_search`, `characters`, `seconds`, `pages`, `images`, `search_units`, …"""
    source: UsageSource = UsageSource.PROVIDER
    provider_cost: Decimal | None = None
    """US dollars that the provider says it billed for this call."""
    service_tier: str | None = None
    raw: Any = None
    """The usage object as the provider sent it."""


class CostSource(StrEnum):
    """Where a call's cost comes from."""

    PROVIDER = "provider"
    CATALOG = "catalog"


class CostLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of a bill: `quantity` × `rate` US dollars."""

    unit: str
    """`input`, `cache_read`, `cache_write`, `cache_write_1h`, `output`, `reasoning`, `audio_input`, …"""
    quantity: Decimal
    rate: Decimal
    """US dollars for one of the unit (one token, one search), not for a million."""
    factor: Decimal | None = None
    """What the rate is multiplied by: surcharges for a region or a speed, a negotiated discount."""
    tier: str | None = None
    """Which step or service tier rate and factor belong to, where the price has several."""
    source: str | None = None
    """Source and date of the rate where they are not those of the price (`Cost.price_version`)."""

    @property
    def amount(self) -> Decimal:
        """US dollars."""
        amount = self.quantity * self.rate
        return amount if self.factor is None else amount * self.factor


class Cost(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a call cost, and why."""

    total: Decimal | None = None
    """US dollars; `None` where the price or the usage is unknown."""
    source: CostSource | None = None
    lines: list[CostLine] = []
    price_model: str | None = None
    """The catalogue's name of the model that was priced."""
    price_version: str | None = None
    """Source and date of the price, such as `genai-prices 2025-06-01`."""
    estimated: bool = False
    """The quantities were counted by kagura, not by the provider."""
    unpriced: list[str] = []
    """Units that were consumed and that nobody gives a rate for: the total leaves them out, or is `None`."""


class ToolCall(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A tool that the model asked for."""

    name: str
    id: str | None = None
    arguments: Any = None
    """Parsed arguments, or their text where they are not JSON."""


class CallError(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An error as the provider reported it."""

    message: str
    type: str | None = None


class Message(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One message of a request or an answer, in the provider's own shape, with what views need beside it."""

    role: str
    content: Any
    """The message as JSON, exactly what was sent."""
    text: str = ""
    """Its plain text, for previews."""


class Call(msgspec.Struct, kw_only=True):
    """What an exchange meant: the reading that a dialect gives of the bytes."""

    endpoint: str
    """The kind of endpoint, such as `chat/completions`, `messages`, `embeddings`, `files`."""
    kind: SpanKind
    dialect: str | None = None
    """The reader that understood the bodies; `None` where none did."""
    billable: bool = True
    """Whether the call consumes tokens or other billed units that this exchange tells of."""
    request_model: str | None = None
    response_model: str | None = None
    response_id: str | None = None
    previous_response_id: str | None = None
    stream: bool = False
    usage: Usage | None = None
    usage_partial: bool = False
    """The usage was sent before the answer had ended, and its output count is not the whole."""
    finish_reason: str | None = None
    tool_calls: list[ToolCall] = []
    error: CallError | None = None
    complete: bool = True
    """Whether the answer's own end mark was seen (`[DONE]`, `message_stop`, `response.completed`, …)."""
    input_messages: list[Message] = []
    parameters: JsonObject = {}
    """The request without its messages."""
    output_messages: list[Message] = []
    end_user: str | None = None
    notes: list[str] = []
    """What was odd about the bytes, for `attributes`."""
    result_key: str | None = None
    """Under which `Result.key` a later exchange may fetch this call's answer again."""
    results: list["Result"] = []
    """Calls that were made elsewhere and whose answers this exchange fetched."""


class Result(msgspec.Struct, kw_only=True):
    """The answer of a call that was made in a batch or in the background, as a later exchange fetched it."""

    key: str
    """What tells this result from all others of its provider, however often it is fetched."""
    call: Call
    at: int | None = None
    """When the provider made it, where it says so; the price of that day holds."""
    batched: bool = False
    """It was made in a batch and is billed at batch rates."""
    asked_for: bool = False
    """It counts only where the call that asked for it is known: it does not show that it was made in the background."""


class Span(msgspec.Struct, kw_only=True):
    """One thing that happened, as the store keeps it."""

    id: str
    execution_id: str
    kind: SpanKind
    name: str
    agent: str
    status: Status
    started_at: int
    parent_id: str | None = None
    trace_id: str | None = None
    execution_source: str | None = None
    """Which rule found the execution."""
    session_id: str | None = None
    user: str | None = None
    ended_at: int | None = None
    time_to_first_chunk: int | None = None
    error: str | None = None
    error_type: str | None = None
    inferred: bool = False
    provider: str | None = None
    endpoint: str | None = None
    request_model: str | None = None
    response_model: str | None = None
    response_id: str | None = None
    stream: bool | None = None
    http_status: int | None = None
    outcome: str | None = None
    attempt: int = 1
    """Which try of one step this is: a request that was sent again after an error or a cut is the next one."""
    first_attempt_id: str | None = None
    """The span of the step's first attempt; `None` on that one itself."""
    usage: Usage | None = None
    cost: Cost | None = None
    finish_reason: str | None = None
    tool_calls: list[ToolCall] = []
    input_preview: str | None = None
    output_preview: str | None = None
    tags: dict[str, str] = {}
    attributes: JsonObject = {}

    @property
    def duration(self) -> int | None:
        """Microseconds from start to end; `None` while it runs."""
        return None if self.ended_at is None else self.ended_at - self.started_at


class Execution(msgspec.Struct, kw_only=True):
    """One agent run."""

    id: str
    """Whatever the caller named it."""
    agent: str
    status: Status
    started_at: int
    ended_at: int | None = None
    source: str | None = None
    """The rule or tool that opened it: `header`, `path`, `run`, `sdk`, `session`, `call`, …"""
    declared: bool = False
    """Somebody said when it starts and ends (SDK, `kagura run`); else its calls tell."""
    parent_execution_id: str | None = None
    session_id: str | None = None
    user: str | None = None
    error: str | None = None
    tags: dict[str, str] = {}
    attributes: JsonObject = {}

    @property
    def duration(self) -> int | None:
        """Microseconds from start to end; `None` while it runs."""
        return None if self.ended_at is None else self.ended_at - self.started_at


PARENT_SPAN = "parent_span_id"
"""The attribute of an execution that names the span of its parent in which it began."""


class Event(msgspec.Struct, kw_only=True, frozen=True):
    """Something an SDK or a command reports: the road into the store for what is no HTTP exchange."""

    type: str
    """`execution.start`, `execution.end`, …"""
    at: int
    execution_id: str
    data: JsonObject = {}
