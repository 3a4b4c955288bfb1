"""Spans and executions as the JSON objects of `kagura export`, streamed in constant memory."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, Table, and_, or_, select

from kagura.model import JsonObject, Span
from kagura.store.database import Database
from kagura.store.rows import to_execution, to_span
from kagura.store.schema import executions, spans
from kagura.store.views import ExecutionRow

PAGE = 1000
"""Rows that are in memory at a time; each page is a transaction of its own, so that a long export holds nothing up."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Export(Database):
    """Everything, row by row."""

    def export_spans(
        self,
        *,
        since: int | None = None,
        until: int | None = None,
        agent: str | None = None,
        execution_id: str | None = None,
    ) -> Iterator[JsonObject]:
        """Spans begun in [since, until), by start, as JSON objects; times are ISO 8601 in UTC with microseconds."""
        statement = _chosen(spans, since, until, agent)
        if execution_id is not None:
            statement = statement.where(spans.c.execution_id == execution_id)
        for row in self._pages(spans, statement):
            yield span_object(to_span(row))

    def export_executions(
        self, *, since: int | None = None, until: int | None = None, agent: str | None = None
    ) -> Iterator[JsonObject]:
        """Executions begun in [since, until), by start, as JSON objects."""
        for row in self._pages(executions, _chosen(executions, since, until, agent)):
            yield execution_object(to_execution(row))

    def _pages(self, table: Table, statement: Select[Any]) -> Iterator[Any]:
        statement = statement.order_by(table.c.started_at, table.c.id).limit(PAGE)
        page = statement
        while True:
            with self.reading() as connection:
                rows = connection.execute(page).mappings().all()
            yield from rows
            if len(rows) < PAGE:
                return
            at, key = rows[-1]["started_at"], rows[-1]["id"]
            behind = or_(table.c.started_at > at, and_(table.c.started_at == at, table.c.id > key))
            page = statement.where(table.c.started_at >= at, behind)


def _chosen(table: Table, since: int | None, until: int | None, agent: str | None) -> Select[Any]:
    statement = select(table)
    if since is not None:
        statement = statement.where(table.c.started_at >= since)
    if until is not None:
        statement = statement.where(table.c.started_at < until)
    if agent is not None:
        statement = statement.where(table.c.agent == agent)
    return statement


def span_object(span: Span) -> JsonObject:
    """A span as one JSON object, with the fields of `kagura export --format jsonl`."""
    usage, cost = span.usage, span.cost
    return {
        "id": span.id,
        "execution_id": span.execution_id,
        "execution_source": span.execution_source,
        "parent_id": span.parent_id,
        "trace_id": span.trace_id,
        "session_id": span.session_id,
        "user": span.user,
        "kind": span.kind.value,
        "name": span.name,
        "agent": span.agent,
        "status": span.status.value,
        "outcome": span.outcome,
        "error": span.error,
        "error_type": span.error_type,
        "inferred": span.inferred,
        "started_at": _iso(span.started_at),
        "ended_at": _iso(span.ended_at),
        "duration_ms": _ms(span.duration),
        "ttft_ms": _ms(span.time_to_first_chunk),
        "provider": span.provider,
        "endpoint": span.endpoint,
        "request_model": span.request_model,
        "response_model": span.response_model,
        "response_id": span.response_id,
        "stream": span.stream,
        "http_status": span.http_status,
        "input_tokens": usage and usage.input,
        "cache_read_tokens": usage and usage.cache_read,
        "cache_write_tokens": usage and usage.cache_write,
        "output_tokens": usage and usage.output,
        "reasoning_tokens": usage and usage.reasoning,
        "usage_source": usage and usage.source.value,
        "finish_reason": span.finish_reason,
        "tool_calls": [call.name for call in span.tool_calls],
        "cost_usd": _dollars(cost.total if cost else None),
        "cost_source": cost and cost.source and cost.source.value,
        "cost_estimated": cost and cost.estimated,
        "price_version": cost and cost.price_version,
        "attempt": span.attempt,
        "first_attempt_id": span.first_attempt_id,
        "tags": span.tags,
        "attributes": span.attributes,
    }


def execution_object(execution: ExecutionRow) -> JsonObject:
    """An execution as one JSON object."""
    return {
        "id": execution.id,
        "agent": execution.agent,
        "status": execution.status.value,
        "error": execution.error,
        "started_at": _iso(execution.started_at),
        "ended_at": _iso(execution.ended_at),
        "duration_ms": _ms(execution.duration),
        "source": execution.source,
        "parent_execution_id": execution.parent_execution_id,
        "session_id": execution.session_id,
        "user": execution.user,
        "llm_calls": execution.llm_calls,
        "retries": execution.retries,
        "tool_calls": execution.tool_calls,
        "errors": execution.errors,
        "input_tokens": execution.tokens.input,
        "cache_read_tokens": execution.tokens.cache_read,
        "output_tokens": execution.tokens.output,
        "cost_usd": _dollars(execution.cost.billed),
        "estimated_cost_usd": _dollars(execution.cost.estimated),
        "unknown_cost_calls": execution.cost.unknown_calls,
        "tags": execution.tags,
        "attributes": execution.attributes,
    }


def _iso(at: int | None) -> str | None:
    if at is None:
        return None
    return (_EPOCH + timedelta(microseconds=at)).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _ms(duration: int | None) -> float | None:
    return None if duration is None else duration / 1000


def _dollars(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:f}"
