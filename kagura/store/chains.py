"""Where the message lists of calls stand: by which the next call of a run is known."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, bindparam, exists, or_, select

from kagura.model import Span, SpanKind
from kagura.store.batch import ChainState
from kagura.store.database import Database
from kagura.store.rows import Columns, Row, to_span
from kagura.store.schema import chains, spans
from kagura.store.statements import groups, query, upsert_rows
from kagura.store.values import to_key, to_optional_key

MOST_EQUAL = 50
"""Calls of one key that a look-up gives at most, the latest."""


class Chains(Database):
    """Looks states up."""

    def chain_states(self, keys: Iterable[bytes]) -> list[ChainState]:
        """The states of these keys, the earliest first; of keys that very many calls share only the latest."""
        found: list[ChainState] = []
        with self.reading() as connection:
            for group in groups(keys):
                limit = len(group) * MOST_EQUAL
                rows = select(chains).where(chains.c.key.in_(group)).order_by(chains.c.started_at.desc()).limit(limit)
                found += [_state(row) for row in connection.execute(rows).mappings()]
        return sorted(found, key=lambda state: (state.started_at, state.span_id))

    def without_spans(self, execution_ids: Iterable[str]) -> set[str]:
        """Those of these executions of which no span is stored."""
        keys = {to_key(id): id for id in execution_ids}
        with self.reading() as connection:
            for group in groups(sorted(keys)):
                some = select(spans.c.execution_id).where(spans.c.execution_id.in_(group)).distinct()
                for (key,) in connection.execute(some):
                    keys.pop(key)
        return set(keys.values())

    def spans_of_kinds(self, execution_id: str, kinds: Iterable[SpanKind]) -> list[Span]:
        """The spans of an execution that are of one of the kinds, by start."""
        named = {f"kind_{number}": kind.value for number, kind in enumerate(kinds)}
        execution = to_key(execution_id)
        with self.reading() as connection:
            # Most runs are new: what is asked first is the cheapest question.
            if not query(connection, _ANY, execution=execution).scalar():
                return []
            rows = query(connection, _of_kinds(len(named)), execution=execution, **named)
            return [to_span(row) for row in rows.mappings()]


_ANY = select(exists().where(spans.c.execution_id == bindparam("execution")))


@cache
def _of_kinds(count: int) -> Select[Any]:
    """Asked for every run that an earlier collector may have seen, and so compiled once."""
    is_one = or_(*(spans.c.kind == bindparam(f"kind_{number}") for number in range(count)))
    own = select(spans).where(spans.c.execution_id == bindparam("execution"), is_one)
    return own.order_by(spans.c.started_at, spans.c.id)


def _state(row: Columns) -> ChainState:
    fields = {name: row[name] for name in ChainState.__struct_fields__}
    return ChainState(**fields | {name: bytes(row[name] or b"") for name in _BINARY})


_BINARY = ("key", "system", "caller", "signatures")


def write_chains(connection: Connection, given: Sequence[ChainState]) -> None:
    """Write states; one that is there already gets what is newly known of it."""
    rows = {(state.key, to_key(state.span_id)): _row(state) for state in given}
    upsert_rows(connection, chains, [rows[key] for key in sorted(rows)])


def _row(state: ChainState) -> Row:
    return {
        "key": state.key,
        "span_id": to_key(state.span_id),
        "execution_id": to_key(state.execution_id),
        "step": state.step,
        "started_at": state.started_at,
        "ended_at": state.ended_at,
        "user": to_optional_key(state.user),
        "system": state.system,
        "caller": state.caller or None,
        "signatures": state.signatures or None,
        "branch": to_optional_key(state.branch),
        "next_id": to_optional_key(state.next_id),
    }
