"""Statements that both databases understand, and rows in groups that they can take."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import islice
from operator import itemgetter
from typing import Any, TypeVar

from sqlalchemy import Connection, Insert, Select, Table
from sqlalchemy.dialects import postgresql, sqlite

from kagura.store.rows import Row

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
    return _upsert(connection.dialect.name, table, tuple(add), tuple(put))


@cache
def _upsert(dialect: str, table: Table, add: tuple[str, ...], put: tuple[str, ...]) -> Insert:
    statement = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(table)
    changes = {name: table.c[name] + statement.excluded[name] for name in add}
    changes |= {name: statement.excluded[name] for name in put}
    keys = list(table.primary_key.columns)
    if not changes:
        return statement.on_conflict_do_nothing(index_elements=keys)
    return statement.on_conflict_do_update(index_elements=keys, set_=changes)


def locked(connection: Connection, statement: Select[Any]) -> Select[Any]:
    """A selection that keeps other writers off its rows; SQLite has one writer anyway."""
    return statement.with_for_update() if connection.dialect.name == "postgresql" else statement


def insert_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert whole rows as they are: plain values only, past SQLAlchemy's work on each of them."""
    if rows:
        sql, values = _insertion(table, connection.dialect.name)
        connection.exec_driver_sql(sql, [values(row) for row in rows])


def upsert_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert whole rows as they are, or put them in the place of those with their keys; plain values only."""
    if rows:
        sql, values = _insertion(table, connection.dialect.name, replaces=True)
        connection.exec_driver_sql(sql, [values(row) for row in rows])


@cache
def _insertion(table: Table, dialect: str, *, replaces: bool = False) -> tuple[str, Callable[[Row], tuple[Any, ...]]]:
    """The driver's own statement, and what takes its parameters out of a row."""
    compiler = postgresql.dialect(paramstyle="format") if dialect == "postgresql" else sqlite.dialect()  # type: ignore[no-untyped-call]
    others = tuple(column.name for column in table.c if not column.primary_key)
    statement = _upsert(dialect, table, (), others) if replaces else table.insert()
    return str(statement.compile(dialect=compiler)), itemgetter(*table.columns.keys())
