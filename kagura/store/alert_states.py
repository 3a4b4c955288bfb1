"""What alerts remember: which of them fire, and what is still to be said through which channel.

A change of state and the messages about it are one transaction, and a message that was taken to be sent comes back by
itself after a while: whatever dies at whatever moment, a firing is told at least once, always under the same id.
"""

import time
from collections.abc import Callable, Mapping

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select, text, update

from kagura.store.alert_views import AlertChanges, AlertKey, AlertMessage, AlertState
from kagura.store.database import Database, retried
from kagura.store.rows import Columns, Row
from kagura.store.schema import DAY, alert_messages, alert_states, marks
from kagura.store.statements import locked, upsert
from kagura.store.values import clean, to_key

KEPT_DAYS = 30
"""How long messages that were said are kept."""

_LOOKED = "alerts evaluated"

_LOCK = 0x6B616C65
"""The key of PostgreSQL's advisory lock under which states change."""


class AlertStates(Database):
    """States and messages of alerts."""

    def alert_states(self) -> list[AlertState]:
        """Every alert that has fired at some time, by rule and subject."""
        with self.reading() as connection:
            return list(_states(connection).values())

    def firing_alerts(self) -> list[AlertState]:
        """The alerts that fire now, the latest first. `evaluated_at` tells whether somebody still looks at them."""
        return sorted((state for state in self.alert_states() if state.firing), key=lambda state: -state.since)

    def alerts_evaluated_at(self) -> int | None:
        """When the rules were last looked at."""
        with self.reading() as connection:
            return connection.execute(select(marks.c.value).where(marks.c.name == _LOOKED)).scalar()

    def settle_alerts(self, decide: Callable[[Mapping[AlertKey, AlertState]], AlertChanges], at: int) -> AlertChanges:
        """Write what `decide` makes of the states that are there, in one transaction, and that it was done at `at`.

        `decide` may be called again where another process was in the way.
        """
        changes = AlertChanges()

        def once() -> None:
            nonlocal changes
            with self.writing() as connection:
                if connection.dialect.name == "postgresql":
                    # Rows that are not there yet cannot be locked.
                    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
                changes = decide(_states(connection))
                _write(connection, changes)
                connection.execute(upsert(connection, marks, put=["value"]), {"name": _LOOKED, "value": at})

        retried(once, pause=time.sleep)
        return changes

    def take_messages(self, at: int, lease: int, limit: int = 100) -> list[AlertMessage]:
        """Messages that are due, the oldest first; nobody else gets them before `at + lease`."""
        due = select(alert_messages).where(alert_messages.c.due_at.is_not(None), alert_messages.c.due_at <= at)
        due = due.order_by(alert_messages.c.created_at, alert_messages.c.id, alert_messages.c.channel).limit(limit)
        with self.reading() as connection:
            if not connection.execute(due.limit(1)).first():
                return []
        with self.writing() as connection:
            rows = connection.execute(locked(connection, due)).mappings().all()
            for row in rows:
                values = {"due_at": at + lease, "attempts": row["attempts"] + 1}
                connection.execute(update(alert_messages).where(_is(row["id"], row["channel"])).values(values))
        return [_message(row) for row in rows]

    def message_delivered(self, message: AlertMessage, at: int) -> None:
        """A message was said."""
        _note(self, message, {"delivered_at": at, "due_at": None, "error": None})

    def message_failed(self, message: AlertMessage, error: str, due_at: int | None) -> None:
        """A message could not be said; it is tried again at `due_at`, or given up."""
        _note(self, message, {"due_at": due_at, "error": clean(error)})

    def alert_messages(self, limit: int = 100) -> list[AlertMessage]:
        """Messages, the latest first."""
        latest = select(alert_messages).order_by(alert_messages.c.created_at.desc(), alert_messages.c.id).limit(limit)
        with self.reading() as connection:
            return [_message(row) for row in connection.execute(latest).mappings()]


def _note(database: Database, message: AlertMessage, values: Row) -> None:
    def once() -> None:
        with database.writing() as connection:
            connection.execute(update(alert_messages).where(_is(message.id, message.channel)).values(values))

    retried(once, pause=time.sleep)


def _is(id: str, channel: str) -> ColumnElement[bool]:
    return and_(alert_messages.c.id == id, alert_messages.c.channel == channel)


def _states(connection: Connection) -> dict[AlertKey, AlertState]:
    rows = connection.execute(select(alert_states).order_by(alert_states.c.rule, alert_states.c.subject)).mappings()
    return {(row["rule"], row["subject"]): AlertState(**dict(row) | {"firing": bool(row["firing"])}) for row in rows}


def _write(connection: Connection, changes: AlertChanges) -> None:
    if changes.states:
        rows = [msgspec.structs.asdict(state) | {"firing": int(state.firing)} for state in changes.states]
        for row in rows:
            row |= {"rule": to_key(row["rule"]), "subject": to_key(row["subject"]), "text": clean(row["text"])}
        columns = [column.name for column in alert_states.c if not column.primary_key]
        connection.execute(upsert(connection, alert_states, put=columns), rows)
    for rule, subject in changes.forgotten:
        chosen = and_(alert_states.c.rule == rule, alert_states.c.subject == subject)
        connection.execute(delete(alert_states).where(chosen))
    if changes.messages:
        connection.execute(insert(alert_messages), [msgspec.structs.asdict(message) for message in changes.messages])
        old = min(message.created_at for message in changes.messages) - KEPT_DAYS * DAY
        connection.execute(delete(alert_messages).where(alert_messages.c.created_at < old))


def _message(row: Columns) -> AlertMessage:
    return AlertMessage(**row)
