"""Which spans and executions turned out to be others: a call seen twice, a trace that belongs to a named run."""

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, select

from kagura.model import Span, now_us
from kagura.store.accounting import MODEL_KINDS
from kagura.store.batch import Alias
from kagura.store.database import Database
from kagura.store.rows import to_span
from kagura.store.schema import aliases, spans
from kagura.store.statements import groups, upsert
from kagura.store.values import to_key


class Aliases(Database):
    """Looks aliases up, and the spans that they concern."""

    def aliases(self, ids: Iterable[str]) -> dict[str, Alias]:
        """What these ids stand for; those that stand for themselves are left out."""
        found: dict[str, Alias] = {}
        with self.reading() as connection:
            for group in groups(map(to_key, ids)):
                rows = connection.execute(select(aliases).where(aliases.c.id.in_(group)))
                found |= {row.id: Alias(row.target, row.rank) for row in rows}
        return found

    def has_aliases(self) -> bool:
        """Whether any id stands for another."""
        with self.reading() as connection:
            return connection.execute(select(aliases.c.id).limit(1)).first() is not None

    def spans_since(self, execution_id: str, since: int = 0) -> list[Span]:
        """The spans of an execution that began at `since` or later, by start."""
        own = spans.c.execution_id == to_key(execution_id), spans.c.started_at >= since
        with self.reading() as connection:
            rows = connection.execute(select(spans).where(*own).order_by(spans.c.started_at, spans.c.id))
            return [to_span(row) for row in rows.mappings()]

    def calls_answered(self, response_ids: Iterable[str], since: int, until: int) -> list[Span]:
        """The calls that a relay saw, begun in [since, until], whose answer has one of the ids."""
        seen = spans.c.started_at >= since, spans.c.started_at <= until, spans.c.outcome.is_not(None)
        found: list[Span] = []
        with self.reading() as connection:
            for group in groups(response_ids):
                rows = connection.execute(select(spans).where(*seen, spans.c.response_id.in_(group)))
                found += [to_span(row) for row in rows.mappings()]
        return found

    def reported_calls(self, since: int, until: int) -> list[Span]:
        """The model calls begun in [since, until] that programs report and no relay saw."""
        told = (
            spans.c.started_at >= since,
            spans.c.started_at <= until,
            spans.c.outcome.is_(None),
            spans.c.inferred == 0,
        )
        with self.reading() as connection:
            rows = connection.execute(select(spans).where(*told, spans.c.kind.in_(MODEL_KINDS)))
            return [to_span(row) for row in rows.mappings()]


def write_aliases(connection: Connection, given: Mapping[str, Alias]) -> None:
    """Write aliases; a later word takes the place of an earlier one."""
    now = now_us()
    rows = [
        {"id": to_key(id), "target": to_key(alias.target), "rank": alias.rank, "at": now}
        for id, alias in sorted(given.items())
    ]
    if rows:
        connection.execute(upsert(connection, aliases, put=["target", "rank", "at"]), rows)
