"""Statements that both databases understand, and rows in groups that they can take."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, Insert, Select, Table
from sqlalchemy.dialects import postgresql, sqlite

T = TypeVar("T")

GROUP = 500
"""Values in one `IN (…)`, below SQLite's oldest limit of 999 variables."""


def groups(values: Iterable[T], size: int = GROUP) -> Iterator[list[T]]:
    """Lists of at most `size` values."""
    iterator = iter(values)
    while group := list(islice(iterator, size)):
        yield group


def upsert(connection: Connection, table: Table, *, add: Sequence[str] = (), put: Sequence[str] = ()) -> Insert:
    """Insert a row; where its key is there already, add to the columns `add` and replace the columns `put`."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = make(table)
    changes = {name: table.c[name] + statement.excluded[name] for name in add}
    changes |= {name: statement.excluded[name] for name in put}
    keys = list(table.primary_key.columns)
    if not changes:
        return statement.on_conflict_do_nothing(index_elements=keys)
    return statement.on_conflict_do_update(index_elements=keys, set_=changes)


def locked(connection: Connection, statement: Select[Any]) -> Select[Any]:
    """A selection that keeps other writers off its rows; SQLite has one writer anyway."""
    return statement.with_for_update() if connection.dialect.name == "postgresql" else statement


def insert_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert whole rows as they are: plain values only, past SQLAlchemy's work on each of them."""
    if rows:
        connection.exec_driver_sql(_insert_sql(table, connection.dialect.name), list(rows))


@cache
def _insert_sql(table: Table, dialect: str) -> str:
    if dialect == "postgresql":
        return str(table.insert().compile(dialect=postgresql.dialect(paramstyle="pyformat")))  # type: ignore[no-untyped-call]
    return str(table.insert().compile(dialect=sqlite.dialect(paramstyle="named")))
