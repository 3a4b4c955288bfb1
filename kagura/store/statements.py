"""Statements that both databases understand, and rows in groups that they can take."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module
from itertools import islice
from operator import itemgetter
from typing import Any, TypeVar

from sqlalchemy import Connection, CursorResult, Executable, Insert, Select, Table, bindparam, select

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
    statement = _dialect(dialect).insert(table)
    changes = {name: table.c[name] + statement.excluded[name] for name in add}
    changes |= {name: statement.excluded[name] for name in put}
    keys = list(table.primary_key.columns)
    insertion: Insert = (
        statement.on_conflict_do_update(index_elements=keys, set_=changes)
        if changes
        else statement.on_conflict_do_nothing(index_elements=keys)
    )
    return insertion


def locked(connection: Connection, statement: Select[Any]) -> Select[Any]:
    """A selection that keeps other writers off its rows; SQLite has one writer anyway."""
    return statement.with_for_update() if connection.dialect.name == "postgresql" else statement


def insert_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert whole rows; plain values only."""
    execute_rows(connection, _insertion(table), rows)


def upsert_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert whole rows, or put them in the place of those with their keys; plain values only."""
    execute_rows(connection, _upsert(connection.dialect.name, table, (), _others(table)), rows)


def execute_rows(connection: Connection, statement: Executable, rows: Sequence[Row]) -> None:
    """Execute a statement for each row, past SQLAlchemy's work on each of them.

    Values must be plain: text, numbers, bytes. The statement is compiled once, so it must be a lasting one; an
    insertion wants whole rows.
    """
    if rows:
        sql, names = _compiled(statement, connection.dialect.name)
        values = itemgetter(*names)
        connection.exec_driver_sql(sql, [values(row) for row in rows])


def rows_of(
    connection: Connection, table: Table, keys: Iterable[Any], columns: Sequence[str] = ()
) -> Iterator[Mapping[str, Any]]:
    """The rows of a table (its `columns`, or all) with these first keys, in their order, locked where others write.

    Groups are filled up with their last key, so that one statement serves all of them.
    """
    for group in groups(keys):
        # A batch asks for few keys or for many; SQLite looks each place up, be it filled or not.
        size = next(size for size in _GROUPS if len(group) <= size)
        sql, _ = _compiled(_of_keys(table, tuple(columns), size, connection.dialect.name), connection.dialect.name)
        found = connection.exec_driver_sql(sql, (*group, *group[-1:] * (size - len(group))))
        names = tuple(found.keys())
        for row in found:
            yield dict(zip(names, row, strict=True))


_GROUPS = (8, 64, GROUP)


@cache
def _of_keys(table: Table, columns: tuple[str, ...], size: int, dialect: str) -> Select[Any]:
    key = next(iter(table.primary_key))
    wanted = [table.c[name] for name in columns] or table.c
    statement = select(*wanted).where(key.in_([bindparam(f"key_{number}") for number in range(size)])).order_by(key)
    return statement.with_for_update() if dialect == "postgresql" else statement


def query(connection: Connection, statement: Executable, **values: Any) -> CursorResult[Any]:
    """Execute a lasting statement with named, plain values; it is compiled once."""
    sql, names = _compiled(statement, connection.dialect.name)
    return connection.exec_driver_sql(sql, tuple(values[name] for name in names))


@cache
def _insertion(table: Table) -> Insert:
    return table.insert()


@cache
def _others(table: Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.c if not column.primary_key)


@cache
def _compiled(statement: Executable, dialect: str) -> tuple[str, tuple[str, ...]]:
    """A statement in the driver's own words, and the names of its parameters in their order."""
    style = {"paramstyle": "format"} if dialect == "postgresql" else {}
    compiler = _dialect(dialect).dialect(**style)
    compiled: Any = statement.compile(dialect=compiler)  # type: ignore[attr-defined]
    return str(compiled), tuple(compiled.positiontup)


def _dialect(name: str) -> Any:
    """What SQLAlchemy knows of a database, loaded only for the one that is used."""
    return import_module(f"sqlalchemy.dialects.{name}")
