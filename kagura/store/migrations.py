"""Numbered migrations: an empty database is made whole at the newest version, an older one walks the steps to it."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import msgspec
from sqlalchemy import Connection, delete, insert, inspect, select, text

from kagura.errors import StoreError
from kagura.store.schema import (
    alert_messages,
    alert_states,
    aliases,
    chains,
    executions,
    know_postgresql,
    metadata,
    outbox,
    outbox_notes,
    results,
    schema_version,
    span_contents,
    span_revisions,
    spans,
    usage_days,
    usage_slots,
)


class Migration(msgspec.Struct, frozen=True):
    """One step from version `version - 1` to `version`, on both databases."""

    version: int
    apply: Callable[[Connection], None]


FIRST_VERSION = 1


def _count_attempts(connection: Connection) -> None:
    """Further attempts of a call are told from calls, and results that can be fetched twice are known."""
    collation = ' COLLATE "C"' if connection.dialect.name == "postgresql" else ""
    connection.execute(text(f"ALTER TABLE spans ADD COLUMN first_attempt_id TEXT{collation}"))
    for table in (executions, usage_slots, usage_days):
        connection.execute(text(f"ALTER TABLE {table.name} ADD COLUMN retries BIGINT NOT NULL DEFAULT 0"))
    next(index for index in spans.indexes if index.name == "ix_spans_first_attempt").create(connection)
    results.create(connection)


def _keep_revisions(connection: Connection) -> None:
    """Figures that were read or priced anew keep what they were before."""
    span_revisions.create(connection)


def _keep_chains(connection: Connection) -> None:
    """Calls are joined to the run whose messages they continue."""
    chains.create(connection, checkfirst=True)


def _tell_callers_apart(connection: Connection) -> None:
    """Of calls that ended alike, the one is known whose caller and whose signatures come back."""
    known = _columns(connection, chains.name)
    binary = "BYTEA" if connection.dialect.name == "postgresql" else "BLOB"
    for name in ("caller", "signatures"):
        if name not in known:
            connection.execute(text(f"ALTER TABLE chains ADD COLUMN {name} {binary}"))


def _keep_alerts(connection: Connection) -> None:
    """Alerts remember that they fired, and what is still to be said."""
    for table in (alert_states, alert_messages):
        table.create(connection, checkfirst=True)


def _keep_aliases(connection: Connection) -> None:
    """What a program reports and the relay saw as well is one span."""
    aliases.create(connection, checkfirst=True)


def _keep_outbox(connection: Connection) -> None:
    """What is to be sent to an OTLP receiver is written with the spans themselves."""
    for table in (outbox, outbox_notes):
        table.create(connection, checkfirst=True)


def _weigh_outcomes(connection: Connection) -> None:
    """A run that called no model has the outcome of what it did call; until now only model calls were remembered."""
    if "last_call_weight" not in _columns(connection, executions.name):
        connection.execute(text("ALTER TABLE executions ADD COLUMN last_call_weight SMALLINT NOT NULL DEFAULT 2"))


def _keep_raw_requests(connection: Connection) -> None:
    """Requests come back byte for byte."""
    if "raw_request" not in _columns(connection, span_contents.name):
        binary = "BYTEA" if connection.dialect.name == "postgresql" else "BLOB"
        connection.execute(text(f"ALTER TABLE span_contents ADD COLUMN raw_request {binary}"))


def _columns(connection: Connection, table: str) -> set[str]:
    return {column["name"] for column in inspect(connection).get_columns(table)}


def _label_runs(connection: Connection) -> None:
    """What a user, a session or a tag cost is told by runs, not by each of their calls."""
    if "mixed" in _columns(connection, executions.name):
        return
    for name, kind in (
        ("cache_write_tokens", "BIGINT NOT NULL DEFAULT 0"),
        ("reasoning_tokens", "BIGINT NOT NULL DEFAULT 0"),
        ("call_tags", "TEXT"),
        ("mixed", "SMALLINT NOT NULL DEFAULT 0"),
    ):
        connection.execute(text(f"ALTER TABLE executions ADD COLUMN {name} {kind}"))
    next(index for index in executions.indexes if index.name == "ix_executions_mixed").create(connection)
    for statement in _LABELS:
        connection.execute(text(statement))


_LABELS = (
    """
    UPDATE executions SET
        cache_write_tokens = coalesce((SELECT sum(cache_write_tokens) FROM spans
            WHERE spans.execution_id = executions.id AND kind IN ('llm', 'embedding')), 0),
        reasoning_tokens = coalesce((SELECT sum(reasoning_tokens) FROM spans
            WHERE spans.execution_id = executions.id AND kind IN ('llm', 'embedding')), 0),
        call_tags = (SELECT min(coalesce(tags, '{}')) FROM spans WHERE spans.execution_id = executions.id
            AND (kind IN ('llm', 'embedding') OR kind <> 'agent' AND (cost IS NOT NULL OR cost_unknown > 0)))
    """,
    """
    UPDATE executions SET mixed = 1 WHERE EXISTS (SELECT 1 FROM spans WHERE spans.execution_id = executions.id
        AND (kind IN ('llm', 'embedding') OR kind <> 'agent' AND (cost IS NOT NULL OR cost_unknown > 0))
        AND (coalesce(spans.tags, '{}') <> executions.call_tags
            OR spans.session_id <> executions.session_id OR spans."user" <> executions."user"))
    """,
)


MIGRATIONS: tuple[Migration, ...] = (
    Migration(2, _count_attempts),
    Migration(3, _keep_revisions),
    Migration(4, _keep_chains),
    Migration(5, _tell_callers_apart),
    Migration(6, _keep_alerts),
    Migration(7, _keep_outbox),
    Migration(8, _keep_aliases),
    Migration(9, _weigh_outcomes),
    Migration(10, _keep_raw_requests),
    Migration(11, _label_runs),
)
"""The steps from `FIRST_VERSION` on, in order, without a gap."""

SILENT_SECONDS = 1.0
"""A change of the schema that takes longer is told."""

_log = logging.getLogger("kagura.store")

_LOCK = 0x6B616775
"""The key of PostgreSQL's advisory lock under which a schema changes."""


def latest(migrations: Sequence[Migration] = MIGRATIONS) -> int:
    """The version of the tables in `schema`."""
    return migrations[-1].version if migrations else FIRST_VERSION


def check_version(connection: Connection, name: str, *, may_be_empty: bool) -> bool:
    """Whether `migrate` has work to do. Raises StoreError where the tables are none that this program can use."""
    version = _version(connection)
    if version is None:
        return _check_empty(connection, name, may_be_empty=may_be_empty)
    if version > latest():
        raise StoreError(
            f"{name}: made by a newer kagura (schema {version}; this one knows {latest()})",
            "Update kagura: pip install --upgrade kagura",
        )
    return version < latest()


def _check_empty(connection: Connection, name: str, *, may_be_empty: bool) -> bool:
    taken = set(inspect(connection).get_table_names())
    foreign = taken if connection.dialect.name == "sqlite" else taken & set(metadata.tables)
    if foreign:
        raise StoreError(
            f"{name}: holds tables of another program ({', '.join(sorted(foreign)[:3])})",
            "Name another file or database with KAGURA_DB.",
        )
    if not may_be_empty:
        raise StoreError(f"{name}: no calls recorded yet", "Start `kagura proxy`, or `kagura run -- COMMAND`.")
    return True


def _version(connection: Connection) -> int | None:
    if not inspect(connection).has_table(schema_version.name):
        return None
    return connection.execute(select(schema_version.c.version)).scalar()


@contextmanager
def _told(number: int, count: int) -> Iterator[None]:
    """Say that a step is under way once it takes long: whoever waits is not to think that nothing happens."""
    message = "The trace store is brought to its new form, step %d of %d: once, a minute or two for a million spans"
    timer = threading.Timer(SILENT_SECONDS, _log.warning, (message, number, count))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def migrate(connection: Connection, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Bring the database to the newest version, within the caller's transaction and under a lock."""
    if connection.dialect.name == "postgresql":
        know_postgresql()
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    version = _version(connection)
    if version is None:
        metadata.create_all(connection, checkfirst=False)
    else:
        steps = [migration for migration in migrations if migration.version > version]
        for number, migration in enumerate(steps, 1):
            with _told(number, len(steps)):
                migration.apply(connection)
    connection.execute(delete(schema_version))
    connection.execute(insert(schema_version).values(version=latest(migrations)))
