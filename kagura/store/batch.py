"""What the collector hands to the store: one batch is one transaction."""

import msgspec

from kagura.model import Cost, Execution, Span, Usage


class ChainState(msgspec.Struct, kw_only=True):
    """What a later call may continue: a call, found by the hash of its request and answer, or by an id in them."""

    key: bytes
    """16 bytes."""
    span_id: str
    execution_id: str
    step: int
    """The call's place in its chain, from 1."""
    started_at: int
    ended_at: int
    user: str | None = None
    system: bytes = b""
    """The hash of the system prompt."""
    caller: bytes = b""
    """Eight bytes of what the caller looks like: who, whom and how it asks, the surest first; empty where unknown."""
    signatures: bytes = b""
    """What the answer was signed with, eight bytes each."""
    branch: str | None = None
    """The span of the sub-agent that made the call."""
    next_id: str | None = None
    """The call that continued it."""


class Alias(msgspec.Struct, frozen=True):
    """What an id of a span or of an execution stands for, and how sure the one who said so was."""

    target: str
    rank: int = 0
    """A higher one may take the place of a lower one."""


class SpanContents(msgspec.Struct, frozen=True, kw_only=True):
    """What a call sent and got, each part as the bytes that are to be kept (JSON, already redacted)."""

    inputs: list[bytes] = []
    """One entry a message, in order."""
    parameters: bytes | None = None
    """The request without its messages."""
    outputs: list[bytes] = []
    raw_response: bytes | None = None
    raw_request: bytes | None = None
    """The request's body as the client wrote it, its content encoding undone."""


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """A number that an agent recorded."""

    execution_id: str
    name: str
    value: float
    at: int
    span_id: str | None = None


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """What a span's figures were before they were read or priced anew."""

    span_id: str
    revised_at: int
    reason: str
    """What changed: `price corrected`, `price found`, `read anew`."""
    usage: Usage | None = None
    cost: Cost | None = None


class Batch(msgspec.Struct, kw_only=True):
    """What one transaction writes."""

    spans: list[Span] = []
    executions: list[Execution] = []
    contents: list[tuple[str, SpanContents]] = []
    """Contents by span id."""
    metrics: list[Metric] = []
    results: dict[str, str] = {}
    """Ids of spans by the key of the provider's result whose usage they hold (see `model.Result`)."""
    positions: dict[str, int] = {}
    """How far each journal file has been read, by file name."""
    finished_files: list[str] = []
    """Journal files that are about to be removed; their positions are dropped and the batch is forced to disk."""
    revisions: list[Revision] = []
    """The former figures of spans that this batch replaces."""
    chains: list[ChainState] = []
    """What later calls may continue."""
    removed: list[str] = []
    """Spans that turned out to be others, which stay."""
    aliases: dict[str, Alias] = {}
    """What ids of spans and of executions stand for from now on."""
