"""What is to be sent to an OTLP receiver: written with the spans themselves, taken out when it was sent.

A line of the outbox is a span or an execution and the instant from which it may be sent. A span that is written anew
becomes due anew, so that late and revised ones are sent too. Whoever claims lines puts them off for a while and deletes
them once they are sent; if it dies meanwhile they come again. No position in time or number can skip one.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import msgspec
from sqlalchemy import Connection, and_, bindparam, delete, func, select, update

from kagura.model import Execution, Span, SpanKind, Status
from kagura.store.database import Database
from kagura.store.rows import Columns, Row, to_execution, to_span
from kagura.store.schema import executions, outbox, outbox_notes, spans
from kagura.store.statements import GROUP, groups, upsert
from kagura.store.values import clean, to_key
from kagura.store.views import ExecutionRow

SETTLE_US = 2_000_000
"""A span is sent this long after it ended: what changes it, such as a further attempt, mostly comes at once."""

QUIET_US = 60_000_000
"""A run whose end nobody tells, and a sub-agent that was found by its calls, have ended when nothing came so long."""

SPAN, EXECUTION = "span", "execution"


class Waiting(msgspec.Struct, frozen=True):
    """A line of the outbox that somebody claimed."""

    kind: str
    """`span` or `execution`."""
    id: str
    version: int
    """How often it was put in; a line that was put in anew meanwhile stays."""
    refusals: int
    """How often the receiver failed over a request that held it."""


class Note(msgspec.Struct, frozen=True):
    """What an exporter says about its latest success, or its latest failure."""

    at: int
    text: str


class Outbox(Database):
    """What waits to be sent, and what it is made of."""

    queues_exports = False
    """Whether what ends is put into the outbox as it is written."""

    def claim(self, now: int, limit: int, lease: int) -> list[Waiting]:
        """Take up to `limit` lines that are due, the longest due first; nobody else gets them for `lease`."""
        due = select(outbox).where(outbox.c.due_at <= now).order_by(outbox.c.due_at).limit(limit)
        with self.reading() as connection:
            if connection.execute(due.limit(1)).first() is None:
                return []
        with self.writing() as connection:
            if connection.dialect.name == "postgresql":
                due = due.with_for_update(skip_locked=True)
            rows = connection.execute(due).all()
            found = [Waiting(row.kind, row.id, row.version, row.refusals) for row in rows]
            _put_off(connection, found, now + lease)
        return found

    def sent(self, lines: Iterable[Waiting]) -> None:
        """Take lines out; those that were put in anew since they were claimed stay."""
        keys = [{"of_kind": line.kind, "of_id": line.id, "of_version": line.version} for line in lines]
        if keys:
            with self.writing() as connection:
                connection.execute(delete(outbox).where(*_CLAIMED), keys)

    def put_off(self, lines: Sequence[Waiting], until: int, *, refused: bool = False) -> None:
        """Give claimed lines back until an instant; `refused` counts that the receiver failed over them."""
        with self.writing() as connection:
            _put_off(connection, lines, until, refused=refused)

    def waiting(self) -> int:
        """How many lines are in the outbox."""
        with self.reading() as connection:
            return int(connection.execute(select(func.count()).select_from(outbox)).scalar_one())

    def note(self, name: str, at: int, text: str = "") -> None:
        """Remember an exporter's latest `sent`, `failed` or `refused`."""
        with self.writing() as connection:
            row = {"name": name, "at": at, "text": clean(text)}
            connection.execute(upsert(connection, outbox_notes, put=["at", "text"]), [row])

    def notes(self) -> dict[str, Note]:
        """What exporters noted, by name."""
        with self.reading() as connection:
            return {row.name: Note(row.at, row.text) for row in connection.execute(select(outbox_notes))}

    def spans_by_id(self, ids: Iterable[str]) -> dict[str, Span]:
        """The spans of these ids, as far as there are any."""
        found: dict[str, Span] = {}
        with self.reading() as connection:
            for group in groups(ids):
                rows = connection.execute(select(spans).where(spans.c.id.in_(group))).mappings()
                found.update({row["id"]: to_span(row) for row in rows})
        return found

    def executions_by_id(self, ids: Iterable[str]) -> dict[str, ExecutionRow]:
        """The executions of these ids, as far as there are any."""
        found: dict[str, ExecutionRow] = {}
        with self.reading() as connection:
            for group in groups(ids):
                rows = connection.execute(select(executions).where(executions.c.id.in_(group))).mappings()
                found.update({row["id"]: to_execution(row) for row in rows})
        return found

    def first_traced(self, execution_ids: Iterable[str], own: Callable[[str], str]) -> dict[str, Span]:
        """The first span of each execution that came with a trace id of its caller: one that is not its `own`."""
        found: dict[str, Span] = {}
        with self.reading() as connection:
            for group in groups(execution_ids, GROUP // 3):
                traced = (spans.c.trace_id.is_not(None), spans.c.trace_id.not_in([own(id) for id in group]))
                first = (
                    select(spans.c.execution_id, func.min(spans.c.started_at).label("at"))
                    .where(spans.c.execution_id.in_(group), *traced)
                    .group_by(spans.c.execution_id)
                    .subquery()
                )
                same = and_(spans.c.execution_id == first.c.execution_id, spans.c.started_at == first.c.at)
                statement = select(spans).join(first, same).where(*traced).order_by(spans.c.id.desc())
                for row in connection.execute(statement).mappings():
                    found[row["execution_id"]] = to_span(row)
        return found


_CLAIMED = (
    outbox.c.kind == bindparam("of_kind"),
    outbox.c.id == bindparam("of_id"),
    outbox.c.version == bindparam("of_version"),
)


def _put_off(connection: Connection, lines: Sequence[Waiting], until: int, *, refused: bool = False) -> None:
    keys = [{"of_kind": line.kind, "of_id": line.id, "of_version": line.version} for line in lines]
    if keys:
        values = {"due_at": until} | ({"refusals": outbox.c.refusals + 1} if refused else {})
        connection.execute(update(outbox).where(*_CLAIMED).values(values), keys)


def take_out(connection: Connection, kind: str, ids: Collection[str]) -> None:
    """Drop the lines of spans or executions that are removed: at most as many as fit into one statement."""
    connection.execute(delete(outbox).where(outbox.c.kind == kind, outbox.c.id.in_(ids)))


def write_outbox(
    connection: Connection,
    changed: Sequence[Row],
    old: Mapping[str, Columns],
    described: Sequence[Execution],
    now: int,
) -> None:
    """Put spans that ended or changed after their end into the outbox, and the executions that they belong to."""
    due: dict[tuple[str, str], int] = {}
    for row in changed:
        if row["status"] != Status.RUNNING.value and _differs(row, old.get(row["id"])):
            due[EXECUTION, row["execution_id"]] = now + QUIET_US
            grows = row["inferred"] and row["kind"] == SpanKind.AGENT.value
            due[SPAN, row["id"]] = now + (QUIET_US if grows else SETTLE_US)
    for execution in described:
        ended = execution.declared and execution.status is not Status.RUNNING
        due[EXECUTION, to_key(execution.id)] = now + (SETTLE_US if ended else QUIET_US)
    rows = [
        {"kind": kind, "id": id, "due_at": at, "version": 1, "refusals": 0} for (kind, id), at in sorted(due.items())
    ]
    if rows:
        connection.execute(upsert(connection, outbox, add=["version"], put=["due_at", "refusals"]), rows)


def _differs(row: Row, before: Columns | None) -> bool:
    """Whether a span says anything else than before: a journal may be read twice."""
    return before is None or any(row[name] != before[name] for name in before)
