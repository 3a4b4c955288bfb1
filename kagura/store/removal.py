"""Takes spans out of the store, with all that hangs on them."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, delete

from kagura.store.outbox import SPAN, take_out
from kagura.store.schema import span_contents, span_revisions, span_tags, spans
from kagura.store.statements import groups


def remove_spans(connection: Connection, ids: Iterable[str]) -> None:
    """Remove spans and their parts; the sums that they are in are the caller's to change."""
    for group in groups(ids):
        remove_span_parts(connection, group)
        connection.execute(delete(spans).where(spans.c.id.in_(group)))


def remove_span_parts(connection: Connection, ids: list[Any]) -> None:
    """Remove what is stored beside these spans: at most as many as fit into one statement."""
    for table in (span_tags, span_contents, span_revisions):
        connection.execute(delete(table).where(table.c.span_id.in_(ids)))
    take_out(connection, SPAN, ids)
