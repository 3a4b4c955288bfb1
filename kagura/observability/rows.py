"""Executions and spans as the dictionaries of the query interface: seconds as floats, money as Decimal."""

from typing import Any

from kagura.model import Cost, CostSource, Execution, JsonObject, Span, SpanKind, Status, Usage, now_us
from kagura.store import ExecutionRow, Metric

_TYPES = {SpanKind.LLM: "llm_call", SpanKind.TOOL: "tool_call"}
_EVENT, _DATA = "event", "data"
"""Attributes of a span that hold an event as it was given."""


def execution_dict(row: ExecutionRow) -> dict[str, Any]:
    """An execution; the `duration` of a running one is what it took so far, `cost` what providers are known to bill."""
    return {
        "id": row.id,
        "agent_name": row.agent,
        "started_at": row.started_at / 1e6,
        "ended_at": None if row.ended_at is None else row.ended_at / 1e6,
        "duration": ((row.ended_at or now_us()) - row.started_at) / 1e6,
        "status": row.status.value,
        "error": row.error,
        "cost": row.cost.billed,
        "estimated_cost": row.cost.estimated,
        "unknown_cost_calls": row.cost.unknown_calls,
        "llm_calls": row.llm_calls,
        "tool_calls": row.tool_calls,
        "errors": row.errors,
        "input_tokens": row.tokens.input,
        "output_tokens": row.tokens.output,
        "kwargs": row.attributes.get("kwargs", {}),
        "tags": row.tags,
        "attributes": {name: value for name, value in row.attributes.items() if name != "kwargs"},
        "session_id": row.session_id,
        "user": row.user,
        "parent_execution_id": row.parent_execution_id,
        "source": row.source,
    }


def event_dict(span: Span) -> dict[str, Any]:
    """A span as an event: `type`, `timestamp` (its end) and `data`."""
    timestamp = (span.started_at if span.ended_at is None else span.ended_at) / 1e6
    if _EVENT in span.attributes:
        return {"type": span.attributes[_EVENT], "timestamp": timestamp, "data": span.attributes.get(_DATA) or {}}
    data: dict[str, Any] = {"name": span.name, "status": span.status.value, "error": span.error}
    data["duration"] = None if span.duration is None else span.duration / 1e6
    if span.kind is SpanKind.LLM:
        usage, cost = span.usage or Usage(), span.cost or Cost()
        data |= {
            "model": span.response_model or span.request_model,
            "prompt_tokens": usage.input,
            "completion_tokens": usage.output,
            "cost": cost.total,
        }
    elif span.kind is SpanKind.TOOL:
        data["tool_name"] = span.name
    return {"type": _TYPES.get(span.kind, span.kind.value), "timestamp": timestamp, "data": data}


def execution_from(record: JsonObject) -> Execution:
    """The execution in a record of `EventStore.save_execution`."""
    ended_at = record.get("ended_at")
    status = record.get("status") or ("running" if ended_at is None else "completed")
    kwargs = record.get("kwargs") or {}
    return Execution(
        id=str(record["id"]),
        agent=str(record.get("agent_name") or "default"),
        status=Status(status),
        started_at=_us(record["started_at"]),
        ended_at=None if ended_at is None else _us(ended_at),
        source="sdk",
        declared=True,
        error=record.get("error"),
        tags={str(name): str(value) for name, value in (record.get("tags") or {}).items()},
        attributes={"kwargs": kwargs} if kwargs else {},
    )


def span_from(event: JsonObject, execution: Execution, id: str) -> Span:
    """The span of an event that ended when it was recorded, and took as long as it says."""
    kind = {name: kind for kind, name in _TYPES.items()}.get(event["type"], SpanKind.SPAN)
    data: JsonObject = event.get("data") or {}
    ended_at = _us(event["timestamp"])
    duration = data.get("duration")
    span = Span(
        id=id,
        execution_id=execution.id,
        execution_source="sdk",
        kind=kind,
        name=str(data.get("tool_name") or event["type"]),
        agent=execution.agent,
        status=Status.COMPLETED,
        started_at=ended_at - (_us(duration) if isinstance(duration, int | float) else 0),
        ended_at=ended_at,
        attributes={_EVENT: event["type"], _DATA: data},
    )
    if kind is SpanKind.LLM:
        _complete_call(span, data)
    return span


def _complete_call(span: Span, data: JsonObject) -> None:
    from kagura.store.values import to_decimal

    span.request_model = span.response_model = data.get("model")
    span.name = f"chat {data['model']}" if data.get("model") else "chat"
    span.usage = Usage(input=data.get("prompt_tokens"), output=data.get("completion_tokens"))
    cost = data.get("cost")
    total = None if cost is None else to_decimal(str(cost))
    span.usage.provider_cost = total
    span.cost = Cost(total=total, source=None if total is None else CostSource.PROVIDER)


def metric_values(metrics: list[Metric]) -> dict[str, float]:
    """The last value of each number."""
    return {metric.name: metric.value for metric in metrics}


def _us(seconds: float) -> int:
    return round(seconds * 1_000_000)
