"""Which calls may be tried again, and which answers may be fetched again."""

import hashlib
from collections.abc import Iterable

from sqlalchemy import select

from kagura.model import Span, Status
from kagura.store.database import Database
from kagura.store.rows import to_span
from kagura.store.schema import NOT_COMPLETED, results, spans
from kagura.store.statements import groups
from kagura.store.values import to_key


class Attempts(Database):
    """What tells a new call from one that is known."""

    def unfinished_spans(self, limit: int) -> list[Span]:
        """The latest spans that run, failed or were cut, at most `limit` of each, and all later attempts of these."""
        found: dict[str, Span] = {}
        with self.reading() as connection:
            for status in (Status.FAILED, Status.INTERRUPTED, Status.RUNNING):
                latest = (
                    select(spans)
                    .where(spans.c.status == status.value, NOT_COMPLETED)
                    .order_by(spans.c.started_at.desc())
                    .limit(limit)
                )
                found |= {row["id"]: to_span(row) for row in connection.execute(latest).mappings()}
            firsts = {span.first_attempt_id or span.id for span in found.values()}
            for group in groups(firsts):
                again = select(spans).where(spans.c.first_attempt_id.in_(group))
                found |= {row["id"]: to_span(row) for row in connection.execute(again).mappings()}
        return sorted(found.values(), key=lambda span: (span.started_at, span.id))

    def result_spans(self, keys: Iterable[str]) -> dict[str, str]:
        """The ids of the spans that hold the results of these keys, by key; keys that nobody has seen are left out."""
        wanted = {result_key(key): key for key in keys}
        found: dict[str, str] = {}
        with self.reading() as connection:
            for group in groups(wanted):
                rows = connection.execute(select(results.c.key, results.c.span_id).where(results.c.key.in_(group)))
                found |= {wanted[bytes(key)]: span_id for key, span_id in rows}
        return found

    def known_spans(self, ids: Iterable[str]) -> dict[str, Span]:
        """Those of the spans that are stored, by id."""
        found: dict[str, Span] = {}
        with self.reading() as connection:
            for group in groups(map(to_key, ids)):
                rows = connection.execute(select(spans).where(spans.c.id.in_(group))).mappings()
                found |= {row["id"]: to_span(row) for row in rows}
        return found


def result_key(key: str) -> bytes:
    """A key of any length as it is stored."""
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()
