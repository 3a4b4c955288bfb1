"""How a batch changes the rows of executions."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, bindparam, delete, func, select, update

from kagura.model import Execution, Status
from kagura.store.accounting import NO_EXECUTION_SUMS, Sums, add, execution_sums
from kagura.store.lifecycle import count, describe, execution_of, new_execution, observe, rewind, settle, span_weight
from kagura.store.rows import Columns, Row
from kagura.store.schema import execution_tags, executions, spans
from kagura.store.statements import execute_rows, groups, insert_rows, rows_of, upsert
from kagura.store.values import from_json, to_key

_OBSERVED = ("kind", "status", "started_at", "ended_at", "error")
"""What an execution takes over from a span that has ended; a change of it must be taken back first."""


_CHANGE = (
    update(executions)
    .where(executions.c.id == bindparam("key"))
    .values({column.name: bindparam(column.name) for column in executions.c if column.name != "id"})
)


def write_executions(
    connection: Connection,
    changed: Sequence[Row],
    old: Mapping[str, Columns],
    described: Sequence[Execution],
    gone: Sequence[Columns] = (),
) -> None:
    """Let executions follow their changed spans (`old` holds what those replace), those that are `gone`, and what is
    said about them.
    """
    differences, rewound = _differences(changed, old, gone)
    said = {to_key(execution.id) for execution in described}
    rows = _execution_rows(connection, sorted(said | differences.keys()))
    known = set(rows)
    for execution in described:
        key = to_key(execution.id)
        if key not in rows:
            rows[key] = new_execution(execution)
        describe(rows[key], execution)
    for span in changed:
        key = span["execution_id"]
        if key not in rows:
            rows[key] = execution_of(span)
        observe(rows[key], span)
    for key, sums in differences.items():
        if key in rows:
            count(rows[key], sums)
    _rewind(connection, {key: rows[key] for key in sorted(rewound & rows.keys())})
    for row in rows.values():
        settle(row)
    _store_executions(connection, rows, known, said)


def _differences(
    changed: Sequence[Row], old: Mapping[str, Columns], gone: Sequence[Columns]
) -> tuple[dict[str, Sums], set[str]]:
    """What changes in the sums of each execution, and which ones lost or replaced a span that had ended."""
    differences: dict[str, Sums] = defaultdict(lambda: NO_EXECUTION_SUMS)
    rewound = set()
    for row in changed:
        differences[row["execution_id"]] = add(differences[row["execution_id"]], execution_sums(row))
        before = old.get(row["id"])
        if before is None:
            continue
        home = before["execution_id"]
        differences[home] = add(differences[home], execution_sums(before), -1)
        ended = before["status"] != Status.RUNNING.value
        if home != row["execution_id"] or (ended and any(before[name] != row[name] for name in _OBSERVED)):
            rewound |= {home, row["execution_id"]}
    for before in gone:
        home = before["execution_id"]
        differences[home] = add(differences[home], execution_sums(before), -1)
        rewound.add(home)
    return dict(differences), rewound


def _execution_rows(connection: Connection, ids: Sequence[str]) -> dict[str, Row]:
    return {row["id"]: dict(row) for row in rows_of(connection, executions, ids)}


def _rewind(connection: Connection, rows: Mapping[str, Row]) -> None:
    times = select(
        func.min(spans.c.started_at), func.max(spans.c.started_at), func.coalesce(func.max(spans.c.ended_at), 0)
    )
    weight = span_weight()
    last_call = (
        select(spans.c.id, spans.c.ended_at, spans.c.status, spans.c.error, weight.label("weight"))
        .where(weight > 0, spans.c.status != Status.RUNNING.value, spans.c.ended_at.is_not(None))
        .order_by(weight.desc(), spans.c.ended_at.desc(), spans.c.id.desc())
        .limit(1)
    )
    for key, row in rows.items():
        first, last, end = connection.execute(times.where(spans.c.execution_id == key)).one()
        if first is not None:
            calls = connection.execute(last_call.where(spans.c.execution_id == key)).mappings().all()
            rewind(row, first, max(last, end), calls)


def _store_executions(connection: Connection, rows: Mapping[str, Row], known: set[str], said: set[str]) -> None:
    empty = [key for key, row in rows.items() if not row["spans"] and not row["declared"] and key not in said]
    for group in groups(empty):
        connection.execute(delete(executions).where(executions.c.id.in_(group)))
    kept = {key: rows[key] for key in sorted(rows.keys() - set(empty))}
    insert_rows(connection, executions, [row for key, row in kept.items() if key not in known])
    changes = [{"key": key, **row} for key, row in kept.items() if key in known]
    execute_rows(connection, _CHANGE, changes)
    tags = [
        {"execution_id": key, "key": name, "value": value}
        for key, row in kept.items()
        if key in said
        for name, value in tag_pairs(row)
    ]
    execute_rows(connection, upsert(connection, execution_tags, put=["value"]), tags)


def tag_pairs(row: Columns) -> list[tuple[str, str]]:
    """The tags of a row as they are indexed, in order."""
    return sorted((to_key(key), to_key(value)) for key, value in from_json(row["tags"], dict[str, str], {}).items())
