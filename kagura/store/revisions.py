"""Calls to read or price anew, the figures that they had before, and what a day cost by model."""

import difflib
from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, and_, or_, select

from kagura.model import Cost, Span, Status, Usage
from kagura.store.accounting import MODEL_KINDS
from kagura.store.batch import Revision
from kagura.store.database import Database
from kagura.store.rows import to_cost_totals, to_span, to_token_totals
from kagura.store.schema import span_revisions, spans, usage_days
from kagura.store.statements import upsert
from kagura.store.values import from_json, to_json, to_key
from kagura.store.views import DayRow

PAGE = 500
"""Calls of one page: with contents beside them, they fit into memory."""

FOUND = 5
RECENT = 500
LAST_CHARACTER = "\U0010ffff"


class Revisions(Database):
    """What `kagura reprocess` and the commands that prove a bill ask of the store."""

    def ended_calls(self, since: int | None = None, until: int | None = None) -> Iterator[list[Span]]:
        """Calls of models and to providers that began in [since, until) and have ended, the oldest first, in pages."""
        after: tuple[int, str] | None = None
        while True:
            statement = (
                select(spans)
                .where(
                    or_(spans.c.provider.is_not(None), spans.c.kind.in_(MODEL_KINDS)),
                    spans.c.status != Status.RUNNING.value,
                )
                .order_by(spans.c.started_at, spans.c.id)
                .limit(PAGE)
            )
            if since is not None:
                statement = statement.where(spans.c.started_at >= since)
            if until is not None:
                statement = statement.where(spans.c.started_at < until)
            if after is not None:
                at, last = after
                later = or_(spans.c.started_at > at, and_(spans.c.started_at == at, spans.c.id > last))
                statement = statement.where(spans.c.started_at >= at, later)
            with self.reading() as connection:
                page = [to_span(row) for row in connection.execute(statement).mappings()]
            if page:
                yield page
                after = (page[-1].started_at, page[-1].id)
            if len(page) < PAGE:
                return

    def revisions(self, span_id: str) -> list[Revision]:
        """The former figures of a call, the oldest first."""
        statement = select(span_revisions).where(span_revisions.c.span_id == span_id)
        with self.reading() as connection:
            rows = connection.execute(statement.order_by(span_revisions.c.revised_at)).mappings().all()
        return [
            Revision(
                span_id=row["span_id"],
                revised_at=row["revised_at"],
                reason=row["reason"],
                usage=from_json(row["usage"], Usage | None, None),  # type: ignore[arg-type]
                cost=from_json(row["cost"], Cost | None, None),  # type: ignore[arg-type]
            )
            for row in rows
        ]

    def days(self, first: int, last: int) -> list[DayRow]:
        """What model calls came to by day of UTC, provider and model, from day `first` to `last` since the epoch."""
        statement = select(usage_days).where(
            usage_days.c.slot >= first, usage_days.c.slot <= last, usage_days.c.kind.in_(MODEL_KINDS)
        )
        with self.reading() as connection:
            rows = connection.execute(statement).mappings().all()
        found: dict[tuple[int, str, str], DayRow] = {}
        for row in rows:
            day = DayRow(
                day=row["slot"],
                provider=row["provider"],
                model=row["name"],
                calls=int(row["calls"]),
                errors=int(row["errors"]),
                tokens=to_token_totals(row),
                cost=to_cost_totals(row),
            )
            key = (day.day, day.provider, day.model)
            found[key] = found[key].plus(day) if key in found else day
        return [found[key] for key in sorted(found)]

    def find_calls(self, id_or_prefix: str) -> list[Span]:
        """The call of that id, else those whose id begins so (at most `FOUND`, the latest first)."""
        wanted = id_or_prefix.strip().lower()
        called = select(spans).where(spans.c.provider.is_not(None))
        begun = called.where(spans.c.id >= wanted, spans.c.id < wanted + LAST_CHARACTER)
        with self.reading() as connection:
            rows = connection.execute(called.where(spans.c.id == wanted)).mappings().all()
            if not rows:
                rows = connection.execute(begun.order_by(spans.c.started_at.desc()).limit(FOUND)).mappings().all()
        return [to_span(row) for row in rows]

    def near_call_ids(self, text: str) -> list[str]:
        """Up to three ids of recent calls that look like `text`, for "did you mean"."""
        statement = select(spans.c.id).where(spans.c.provider.is_not(None)).order_by(spans.c.started_at.desc())
        with self.reading() as connection:
            recent = list(connection.execute(statement.limit(RECENT)).scalars())
        wanted = text.strip().lower()
        containing = [key for key in recent if wanted and wanted in key]
        similar = difflib.get_close_matches(wanted, recent, n=3, cutoff=0.5)
        return list(dict.fromkeys([*containing, *similar]))[:3]


def write_revisions(connection: Connection, given: Sequence[Revision]) -> None:
    """Store the former figures of spans; what was noted for an instant stays."""
    rows = [
        {
            "span_id": to_key(revision.span_id),
            "revised_at": revision.revised_at,
            "reason": revision.reason,
            "usage": None if revision.usage is None else to_json(revision.usage),
            "cost": None if revision.cost is None else to_json(revision.cost),
        }
        for revision in given
    ]
    if rows:
        connection.execute(upsert(connection, span_revisions), rows)
