"""How the row of an execution follows its spans and what is said about it.

A declared execution stands where its own start and end events put it. An undeclared one runs while a span of it runs;
then it has the outcome of what ended last among that which weighs most (`weight`): the agent's work first, where there
is none of it what its client asked beside it, such as for a list of models.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, case, func, or_

from kagura.model import Execution, SpanKind, Status
from kagura.store.accounting import EXECUTION_SUMS, MODEL_KINDS, Sums, add, is_charged
from kagura.store.rows import PREVIEW, Columns, Row, blank_execution
from kagura.store.schema import spans
from kagura.store.values import from_json, to_json, to_key, to_optional_key, to_text

DEFAULT_AGENT = "default"
"""The agent of calls whose agent nobody named; a real name takes its place."""

_RANK = {Status.RUNNING.value: 0, Status.INTERRUPTED.value: 1, Status.COMPLETED.value: 2, Status.FAILED.value: 2}


def supersedes(status: str, old_status: str) -> bool:
    """Whether a row in `status` may replace one in `old_status`: a real end beats a cut, a cut beats running."""
    return _RANK[status] >= _RANK.get(old_status, 0)


def new_execution(execution: Execution) -> Row:
    """The row of an execution before anything was said or counted."""
    return blank_execution(execution) | dict.fromkeys(EXECUTION_SUMS, 0)


def execution_of(span: Columns) -> Row:
    """The row of an execution that only a span speaks of."""
    row = new_execution(
        Execution(id=span["execution_id"], agent=span["agent"], status=Status.RUNNING, started_at=span["started_at"])
    )
    row["source"] = span["execution_source"]
    return row


def count(row: Row, sums: Sums) -> None:
    """Add the change of its sums to an execution."""
    row.update(zip(EXECUTION_SUMS, add(tuple(row[name] for name in EXECUTION_SUMS), sums), strict=True))


def observe(row: Row, span: Columns) -> None:
    """Let an execution follow one of its spans: times, agent, preview, latest call."""
    earlier = span["started_at"] < row["started_at"] and span["agent"] != DEFAULT_AGENT
    if row["agent"] == DEFAULT_AGENT or (earlier and not row["declared"]):
        row["agent"] = span["agent"]
    row["started_at"] = min(row["started_at"], span["started_at"])
    row["last_activity_at"] = max(row["last_activity_at"], span["started_at"], span["ended_at"] or 0)
    for name in ("session_id", "user"):
        row[name] = row[name] if row[name] is not None else span[name]
    if is_charged(span):
        _note_labels(row, span)
    weight = weight_of(span)
    asks = span["kind"] in MODEL_KINDS and weight == WORK and span["input_preview"]
    if asks and (row["preview_at"] is None or span["started_at"] <= row["preview_at"]):
        row["preview"], row["preview_at"] = span["input_preview"][:PREVIEW], span["started_at"]
    if weight and span["ended_at"] is not None and span["status"] != Status.RUNNING.value:
        last = (row["last_call_weight"], row["last_call_at"], row["last_call_id"])
        if row["last_call_id"] is None or (weight, span["ended_at"], span["id"]) >= last:
            note_last_call(row, span, weight)


def _note_labels(row: Row, span: Columns) -> None:
    """Notice where a call names other tags, another user or another session than the others of its execution."""
    tags = span["tags"] or _NO_TAGS
    if row["call_tags"] is None:
        row["call_tags"] = tags
    session, user = span["session_id"], span["user"]
    agrees = session in (None, row["session_id"]) and user in (None, row["user"])
    if tags != row["call_tags"] or not agrees:
        row["mixed"] = 1


_NO_TAGS = "{}"
"""The tags of a call that has none; NULL means that there was no call yet."""

WORK, BESIDE = 2, 1
"""Weights of what an undeclared execution takes its outcome from."""

_SIDE, _PROBE = '"side":"', '"side":"probe"'


def weight_of(span: Columns) -> int:
    """How much a span says about the outcome of its execution; 0 for what says nothing, such as tools.

    Work is a call to a model, or the agent's own span. A probe that was answered, whatever was said, has done its work.
    """
    attributes = span["attributes"] or ""
    if span["kind"] in MODEL_KINDS:
        return BESIDE if _SIDE in attributes else WORK
    if span["kind"] == SpanKind.AGENT.value:
        return WORK if span["parent_id"] is None and not span["inferred"] else 0
    if span["endpoint"] is None or (_PROBE in attributes and span["http_status"] is not None):
        return 0
    return BESIDE


def span_weight() -> ColumnElement[int]:
    """What `weight_of` says, as SQL."""
    attributes = func.coalesce(spans.c.attributes, "")
    beside = attributes.contains(_SIDE, autoescape=True)
    answered = and_(attributes.contains(_PROBE, autoescape=True), spans.c.http_status.is_not(None))
    is_agent = spans.c.kind == SpanKind.AGENT.value
    return case(
        (spans.c.kind.in_(MODEL_KINDS), case((beside, BESIDE), else_=WORK)),
        (and_(is_agent, spans.c.parent_id.is_(None), spans.c.inferred == 0), WORK),
        (or_(is_agent, spans.c.endpoint.is_(None), answered), 0),
        else_=BESIDE,
    )


def note_last_call(row: Row, span: Columns | None, weight: int) -> None:
    """Remember the span that tells the outcome; `None` where there is none."""
    row["last_call_weight"] = weight
    row["last_call_at"] = span and span["ended_at"]
    row["last_call_id"] = span and span["id"]
    row["last_call_status"] = span and span["status"]
    if not row["declared"]:
        row["error"] = span["error"] if span and span["status"] == Status.FAILED.value else None


def describe(row: Row, execution: Execution) -> None:
    """Merge what is said about an execution. What a declared one says wins over what its calls told."""
    wins = execution.declared
    for name, new in (
        ("source", to_text(execution.source)),
        ("parent_execution_id", to_optional_key(execution.parent_execution_id)),
        ("session_id", to_optional_key(execution.session_id)),
        ("user", to_text(execution.user)),
    ):
        if new is not None and (wins or row[name] is None):
            if name in ("session_id", "user") and row[name] not in (None, new):
                row["mixed"] = 1
            row[name] = new
    if execution.agent != DEFAULT_AGENT and (wins or row["agent"] == DEFAULT_AGENT):
        row["agent"] = to_key(execution.agent)
    for name, said in (("tags", execution.tags), ("attributes", execution.attributes)):
        if said:
            row[name] = to_json(from_json(row[name], dict, {}) | said)
    row["started_at"] = min(row["started_at"], execution.started_at)
    row["last_activity_at"] = max(row["last_activity_at"], execution.started_at, execution.ended_at or 0)
    if execution.declared:
        _declare(row, execution)


def _declare(row: Row, execution: Execution) -> None:
    first = not row["declared"]
    row["declared"] = 1
    if execution.status is Status.RUNNING:
        # A start that lies behind the known end opens the execution again; an earlier one was only read twice.
        reopened = row["status"] != Status.RUNNING.value and execution.started_at > (row["ended_at"] or 0)
        if first or reopened:
            row.update(status=Status.RUNNING.value, ended_at=None, error=None)
        return
    ended_at = execution.ended_at if execution.ended_at is not None else row["last_activity_at"]
    newer = row["ended_at"] is None or ended_at >= row["ended_at"]
    if first or row["status"] == Status.RUNNING.value or (newer and supersedes(execution.status.value, row["status"])):
        row.update(status=execution.status.value, ended_at=ended_at, error=to_text(execution.error))


def settle(row: Row) -> None:
    """Derive status and end of an undeclared execution from its spans."""
    if row["declared"]:
        return
    if row["running_spans"]:
        row.update(status=Status.RUNNING.value, ended_at=None)
    else:
        row["status"] = row["last_call_status"] or Status.COMPLETED.value
        row["ended_at"] = row["last_activity_at"]


def rewind(row: Row, started_at: int, last_activity_at: int, last_calls: Sequence[Columns]) -> None:
    """Set an execution's times and the span of its outcome afresh, after a span of it was replaced or taken away."""
    if not row["declared"]:
        row["started_at"] = started_at
    row["last_activity_at"] = max(last_activity_at, row["started_at"], (row["declared"] and row["ended_at"]) or 0)
    last = last_calls[0] if last_calls else None
    note_last_call(row, last, last["weight"] if last else 0)
