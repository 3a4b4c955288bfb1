"""Spans and executions as rows, and back. A damaged field of a row reads as its default and breaks nothing else."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeVar

from sqlalchemy import RowMapping

from kagura.model import (
    Cost,
    CostLine,
    CostSource,
    Execution,
    Span,
    SpanKind,
    Status,
    ToolCall,
    Usage,
    UsageSource,
)
from kagura.store.values import (
    clean,
    from_json,
    from_pico,
    to_decimal,
    to_integer,
    to_json,
    to_key,
    to_optional_key,
    to_pico,
    to_text,
)
from kagura.store.views import CostTotals, ExecutionRow, TokenTotals

Row = dict[str, Any]
Columns = Mapping[str, Any] | RowMapping

PREVIEW = 200
"""Characters of a question that an execution keeps."""

_NO_USAGE: Row = dict.fromkeys(
    (
        "input_tokens",
        "cache_read_tokens",
        "cache_write_tokens",
        "cache_write_1h_tokens",
        "output_tokens",
        "reasoning_tokens",
        "audio_input_tokens",
        "audio_output_tokens",
        "audio_cache_read_tokens",
        "image_input_tokens",
        "image_output_tokens",
        "usage_units",
        "usage_source",
        "provider_cost",
        "service_tier",
        "usage_raw",
    )
)
_NO_COST: Row = dict.fromkeys(
    ("cost", "cost_source", "cost_estimated", "price_model", "price_version", "cost_lines"), None
) | {"cost_unknown": 0}
_COST_UNKNOWN = _NO_COST | {"cost_unknown": 1}
E = TypeVar("E", SpanKind, Status, CostSource, UsageSource)


def span_row(span: Span) -> Row:
    """A span as its row of `spans`."""
    return {
        "id": to_key(span.id),
        "execution_id": to_key(span.execution_id),
        "kind": str(span.kind),
        "name": clean(span.name),
        "agent": to_key(span.agent),
        "status": str(span.status),
        "started_at": span.started_at,
        "ended_at": span.ended_at,
        "parent_id": to_text(span.parent_id),
        "trace_id": to_text(span.trace_id),
        "execution_source": span.execution_source,
        "session_id": to_optional_key(span.session_id),
        "user": to_text(span.user),
        "time_to_first_chunk": span.time_to_first_chunk,
        "error": to_text(span.error),
        "error_type": to_text(span.error_type),
        "inferred": int(span.inferred),
        "provider": to_optional_key(span.provider),
        "endpoint": to_text(span.endpoint),
        "request_model": to_optional_key(span.request_model),
        "response_model": to_optional_key(span.response_model),
        "response_id": to_text(span.response_id),
        "stream": None if span.stream is None else int(span.stream),
        "http_status": span.http_status,
        "outcome": span.outcome and str(span.outcome),
        "attempt": span.attempt,
        "first_attempt_id": to_optional_key(span.first_attempt_id),
        **_usage_columns(span.usage),
        **_cost_columns(span),
        "finish_reason": to_text(span.finish_reason),
        "tool_calls": to_json(span.tool_calls),
        "input_preview": to_text(span.input_preview),
        "output_preview": to_text(span.output_preview),
        "tags": to_json(span.tags),
        "attributes": to_json(span.attributes),
    }


def _usage_columns(usage: Usage | None) -> Row:
    if usage is None:
        return _NO_USAGE
    return {
        "input_tokens": to_integer(usage.input),
        "cache_read_tokens": to_integer(usage.cache_read),
        "cache_write_tokens": to_integer(usage.cache_write),
        "cache_write_1h_tokens": to_integer(usage.cache_write_1h),
        "output_tokens": to_integer(usage.output),
        "reasoning_tokens": to_integer(usage.reasoning),
        "audio_input_tokens": to_integer(usage.audio_input),
        "audio_output_tokens": to_integer(usage.audio_output),
        "audio_cache_read_tokens": to_integer(usage.audio_cache_read),
        "image_input_tokens": to_integer(usage.image_input),
        "image_output_tokens": to_integer(usage.image_output),
        "usage_units": to_json(usage.units),
        "usage_source": str(usage.source),
        "provider_cost": None if usage.provider_cost is None else str(usage.provider_cost),
        "service_tier": to_text(usage.service_tier),
        "usage_raw": to_json(usage.raw),
    }


def _cost_columns(span: Span) -> Row:
    cost = span.cost
    if cost is None:
        return _COST_UNKNOWN if _costs_something(span) else _NO_COST
    pico = to_pico(cost.total)
    return {
        "cost": pico,
        "cost_source": None if cost.source is None else str(cost.source),
        "cost_estimated": int(cost.estimated),
        "cost_unknown": int(pico is None and _costs_something(span)),
        "price_model": to_text(cost.price_model),
        "price_version": to_text(cost.price_version),
        "cost_lines": to_json(cost.lines),
    }


def _costs_something(span: Span) -> bool:
    """Whether a call without a price tag may still appear on a bill.

    A call that failed without any usage was not billed; one without a `Cost` was never meant to be priced, unless it
    was cut off before anybody could.
    """
    if span.status is Status.RUNNING or span.kind not in (SpanKind.LLM, SpanKind.EMBEDDING):
        return False
    if span.status is Status.FAILED and span.usage is None:
        return False
    return span.cost is not None or span.status is Status.INTERRUPTED


def to_span(row: Columns) -> Span:
    """The span of a row of `spans`."""
    return Span(
        id=row["id"],
        execution_id=row["execution_id"],
        kind=member(SpanKind, row["kind"], SpanKind.SPAN),
        name=row["name"],
        agent=row["agent"],
        status=member(Status, row["status"], Status.COMPLETED),
        started_at=row["started_at"],
        parent_id=row["parent_id"],
        trace_id=row["trace_id"],
        execution_source=row["execution_source"],
        session_id=row["session_id"],
        user=row["user"],
        ended_at=row["ended_at"],
        time_to_first_chunk=row["time_to_first_chunk"],
        error=row["error"],
        error_type=row["error_type"],
        inferred=bool(row["inferred"]),
        provider=row["provider"],
        endpoint=row["endpoint"],
        request_model=row["request_model"],
        response_model=row["response_model"],
        response_id=row["response_id"],
        stream=None if row["stream"] is None else bool(row["stream"]),
        http_status=row["http_status"],
        outcome=row["outcome"],
        attempt=row["attempt"],
        first_attempt_id=row["first_attempt_id"],
        usage=_to_usage(row),
        cost=_to_cost(row),
        finish_reason=row["finish_reason"],
        tool_calls=from_json(row["tool_calls"], list[ToolCall], []),
        input_preview=row["input_preview"],
        output_preview=row["output_preview"],
        tags=from_json(row["tags"], dict[str, str], {}),
        attributes=from_json(row["attributes"], dict[str, Any], {}),
    )


def _to_usage(row: Columns) -> Usage | None:
    if row["usage_source"] is None:
        return None
    return Usage(
        input=row["input_tokens"],
        output=row["output_tokens"],
        cache_read=row["cache_read_tokens"],
        cache_write=row["cache_write_tokens"],
        cache_write_1h=row["cache_write_1h_tokens"],
        reasoning=row["reasoning_tokens"],
        audio_input=row["audio_input_tokens"],
        audio_output=row["audio_output_tokens"],
        audio_cache_read=row["audio_cache_read_tokens"],
        image_input=row["image_input_tokens"],
        image_output=row["image_output_tokens"],
        units=from_json(row["usage_units"], dict[str, Decimal], {}),
        source=member(UsageSource, row["usage_source"], UsageSource.ESTIMATED),
        provider_cost=to_decimal(row["provider_cost"]),
        service_tier=row["service_tier"],
        raw=from_json(row["usage_raw"], Any, None),
    )


def _to_cost(row: Columns) -> Cost | None:
    if row["cost_estimated"] is None:
        return None
    return Cost(
        total=None if row["cost"] is None else from_pico(row["cost"]),
        source=None if row["cost_source"] is None else member(CostSource, row["cost_source"], CostSource.CATALOG),
        lines=from_json(row["cost_lines"], list[CostLine], []),
        price_model=row["price_model"],
        price_version=row["price_version"],
        estimated=bool(row["cost_estimated"]),
    )


def to_execution(row: Columns) -> ExecutionRow:
    """The execution of a row of `executions`."""
    return ExecutionRow(
        id=row["id"],
        agent=row["agent"],
        status=member(Status, row["status"], Status.COMPLETED),
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        source=row["source"],
        declared=bool(row["declared"]),
        parent_execution_id=row["parent_execution_id"],
        session_id=row["session_id"],
        user=row["user"],
        error=row["error"],
        tags=from_json(row["tags"], dict[str, str], {}),
        attributes=from_json(row["attributes"], dict[str, Any], {}),
        llm_calls=row["llm_calls"],
        retries=row["retries"],
        running_calls=row["running_calls"],
        tool_calls=row["tool_calls"] or row["tool_requests"],
        errors=row["errors"],
        spans=row["spans"],
        tokens=TokenTotals(input=row["input_tokens"], output=row["output_tokens"], cache_read=row["cache_read_tokens"]),
        cost=to_cost_totals(row),
        last_activity_at=row["last_activity_at"],
        preview=row["preview"],
    )


def to_cost_totals(row: Columns) -> CostTotals:
    """The money of a row that has `cost_billed`, `cost_estimated` and `unknown_cost_calls`."""
    return CostTotals(
        billed=from_pico(row["cost_billed"]),
        estimated=from_pico(row["cost_estimated"]),
        unknown_calls=int(row["unknown_cost_calls"] or 0),
    )


def to_token_totals(row: Columns) -> TokenTotals:
    """The tokens of a row of sums over `usage_slots`."""
    return TokenTotals(
        input=int(row["input_tokens"] or 0),
        output=int(row["output_tokens"] or 0),
        cache_read=int(row["cache_read_tokens"] or 0),
        cache_write=int(row["cache_write_tokens"] or 0),
        reasoning=int(row["reasoning_tokens"] or 0),
    )


def blank_execution(execution: Execution) -> Row:
    """A new row of `executions` with nothing counted yet."""
    return {
        "id": to_key(execution.id),
        "agent": to_key(execution.agent),
        "status": execution.status.value,
        "started_at": execution.started_at,
        "ended_at": None,
        "source": None,
        "declared": 0,
        "parent_execution_id": None,
        "session_id": None,
        "user": None,
        "error": None,
        "tags": None,
        "attributes": None,
        "preview": None,
        "preview_at": None,
        "last_activity_at": execution.started_at,
        "last_call_at": None,
        "last_call_id": None,
        "last_call_status": None,
        "last_call_weight": 0,
        "call_tags": None,
        "mixed": 0,
    }


def member(kind: type[E], value: str, default: E) -> E:
    """The member of an enumeration that a stored text names; `default` for a text that names none."""
    try:
        return kind(value)
    except ValueError:
        return default
