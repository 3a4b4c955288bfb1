"""What has ended: calls in the order in which they did, for those who follow along."""

from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select

from kagura.model import Span, Status
from kagura.store.accounting import MODEL_KINDS
from kagura.store.database import Database
from kagura.store.questions import EndedQuery
from kagura.store.rows import to_span
from kagura.store.schema import NOT_COMPLETED, spans
from kagura.store.values import to_pico


class Ended(Database):
    """Spans that are over."""

    def latest_ended(self, query: EndedQuery, limit: int) -> list[Span]:
        """The latest of them, in the order in which they ended."""
        chosen = _chosen(query).order_by(spans.c.started_at.desc(), spans.c.id).limit(limit)
        return self._ended(chosen)

    def ended_since(self, query: EndedQuery, *, started: int, ended: int, limit: int = 1000) -> list[Span]:
        """Those that began at or after `started` and ended at or after `ended`, in the order in which they did."""
        chosen = _chosen(query).where(spans.c.started_at >= started, spans.c.ended_at >= ended)
        return self._ended(chosen.order_by(spans.c.ended_at, spans.c.id).limit(limit))

    def oldest_running(self, since: int) -> int | None:
        """When the oldest span began that still runs, of those begun at or after `since`."""
        running = select(func.min(spans.c.started_at)).where(
            NOT_COMPLETED, spans.c.status == Status.RUNNING.value, spans.c.started_at >= since
        )
        with self.reading() as connection:
            return connection.execute(running).scalar()

    def _ended(self, statement: Select[Any]) -> list[Span]:
        with self.reading() as connection:
            found = [to_span(row) for row in connection.execute(statement).mappings()]
        return sorted(found, key=lambda span: (span.ended_at or 0, span.id))


def _chosen(query: EndedQuery) -> Select[Any]:
    conditions: list[ColumnElement[bool]] = [spans.c.ended_at.is_not(None)]
    if not query.every_kind:
        conditions.append(spans.c.kind.in_(MODEL_KINDS))
    if query.agent is not None:
        conditions.append(spans.c.agent == query.agent)
    if query.session is not None:
        conditions.append(or_(spans.c.session_id == query.session, spans.c.execution_id == query.session))
    if query.model is not None:
        names = (spans.c.request_model, spans.c.response_model)
        conditions.append(or_(*(name.icontains(query.model, autoescape=True) for name in names)))
    if query.errors:
        conditions += [NOT_COMPLETED, spans.c.status == Status.FAILED.value]
    if query.min_cost is not None:
        conditions.append(spans.c.cost >= to_pico(query.min_cost))
    if query.min_duration is not None:
        conditions.append(spans.c.ended_at - spans.c.started_at >= query.min_duration)
    return select(spans).where(*conditions)
