"""What one span adds to the sums of its execution and of its slot.

The same functions read a new row and the row it replaces, so that adding the one and taking off the other keeps every
sum exactly what counting all spans afresh would give. Calls to models are counted as steps: a further attempt of one
is a retry, and only its tokens, time and cost are added.
"""

import operator
from collections.abc import Iterator, Sequence

import msgspec

from kagura.model import SpanKind, Status
from kagura.store.rows import Columns
from kagura.store.schema import DAY, SLOT
from kagura.store.values import from_json, to_key

_AGENT, _TOOL = SpanKind.AGENT.value, SpanKind.TOOL.value
_RUNNING, _FAILED = Status.RUNNING.value, Status.FAILED.value

MODEL_KINDS = (SpanKind.LLM.value, SpanKind.EMBEDDING.value)
"""Kinds of span that are calls to a model."""

REQUESTED = "tool_request"
"""The kind under which a slot counts the tools that models asked for."""


class _Named(msgspec.Struct):
    """As much of a tool call as is counted."""

    name: str


Sums = tuple[int, ...]
SlotKey = tuple[int, str, str, str, str]
"""slot, agent, provider, kind, and the name: the model of a call, the tool of a tool call, else empty."""

EXECUTION_SUMS = (
    "spans",
    "running_spans",
    "llm_calls",
    "retries",
    "running_calls",
    "tool_calls",
    "tool_requests",
    "errors",
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "cost_billed",
    "cost_estimated",
    "unknown_cost_calls",
)

SLOT_KEY = ("slot", "agent", "provider", "kind", "name")
SLOT_SUMS = (
    "calls",
    "retries",
    "running",
    "errors",
    "duration",
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "cost_billed",
    "cost_estimated",
    "unknown_cost_calls",
)

ACCOUNTED = (
    "id",
    "execution_id",
    "kind",
    "name",
    "agent",
    "status",
    "started_at",
    "ended_at",
    "attempt",
    "provider",
    "request_model",
    "response_model",
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "cost",
    "cost_estimated",
    "cost_unknown",
    "tool_calls",
)
"""The columns of `spans` that the functions here read."""

NO_EXECUTION_SUMS: Sums = (0,) * len(EXECUTION_SUMS)
NO_SLOT_SUMS: Sums = (0,) * len(SLOT_SUMS)


def day_key(key: SlotKey) -> SlotKey:
    """The key in `usage_days` of a key of `usage_slots`."""
    return key[0] * SLOT // DAY, *key[1:]


def add(sums: Sums, more: Sequence[int], sign: int = 1) -> Sums:
    """`sums` with `more` added, or taken off with `sign=-1`."""
    return tuple(map(operator.add if sign > 0 else operator.sub, sums, more))


def model_of(row: Columns) -> str | None:
    """The model that answered, else the one that was asked."""
    model: str | None = row["response_model"] or row["request_model"]
    return model


def requested_tools(row: Columns) -> list[str]:
    """Names of the tools that a call asked for, once for each time."""
    if row["tool_calls"] is None:
        return []
    return [to_key(call.name) for call in from_json(row["tool_calls"], list[_Named], [])]


def _money(row: Columns) -> Sums:
    """Billed and estimated pico-dollars, and whether the cost is unknown.

    An agent span may repeat the sum of its calls, so its own cost is never counted.
    """
    if row["kind"] == _AGENT:
        return 0, 0, 0
    cost = row["cost"] or 0
    return (0, cost, row["cost_unknown"]) if row["cost_estimated"] else (cost, 0, row["cost_unknown"])


def execution_sums(row: Columns) -> Sums:
    """What a row of `spans` adds to its execution, in the order of `EXECUTION_SUMS`."""
    is_call = row["kind"] in MODEL_KINDS
    runs = row["status"] == _RUNNING
    again = row["attempt"] > 1
    return (
        1,
        int(runs),
        int(is_call and not again),
        int(is_call and again),
        int(is_call and runs),
        int(row["kind"] == _TOOL),
        len(requested_tools(row)),
        int(row["status"] == _FAILED),
        (row["input_tokens"] or 0) if is_call else 0,
        (row["cache_read_tokens"] or 0) if is_call else 0,
        (row["cache_write_tokens"] or 0) if is_call else 0,
        (row["output_tokens"] or 0) if is_call else 0,
        (row["reasoning_tokens"] or 0) if is_call else 0,
        *_money(row),
    )


def is_charged(row: Columns) -> bool:
    """Whether a row of `spans` has a part in what is counted and paid: a call to a model, or what costs something."""
    kind = row["kind"]
    return kind in MODEL_KINDS or (kind != _AGENT and (row["cost"] is not None or row["cost_unknown"] > 0))


def slot_entries(row: Columns) -> Iterator[tuple[SlotKey, Sums]]:
    """What a row of `spans` adds to `usage_slots`: keys, each with sums in the order of `SLOT_SUMS`."""
    kind = row["kind"]
    is_call = kind in MODEL_KINDS
    name = model_of(row) if is_call else to_key(row["name"]) if kind == _TOOL else None
    slot = row["started_at"] // SLOT
    ended_at = row["ended_at"]
    again = is_call and row["attempt"] > 1
    sums = (
        int(not again),
        int(again),
        int(row["status"] == _RUNNING),
        int(row["status"] == _FAILED),
        0 if ended_at is None else ended_at - row["started_at"],
        (row["input_tokens"] or 0) if is_call else 0,
        (row["cache_read_tokens"] or 0) if is_call else 0,
        (row["cache_write_tokens"] or 0) if is_call else 0,
        (row["output_tokens"] or 0) if is_call else 0,
        (row["reasoning_tokens"] or 0) if is_call else 0,
        *_money(row),
    )
    yield (slot, row["agent"], row["provider"] or "", kind, name or ""), sums
    for tool in requested_tools(row):
        yield (slot, row["agent"], "", REQUESTED, tool), (1, *NO_SLOT_SUMS[1:])
