"""The tables of the trace store, the same on SQLite and PostgreSQL.

Instants are microseconds since the epoch, money is whole pico-dollars (1e-12 US dollars) so that sums are exact,
flags are 0 or 1, and JSON is text that kagura alone reads.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    literal_column,
)

metadata = MetaData()

SLOT = 900_000_000
"""Microseconds of one slot of `usage_slots`: a quarter of an hour, on which the day of every time zone begins."""

DAY = 86_400_000_000
"""Microseconds of a day."""

ID = Text().with_variant(Text(collation="C"), "postgresql")
"""Text that is compared by code point, so that a prefix is a range of the index."""

executions = Table(
    "executions",
    metadata,
    Column("id", ID, primary_key=True),
    Column("agent", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("source", Text),
    Column("declared", SmallInteger, nullable=False),
    Column("parent_execution_id", ID),
    Column("session_id", ID),
    Column("user", Text),
    Column("error", Text),
    Column("tags", Text),
    Column("attributes", Text),
    Column("preview", Text),
    Column("preview_at", BigInteger),
    Column("last_activity_at", BigInteger, nullable=False),
    Column("last_call_at", BigInteger),
    Column("last_call_id", ID),
    Column("last_call_status", Text),
    Column("last_call_weight", SmallInteger, nullable=False),
    Column("spans", BigInteger, nullable=False),
    Column("running_spans", BigInteger, nullable=False),
    Column("llm_calls", BigInteger, nullable=False),
    Column("retries", BigInteger, nullable=False),
    Column("running_calls", BigInteger, nullable=False),
    Column("tool_calls", BigInteger, nullable=False),
    Column("tool_requests", BigInteger, nullable=False),
    Column("errors", BigInteger, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("cache_read_tokens", BigInteger, nullable=False),
    Column("cache_write_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("reasoning_tokens", BigInteger, nullable=False),
    Column("cost_billed", BigInteger, nullable=False),
    Column("cost_estimated", BigInteger, nullable=False),
    Column("unknown_cost_calls", BigInteger, nullable=False),
    Column("call_tags", Text),
    Column("mixed", SmallInteger, nullable=False),
)
"""One row a run, with the sums over its spans.

`call_tags` are those of its first call. `mixed` says that its calls do not all name the same tags, user and session, so
that what they cost is told by the calls themselves.
"""

_PARTIAL: list[tuple[Index, ColumnElement[bool]]] = []


def _partial_index(name: str, *columns: Column[Any], where: ColumnElement[bool]) -> None:
    """An index of the rows for which `where` holds."""
    _PARTIAL.append((Index(name, *columns, sqlite_where=where), where))


def know_postgresql() -> None:
    """Let the partial indexes be partial on PostgreSQL, too; to be called before they are made there.

    Said with the indexes, it would load all that SQLAlchemy knows of PostgreSQL for every store.
    """
    for index, where in _PARTIAL:
        index.dialect_options["postgresql"]["where"] = where


IS_RUNNING = literal_column("status") == literal_column("'running'")
"""The condition of the partial index of running executions; queries that want the index repeat it."""

Index("ix_executions_activity", executions.c.last_activity_at)
Index("ix_executions_agent", executions.c.agent, executions.c.last_activity_at)
Index("ix_executions_started", executions.c.started_at, executions.c.agent)
_partial_index("ix_executions_running", executions.c.last_activity_at, where=IS_RUNNING)
IS_MIXED = literal_column("mixed") == literal_column("1")
"""The condition of the partial index of mixed executions; queries that want the index repeat it."""
_partial_index("ix_executions_mixed", executions.c.last_activity_at, where=IS_MIXED)
for _name, _column in (("session", executions.c.session_id), ("parent", executions.c.parent_execution_id)):
    _partial_index(f"ix_executions_{_name}", _column, where=_column.is_not(None))

spans = Table(
    "spans",
    metadata,
    Column("id", ID, primary_key=True),
    Column("execution_id", ID, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("parent_id", Text),
    Column("trace_id", Text),
    Column("execution_source", Text),
    Column("session_id", Text),
    Column("user", Text),
    Column("time_to_first_chunk", BigInteger),
    Column("error", Text),
    Column("error_type", Text),
    Column("inferred", SmallInteger, nullable=False),
    Column("provider", Text),
    Column("endpoint", Text),
    Column("request_model", Text),
    Column("response_model", Text),
    Column("response_id", Text),
    Column("stream", SmallInteger),
    Column("http_status", Integer),
    Column("outcome", Text),
    Column("attempt", Integer, nullable=False),
    Column("first_attempt_id", ID),
    Column("input_tokens", BigInteger),
    Column("cache_read_tokens", BigInteger),
    Column("cache_write_tokens", BigInteger),
    Column("cache_write_1h_tokens", BigInteger),
    Column("output_tokens", BigInteger),
    Column("reasoning_tokens", BigInteger),
    Column("audio_input_tokens", BigInteger),
    Column("audio_output_tokens", BigInteger),
    Column("audio_cache_read_tokens", BigInteger),
    Column("image_input_tokens", BigInteger),
    Column("image_output_tokens", BigInteger),
    Column("usage_units", Text),
    Column("usage_source", Text),
    Column("provider_cost", Text),
    Column("service_tier", Text),
    Column("usage_raw", Text),
    Column("cost", BigInteger),
    Column("cost_source", Text),
    Column("cost_estimated", SmallInteger),
    Column("cost_unknown", SmallInteger, nullable=False),
    Column("price_model", Text),
    Column("price_version", Text),
    Column("cost_lines", Text),
    Column("finish_reason", Text),
    Column("tool_calls", Text),
    Column("input_preview", Text),
    Column("output_preview", Text),
    Column("tags", Text),
    Column("attributes", Text),
)

NOT_COMPLETED = literal_column("status") != literal_column("'completed'")
"""The condition of the partial index of spans that run, failed or were cut; queries that want the index repeat it."""

Index("ix_spans_execution", spans.c.execution_id, spans.c.started_at)
Index("ix_spans_started", spans.c.started_at)
_partial_index("ix_spans_not_completed", spans.c.status, spans.c.started_at, where=NOT_COMPLETED)
_partial_index("ix_spans_first_attempt", spans.c.first_attempt_id, where=spans.c.first_attempt_id.is_not(None))


def _usage(name: str) -> Table:
    return Table(
        name,
        metadata,
        Column("slot", BigInteger, primary_key=True, autoincrement=False),
        Column("agent", Text, primary_key=True),
        Column("provider", Text, primary_key=True),
        Column("kind", Text, primary_key=True),
        Column("name", Text, primary_key=True),
        Column("calls", BigInteger, nullable=False),
        Column("retries", BigInteger, nullable=False),
        Column("running", BigInteger, nullable=False),
        Column("errors", BigInteger, nullable=False),
        Column("duration", BigInteger, nullable=False),
        Column("input_tokens", BigInteger, nullable=False),
        Column("cache_read_tokens", BigInteger, nullable=False),
        Column("cache_write_tokens", BigInteger, nullable=False),
        Column("output_tokens", BigInteger, nullable=False),
        Column("reasoning_tokens", BigInteger, nullable=False),
        Column("cost_billed", BigInteger, nullable=False),
        Column("cost_estimated", BigInteger, nullable=False),
        Column("unknown_cost_calls", BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )


usage_slots = _usage("usage_slots")
"""Sums of the spans that began in each slot."""

usage_days = _usage("usage_days")
"""The same sums for each day of UTC; `slot` is the number of the day."""

contents = Table(
    "contents",
    metadata,
    Column("hash", LargeBinary, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("encoding", Text, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("used_on", Integer, nullable=False),
)
Index("ix_contents_used", contents.c.used_on)

span_contents = Table(
    "span_contents",
    metadata,
    Column("span_id", ID, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("inputs", LargeBinary, nullable=False),
    Column("parameters", LargeBinary),
    Column("outputs", LargeBinary, nullable=False),
    Column("raw_response", LargeBinary),
    Column("raw_request", LargeBinary),
)
Index("ix_span_contents_at", span_contents.c.at)

span_revisions = Table(
    "span_revisions",
    metadata,
    Column("span_id", ID, primary_key=True),
    Column("revised_at", BigInteger, primary_key=True, autoincrement=False),
    Column("reason", Text, nullable=False),
    Column("usage", Text),
    Column("cost", Text),
)
"""What a span's usage and cost were before they were read or priced anew."""

span_tags = Table(
    "span_tags",
    metadata,
    Column("span_id", ID, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)
Index("ix_span_tags", span_tags.c.key, span_tags.c.value)

execution_tags = Table(
    "execution_tags",
    metadata,
    Column("execution_id", ID, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)
Index("ix_execution_tags", execution_tags.c.key, execution_tags.c.value)

metrics = Table(
    "metrics",
    metadata,
    Column("execution_id", ID, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("at", BigInteger, primary_key=True, autoincrement=False),
    Column("span_id", ID, primary_key=True),
    Column("value", Float(53), nullable=False),
    sqlite_with_rowid=False,
)

journal_positions = Table(
    "journal_positions",
    metadata,
    Column("file", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)

results = Table(
    "results",
    metadata,
    Column("key", LargeBinary, primary_key=True),
    Column("span_id", ID, nullable=False),
    Column("at", BigInteger, nullable=False),
)
"""Which span holds the usage of an answer that can be fetched more than once: of a batch, of a background response."""
Index("ix_results_at", results.c.at)

chains = Table(
    "chains",
    metadata,
    Column("key", LargeBinary, primary_key=True),
    Column("span_id", ID, primary_key=True),
    Column("execution_id", ID, nullable=False),
    Column("step", Integer, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger, nullable=False),
    Column("user", Text),
    Column("system", LargeBinary, nullable=False),
    Column("caller", LargeBinary),
    Column("signatures", LargeBinary),
    Column("branch", ID),
    Column("next_id", ID),
    sqlite_with_rowid=False,
)
"""Which call ended with which message list, or with which id: the next call of a run is known by it."""
Index("ix_chains_started", chains.c.started_at)

alert_states = Table(
    "alert_states",
    metadata,
    Column("rule", ID, primary_key=True),
    Column("subject", ID, primary_key=True),
    Column("firing", SmallInteger, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("evaluated_at", BigInteger, nullable=False),
    Column("value", Float(53), nullable=False),
    Column("text", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""Where alerts stand that have fired: one row a rule and what it was split by (empty where it was not)."""

alert_messages = Table(
    "alert_messages",
    metadata,
    Column("id", Text, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("rule", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("due_at", BigInteger),
    Column("attempts", Integer, nullable=False),
    Column("delivered_at", BigInteger),
    Column("error", Text),
    sqlite_with_rowid=False,
)
"""What is to be said through which channel; `due_at` is empty once it was said, or given up."""
_partial_index("ix_alert_messages_due", alert_messages.c.due_at, where=alert_messages.c.due_at.is_not(None))

outbox = Table(
    "outbox",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("id", ID, primary_key=True),
    Column("due_at", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("refusals", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""Spans and executions that are to be sent to an OTLP receiver, each from an instant on."""
Index("ix_outbox_due", outbox.c.due_at)

outbox_notes = Table(
    "outbox_notes",
    metadata,
    Column("name", Text, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("text", Text, nullable=False),
)
"""The latest success and the latest failure of sending."""

aliases = Table(
    "aliases",
    metadata,
    Column("id", ID, primary_key=True),
    Column("target", ID, nullable=False),
    Column("rank", Integer, nullable=False),
    Column("at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""What an id of a span or of an execution stands for now, where it turned out to be another."""
Index("ix_aliases_at", aliases.c.at)

marks = Table(
    "marks",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
"""Single numbers that the store remembers, such as how far contents have been pruned."""

schema_version = Table(
    "schema_version",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
)
