"""What a live view asks of a store, and what it is told: plain data, which another process may send."""

from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta

from kagura.model import Span, SpanKind
from kagura.store.views import AgentSummary, CostTotals, ExecutionRow, Overview, TokenTotals, Trace

ORDERS = ("started", "activity", "duration", "cost", "calls", "tokens", "agent", "status")
"""What runs can be sorted by."""

MOST_RUNS = 12_800
"""Runs that a list may show."""

FIELDS = ("agent", "id", "status", "session", "user", "question", "error")
"""What a filter looks into; `agent:word` looks into one of them."""


class RunsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which runs a list shows, and in which order."""

    since: int | None = None
    """Begun at or after this instant, or still running."""
    agent: str | None = None
    text: str = ""
    """Words that must all be found; `agent:word` and the like look into one of `FIELDS`."""
    order: str = "started"
    """One of `ORDERS`."""
    descending: bool = True
    limit: Annotated[int, Meta(ge=1, le=MOST_RUNS)] = 200


class EndedQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which spans are asked for; all conditions hold together."""

    agent: str | None = None
    model: str | None = None
    """Part of the name of the model that was asked or that answered; case does not count."""
    session: str | None = None
    errors: bool = False
    """Only those that failed."""
    min_cost: Decimal | None = None
    """US dollars."""
    min_duration: int | None = None
    """Microseconds."""
    every_kind: bool = False
    """Tools, memory and the rest as well, not only calls to models."""


class Flight(msgspec.Struct, frozen=True, kw_only=True):
    """A call that goes on now."""

    span_id: str
    execution_id: str
    agent: str
    kind: SpanKind
    name: str
    model: str | None
    provider: str | None
    started_at: int
    preview: str | None


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """What the model calls of some time came to."""

    calls: int = 0
    tokens: TokenTotals = TokenTotals()
    cost: CostTotals = CostTotals()


class Pulse(msgspec.Struct, frozen=True, kw_only=True):
    """What was called in one stretch of time."""

    at: int
    """When the stretch begins."""
    calls: int
    tokens: int
    """Input and output."""
    cost: Decimal
    """Billed and estimated."""


class Look(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The first screen. Instants come with the question: whose midnight it is, the asker knows."""

    query: RunsQuery
    window: str = ""
    """What the time window is called; its start moves on, and the sums of one window may be a little late."""
    today: int
    """When the present day began."""
    week: int
    """When the last seven days began."""
    pulse_since: int
    pulse_width: Annotated[int, Meta(ge=1)]
    """Stretches of the rates, in microseconds."""
    seen: str = ""
    """The mark of the answer that is shown already; empty asks for everything anew."""


class OpenRun(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """One run with its tree."""

    id: str
    seen: str = ""


class OpenAgent(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """One agent."""

    name: str
    today: int
    seen: str = ""


class ReadSpan(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Everything about one span, what it sent and got included."""

    id: str


class Ask(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What a reading method of the store returns; `reads.RETURNS` holds their names."""

    method: str
    arguments: list[msgspec.Raw] = []
    named: dict[str, msgspec.Raw] = {}


Question = Look | OpenRun | OpenAgent | ReadSpan | Ask


class Board(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The answer to `Look`."""

    mark: str
    runs: list[ExecutionRow]
    total: Overview
    """Of the window."""
    today: Spent
    week: Spent
    first: int | None
    """When the first call began, in quarters of an hour; `None` where none is recorded."""
    pulses: list[Pulse]
    flights: list[Flight]


class Opened(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The answer to `OpenRun`; the spans are outlines."""

    mark: str
    trace: Trace


class AgentView(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The answer to `OpenAgent`."""

    mark: str
    summary: AgentSummary
    today: Overview
    latest: Trace | None
    """Its latest run."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """The first bytes of a content that has `size`."""

    data: bytes
    size: int


class Particulars(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The answer to `ReadSpan`."""

    span: Span
    inputs: list[Kept] = []
    """Messages, the latest ones where there are very many."""
    left_out: int = 0
    """Earlier messages that are not among `inputs`."""
    parameters: Kept | None = None
    outputs: list[Kept] = []
    raw_response: Kept | None = None
    raw_request: Kept | None = None


class Told(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The answer to `Ask`, as `reads` encodes it."""

    value: msgspec.Raw


class Same(msgspec.Struct, frozen=True, tag=True):
    """Nothing has changed since the answer that was seen."""


class Gone(msgspec.Struct, frozen=True, tag=True):
    """There is no such run, agent or span, or no store yet."""


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The store cannot be read."""

    message: str
    remedy: str = ""


Answer = Board | Opened | AgentView | Particulars | Told | Same | Gone | Failed
