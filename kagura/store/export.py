"""Spans and executions as the JSON objects of `kagura export`, streamed in constant memory."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Select, Table, and_, exists, func, or_, select

from kagura.model import JsonObject, Span, SpanKind, Status
from kagura.store.batch import SpanContents
from kagura.store.database import Database
from kagura.store.rows import Columns, to_execution, to_span
from kagura.store.schema import execution_tags, executions, span_tags, spans
from kagura.store.values import to_key
from kagura.store.views import ExecutionRow

PAGE = 1000
"""Rows that are in memory at a time; each page is a transaction of its own, so that a long export holds nothing up."""

_Row = TypeVar("_Row", Span, ExecutionRow)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """Which spans or executions are exported: all, unless something is said; all that is said must hold."""

    since: int | None = None
    until: int | None = None
    """Begun in [since, until)."""
    agent: str | None = None
    execution_id: str | None = None
    status: str | None = None
    session_id: str | None = None
    user: str | None = None
    tags: tuple[tuple[str, str | None], ...] = ()
    """Names with their values, or with `None` for any; a span has those of its execution too."""
    kind: str | None = None
    provider: str | None = None
    model: str | None = None
    """The model that was asked, or the one that answered."""

    @property
    def of_spans_only(self) -> bool:
        """Whether something is asked that no execution has."""
        return any(part is not None for part in (self.kind, self.provider, self.model))


EVERYTHING = Chosen()


After = tuple[int, str]
"""Start and id of the last row of a page."""


class Pages:
    """Everything, row by row, wherever the pages come from."""

    def span_page(self, chosen: Chosen, after: After | None = None) -> list[Span]:
        """The spans that follow, by start; fewer than `PAGE` are the last ones."""
        raise NotImplementedError

    def execution_page(self, chosen: Chosen, after: After | None = None) -> list[ExecutionRow]:
        """The same of executions."""
        raise NotImplementedError

    def span_contents(self, span_id: str) -> SpanContents | None:
        """What a call sent and got; `None` where nothing was kept."""
        raise NotImplementedError

    def export_spans(self, chosen: Chosen = EVERYTHING, *, content: bool = False) -> Iterator[JsonObject]:
        """Spans by start, as JSON objects; times are ISO 8601 in UTC with microseconds.

        With `content`, each has what was said in it besides.
        """
        for page in self.span_pages(chosen):
            for span in page:
                yield span_object(span) | (content_object(span, self.span_contents(span.id)) if content else {})

    def export_executions(self, chosen: Chosen = EVERYTHING) -> Iterator[JsonObject]:
        """Executions by start, as JSON objects."""
        for page in self.execution_pages(chosen):
            yield from map(execution_object, page)

    def span_pages(self, chosen: Chosen = EVERYTHING) -> Iterator[list[Span]]:
        """Spans by start, a page at a time."""
        return _pages(self.span_page, chosen)

    def execution_pages(self, chosen: Chosen = EVERYTHING) -> Iterator[list[ExecutionRow]]:
        """Executions by start, a page at a time."""
        return _pages(self.execution_page, chosen)


def _pages(page: Callable[[Chosen, After | None], list[_Row]], chosen: Chosen) -> Iterator[list[_Row]]:
    after = None
    while rows := page(chosen, after):
        yield rows
        if len(rows) < PAGE:
            return
        after = (rows[-1].started_at, rows[-1].id)


class Export(Pages, Database):
    """The pages of a database."""

    def span_page(self, chosen: Chosen, after: After | None = None) -> list[Span]:
        """As in `Pages`."""
        return [to_span(row) for row in self._page(spans, chosen, after)]

    def execution_page(self, chosen: Chosen, after: After | None = None) -> list[ExecutionRow]:
        """As in `Pages`."""
        return [to_execution(row) for row in self._page(executions, chosen, after)]

    def number_of_spans(self, chosen: Chosen = EVERYTHING) -> int:
        """How many spans are chosen."""
        return self._number(spans, chosen)

    def number_of_executions(self, chosen: Chosen = EVERYTHING) -> int:
        """How many executions are chosen."""
        return self._number(executions, chosen)

    def _number(self, table: Table, chosen: Chosen) -> int:
        with self.reading() as connection:
            counted = select(func.count()).select_from(table).where(*_conditions(table, chosen))
            return int(connection.execute(counted).scalar_one())

    def _page(self, table: Table, chosen: Chosen, after: After | None) -> Sequence[Columns]:
        statement: Select[Any] = select(table).where(*_conditions(table, chosen))
        if after:
            at, key = after
            behind = or_(table.c.started_at > at, and_(table.c.started_at == at, table.c.id > key))
            statement = statement.where(table.c.started_at >= at, behind)
        with self.reading() as connection:
            return connection.execute(statement.order_by(table.c.started_at, table.c.id).limit(PAGE)).mappings().all()


def _conditions(table: Table, chosen: Chosen) -> list[ColumnElement[bool]]:
    own = {"agent": chosen.agent, "status": chosen.status, "session_id": chosen.session_id, "user": chosen.user}
    own["id" if table is executions else "execution_id"] = chosen.execution_id
    if table is spans:
        own |= {"kind": chosen.kind, "provider": chosen.provider}
    found = [table.c[name] == to_key(value) for name, value in own.items() if value is not None]
    if chosen.since is not None:
        found.append(table.c.started_at >= chosen.since)
    if chosen.until is not None:
        found.append(table.c.started_at < chosen.until)
    if chosen.model is not None and table is spans:
        model = to_key(chosen.model)
        found.append(or_(spans.c.request_model == model, spans.c.response_model == model))
    found.extend(_tagged(table, to_key(name), value) for name, value in chosen.tags)
    return found


def _tagged(table: Table, name: str, value: str | None) -> ColumnElement[bool]:
    """That a row, or a span's execution, bears a tag."""

    def bears(tags: Table, key: ColumnElement[str], id: ColumnElement[str]) -> ColumnElement[bool]:
        wanted = [key == id, tags.c.key == name]
        return exists().where(*wanted, *([] if value is None else [tags.c.value == to_key(value)]))

    if table is executions:
        return bears(execution_tags, execution_tags.c.execution_id, executions.c.id)
    return or_(
        bears(span_tags, span_tags.c.span_id, spans.c.id),
        bears(execution_tags, execution_tags.c.execution_id, spans.c.execution_id),
    )


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


CONTENT_FIELDS = ("input_messages", "parameters", "output_messages", "input_preview", "output_preview")


def content_object(span: Span, kept: SpanContents | None) -> JsonObject:
    """What was said in a span: whole where it is kept, else the first words."""
    return {
        "input_messages": [_said(part) for part in kept.inputs] if kept else [],
        "parameters": _said(kept.parameters) if kept and kept.parameters else None,
        "output_messages": [_said(part) for part in kept.outputs] if kept else [],
        "input_preview": span.input_preview,
        "output_preview": span.output_preview,
    }


def _said(part: bytes) -> Any:
    try:
        return msgspec.json.decode(part)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return part.decode("utf-8", "replace")


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


SPAN_FIELDS = tuple(
    span_object(
        Span(id="", execution_id="", kind=SpanKind.SPAN, name="", agent="", status=Status.COMPLETED, started_at=0)
    )
)
EXECUTION_FIELDS = tuple(execution_object(ExecutionRow(id="", agent="", status=Status.COMPLETED, started_at=0)))
