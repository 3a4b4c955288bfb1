"""The write path: one batch, one transaction, and every sum follows.

Reading a journal again writes the same spans again; the difference to the rows that are there is zero, so nothing is
ever counted twice.
"""

import math
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from sqlalchemy import Connection, delete, select

from kagura.model import Span, Status, now_us
from kagura.store.accounting import (
    ACCOUNTED,
    NO_SLOT_SUMS,
    SLOT_KEY,
    SLOT_SUMS,
    SlotKey,
    Sums,
    add,
    day_key,
    slot_entries,
)
from kagura.store.aliases import write_aliases
from kagura.store.attempts import result_key
from kagura.store.batch import Batch, Metric, SpanContents
from kagura.store.chains import write_chains
from kagura.store.contents import RecentParts, write_contents
from kagura.store.database import retried
from kagura.store.execution_writes import tag_pairs, write_executions
from kagura.store.lifecycle import supersedes
from kagura.store.outbox import Outbox, write_outbox
from kagura.store.removal import remove_spans
from kagura.store.revisions import write_revisions
from kagura.store.rows import Columns, Row, span_row, to_span
from kagura.store.schema import (
    NOT_COMPLETED,
    journal_positions,
    metrics,
    results,
    span_tags,
    spans,
    usage_days,
    usage_slots,
)
from kagura.store.statements import execute_rows, groups, insert_rows, rows_of, upsert, upsert_rows
from kagura.store.values import clean, to_key

_OLD_COLUMNS = (*ACCOUNTED, "parent_id", "error", "input_preview", "tags")


class Writes(Outbox):
    """What the collector does to the store."""

    @cached_property
    def _recent_parts(self) -> RecentParts:
        return RecentParts()

    def write(self, batch: Batch) -> None:
        """Write a batch, all of it or nothing; writing it again changes nothing.

        Another process in the way is waited for. Raises StoreError where the store cannot take it; the batch may then
        be written again later. With `finished_files` the data is on the disk when this returns.
        """

        def once() -> None:
            with self.writing(durable=bool(batch.finished_files)) as connection:
                kept = _apply(connection, batch, self._recent_parts, exports=self.queues_exports)
            self._recent_parts.note(kept)

        retried(once, pause=time.sleep)

    def positions(self) -> dict[str, int]:
        """How far each journal file has been read, by file name."""
        with self.reading() as connection:
            rows = connection.execute(select(journal_positions.c.file, journal_positions.c.position))
            return {row.file: row.position for row in rows}

    def running_spans(self, ids: Iterable[str] | None = None) -> list[Span]:
        """Spans that have begun and not ended, by start: all of them, or those among `ids`."""
        with self.reading() as connection:
            return [to_span(row) for row in _running(connection, ids)]

    def mark_interrupted(self, span_ids: Iterable[str], at: int) -> int:
        """Give spans that still run the end `at` and the status `interrupted`; tells how many there were."""
        wanted = list(span_ids)
        marked = 0

        def once() -> None:
            nonlocal marked
            with self.writing() as connection:
                cut = [_cut(to_span(row), at) for row in _running(connection, wanted)]
                _apply(connection, Batch(spans=cut), self._recent_parts, exports=self.queues_exports)
                marked = len(cut)

        retried(once, pause=time.sleep)
        return marked


def _running(connection: Connection, ids: Iterable[str] | None) -> list[Columns]:
    statement = select(spans).where(spans.c.status == Status.RUNNING.value, NOT_COMPLETED).order_by(spans.c.started_at)
    if ids is None:
        return list(connection.execute(statement).mappings())
    found: list[Columns] = []
    for group in groups(map(to_key, ids)):
        found.extend(connection.execute(statement.where(spans.c.id.in_(group))).mappings())
    return found


def _cut(span: Span, at: int) -> Span:
    span.status = Status.INTERRUPTED
    span.ended_at = max(at, span.started_at)
    span.outcome = Status.INTERRUPTED.value
    return span


def _apply(connection: Connection, batch: Batch, recent: RecentParts, *, exports: bool) -> dict[bytes, int]:
    """Write a batch; returns the parts of contents that are stored with it."""
    removed = {to_key(id) for id in batch.removed}
    new = {key: row for key, row in _newest(batch.spans).items() if key not in removed}
    old = _old_rows(connection, [*new, *sorted(removed)])
    gone = [old[key] for key in sorted(removed & old.keys())]
    changed = [row for key, row in new.items() if key not in old or supersedes(row["status"], old[key]["status"])]
    _write_spans(connection, changed, old)
    remove_spans(connection, [row["id"] for row in gone])
    write_executions(connection, changed, old, batch.executions, gone)
    _write_slots(connection, changed, old, gone)
    if exports:
        write_outbox(connection, changed, old, batch.executions, now_us())
    contents = [(id, kept) for id, kept in batch.contents if to_key(id) not in removed]
    kept = write_contents(connection, contents, _starts(connection, contents, new), recent) if contents else {}
    _write_metrics(connection, batch.metrics)
    write_revisions(connection, batch.revisions)
    _write_results(connection, batch.results)
    write_chains(connection, batch.chains)
    write_aliases(connection, batch.aliases)
    _write_positions(connection, batch)
    return kept


def _newest(given: Sequence[Span]) -> dict[str, Row]:
    """The last word on each span of a batch, by id in order."""
    rows: dict[str, Row] = {}
    for span in given:
        row = span_row(span)
        if row["id"] not in rows or supersedes(row["status"], rows[row["id"]]["status"]):
            rows[row["id"]] = row
    return {key: rows[key] for key in sorted(rows)}


def _old_rows(connection: Connection, ids: Iterable[str]) -> dict[str, Columns]:
    return {row["id"]: row for row in rows_of(connection, spans, ids, _OLD_COLUMNS)}


def _write_spans(connection: Connection, changed: Sequence[Row], old: Mapping[str, Columns]) -> None:
    insert_rows(connection, spans, [row for row in changed if row["id"] not in old])
    replaced = [row for row in changed if row["id"] in old]
    upsert_rows(connection, spans, replaced)
    for group in groups(row["id"] for row in replaced if old[row["id"]]["tags"] is not None):
        connection.execute(delete(span_tags).where(span_tags.c.span_id.in_(group)))
    tags = [
        {"span_id": row["id"], "key": key, "value": value}
        for row in changed
        if row["tags"] is not None
        for key, value in tag_pairs(row)
    ]
    execute_rows(connection, upsert(connection, span_tags, put=["value"]), tags)


def _write_slots(
    connection: Connection, changed: Sequence[Row], old: Mapping[str, Columns], gone: Sequence[Columns]
) -> None:
    sums: dict[SlotKey, Sums] = defaultdict(lambda: NO_SLOT_SUMS)
    for row in changed:
        for key, more in slot_entries(row):
            sums[key] = add(sums[key], more)
    for before in (*(old[row["id"]] for row in changed if row["id"] in old), *gone):
        for key, less in slot_entries(before):
            sums[key] = add(sums[key], less, -1)
    days: dict[SlotKey, Sums] = defaultdict(lambda: NO_SLOT_SUMS)
    for key, more in sums.items():
        day = day_key(key)
        days[day] = add(days[day], more)
    for table, totals in ((usage_slots, sums), (usage_days, days)):
        rows = [
            dict(zip(SLOT_KEY + SLOT_SUMS, key + more, strict=True))
            for key, more in sorted(totals.items())
            if any(more)
        ]
        execute_rows(connection, upsert(connection, table, add=SLOT_SUMS), rows)


def _starts(
    connection: Connection, contents: Sequence[tuple[str, SpanContents]], new: Mapping[str, Row]
) -> dict[str, int]:
    """The start of each span whose contents are given; now where the store has never heard of it."""
    now = now_us()
    starts = {span_id: new[to_key(span_id)]["started_at"] for span_id, _ in contents if to_key(span_id) in new}
    missing = {to_key(span_id): span_id for span_id, _ in contents if span_id not in starts}
    for group in groups(missing):
        for key, at in connection.execute(select(spans.c.id, spans.c.started_at).where(spans.c.id.in_(group))):
            starts[missing[key]] = at
    return {span_id: starts.get(span_id, now) for span_id, _ in contents}


def _write_metrics(connection: Connection, given: Sequence[Metric]) -> None:
    rows = [
        {
            "execution_id": to_key(metric.execution_id),
            "name": to_key(metric.name),
            "at": metric.at,
            "span_id": to_key(metric.span_id or ""),
            "value": metric.value,
        }
        for metric in given
        if math.isfinite(metric.value)
    ]
    if rows:
        connection.execute(upsert(connection, metrics, put=["value"]), rows)


def _write_results(connection: Connection, given: Mapping[str, str]) -> None:
    now = now_us()
    rows = [{"key": result_key(key), "span_id": to_key(span_id), "at": now} for key, span_id in sorted(given.items())]
    if rows:
        connection.execute(upsert(connection, results, put=["span_id", "at"]), rows)


def _write_positions(connection: Connection, batch: Batch) -> None:
    now = now_us()
    rows = [
        {"file": clean(file), "position": position, "updated_at": now}
        for file, position in sorted(batch.positions.items())
    ]
    if rows:
        connection.execute(upsert(connection, journal_positions, put=["position", "updated_at"]), rows)
    for group in groups(map(clean, batch.finished_files)):
        connection.execute(delete(journal_positions).where(journal_positions.c.file.in_(group)))
