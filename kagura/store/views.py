"""What queries return. Money is US dollars as Decimal, instants and durations are microseconds."""

from decimal import Decimal

import msgspec

from kagura.model import Execution, Span, SpanKind, Status


class CostTotals(msgspec.Struct, frozen=True, kw_only=True):
    """Money, with what is certain kept apart from what is not."""

    billed: Decimal = Decimal(0)
    """From usage that the provider reported."""
    estimated: Decimal = Decimal(0)
    """From usage that kagura counted itself; not part of `billed`."""
    unknown_calls: int = 0
    """Calls whose cost nobody knows: no price, or no usage."""


class TokenTotals(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens of model calls."""

    input: int = 0
    """All input, cache reads and writes included."""
    output: int = 0
    """All output, reasoning included."""
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0


class ExecutionRow(Execution, kw_only=True):
    """An execution with the sums over its spans; the sums outlive spans that retention removed."""

    llm_calls: int = 0
    """Calls to models, embeddings and running ones included; however many attempts one took, it is one call."""
    retries: int = 0
    """Further attempts of those calls."""
    running_calls: int = 0
    tool_calls: int = 0
    """Tool spans, as its tree shows them; where there are none, the tools that its calls asked for."""
    errors: int = 0
    """Spans that failed."""
    spans: int = 0
    tokens: TokenTotals = TokenTotals()
    """Without `cache_write` and `reasoning`."""
    cost: CostTotals = CostTotals()
    last_activity_at: int = 0
    preview: str | None = None
    """First words of the question."""


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """An execution with everything that happened in it."""

    execution: ExecutionRow
    spans: list[Span]
    """By start."""
    children: list["Trace"] = []
    """Executions that name this one as their parent, by start."""


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """The totals of a time window."""

    active_executions: int
    """Running now, whenever they began."""
    executions: int
    """Begun in the window."""
    llm_calls: int
    errors: int
    """Attempts of model calls that failed."""
    tokens: TokenTotals
    cost: CostTotals
    average_duration: int | None
    """Of the window's latest finished executions (at most `store.executions.SAMPLE`), like the next two."""
    p95_duration: int | None
    success_rate: float | None
    """Share of completed ones, 0 to 1."""
    retries: int = 0
    """Further attempts of the model calls, which `llm_calls` leaves out."""


class AgentRow(msgspec.Struct, frozen=True, kw_only=True):
    """One agent of a time window."""

    agent: str
    status: Status
    """`running` while one of its executions runs, else the outcome of its latest one."""
    executions: int
    running: int
    llm_calls: int
    errors: int
    cost: CostTotals
    last_activity_at: int


class ModelUsage(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent asked of one model."""

    model: str | None
    calls: int
    calls_per_execution: float | None
    errors: int
    average_input_tokens: float | None
    """A finished call; `None` where none has finished."""
    average_output_tokens: float | None
    average_duration: int | None
    tokens: TokenTotals
    cost: CostTotals


class ToolUsage(msgspec.Struct, frozen=True, kw_only=True):
    """How often an agent used one tool."""

    name: str
    calls: int
    """Tool spans, or times that a model asked for it where those are more."""
    share: float
    """Of all tool calls, 0 to 1."""
    errors: int
    average_duration: int | None


class SpanError(msgspec.Struct, frozen=True, kw_only=True):
    """A span that failed."""

    span_id: str
    execution_id: str
    kind: SpanKind
    name: str
    at: int
    error: str | None
    error_type: str | None
    http_status: int | None


class AgentSummary(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the screen of one agent shows for a time window."""

    agent: str
    status: Status | None
    """`None` for an agent that never ran."""
    executions: int
    llm_calls: int
    average_duration: int | None
    p95_duration: int | None
    success_rate: float | None
    tokens: TokenTotals
    cost: CostTotals
    models: list[ModelUsage]
    """Most calls first."""
    tools: list[ToolUsage]
    """Most calls first."""
    slow: list[ExecutionRow]
    """The longest of the latest ten thousand finished executions, longest first."""
    errors: list[SpanError]
    """The latest failed spans, newest first."""


class CostRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a cost summary."""

    key: str | None
    """The agent, model, day…; `None` for calls that carry none."""
    executions: int | None
    """By agent, day and hour: runs begun in the range. By user, session and tag: runs with calls in it.
    `None` by model and provider."""
    calls: int
    tokens: TokenTotals
    cost: CostTotals


class CacheSavings(msgspec.Struct, frozen=True):
    """What reading prompts from caches saved, and what writing to them cost more than sending them plainly."""

    saved: Decimal
    """US dollars: tokens read × (rate of plain input - rate of reading), by each call's own rates."""
    extra: Decimal
    """US dollars: tokens written × (rate of writing - rate of plain input)."""
    calls: int
    """Calls that read or wrote."""
    left_out: int
    """Those whose bill gives no rate of plain input to compare with."""


class Pruned(msgspec.Struct, frozen=True, kw_only=True):
    """What retention removed."""

    spans: int = 0
    executions: int = 0
    contents: int = 0


class Prompt(msgspec.Struct, frozen=True):
    """A request: the hash of each message, and that of all else in it."""

    messages: bytes
    """One after the other, each of `contents.HASH` bytes."""
    parameters: bytes | None = None

    def continues(self, earlier: "Prompt") -> bool:
        """Whether it begins with everything that an earlier request said, under the same parameters, and says more."""
        longer = len(self.messages) > len(earlier.messages) > 0
        return longer and self.parameters == earlier.parameters and self.messages.startswith(earlier.messages)


class DayRow(msgspec.Struct, frozen=True, kw_only=True):
    """What calls to one model came to on one day of UTC."""

    day: int
    """Days since 1970-01-01."""
    provider: str
    model: str
    """The model that answered, else the one that was asked; empty where nobody said."""
    calls: int
    errors: int
    tokens: TokenTotals
    cost: CostTotals

    def plus(self, other: "DayRow") -> "DayRow":
        """Both together, under this row's names."""
        return msgspec.structs.replace(
            self,
            calls=self.calls + other.calls,
            errors=self.errors + other.errors,
            tokens=TokenTotals(
                **{name: getattr(self.tokens, name) + getattr(other.tokens, name) for name in _TOKEN_FIELDS}
            ),
            cost=CostTotals(
                billed=self.cost.billed + other.cost.billed,
                estimated=self.cost.estimated + other.cost.estimated,
                unknown_calls=self.cost.unknown_calls + other.cost.unknown_calls,
            ),
        )


_TOKEN_FIELDS = TokenTotals.__struct_fields__
