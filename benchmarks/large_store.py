"""A SQLite store of many millions of spans in minutes.

    python -m benchmarks.large_store FOLDER [--spans 10000000] [--seed STORE]

The first million is written as the collector writes, over the thirty days before today (or copied from the store
`--seed`, made by an earlier run with `--spans 1000000`); the others are copies of it by SQL, two for each of the
thirty days before those, and so on. `FOLDER` is a KAGURA_HOME afterwards.
"""

import argparse
import shutil
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

import benchmarks.store as writing
from kagura.store import Store

SEED_SPANS = 1_000_000
DAYS = 30
SLOTS_A_DAY = 96
MOST_COPIES = 15
"""Ways to turn the digits of an id round."""
LATER = 7_000_000
"""Microseconds between the two copies of one stretch of time."""

_INSTANTS = {"started_at", "ended_at", "preview_at", "last_activity_at", "last_call_at"}
_KEYS = ("slot", "agent", "provider", "kind", "name")


def seed(path: Path) -> None:
    """Write the first million spans, which end now."""
    writing.START = time.time_ns() // 1000 - DAYS * writing.DAY
    with Store.open(f"sqlite:///{path}") as store:
        writing.write(store, SEED_SPANS, DAYS)


def multiply(path: Path, copies: int) -> None:
    """Add copies of all that is there, each with ids of its own."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -2000000", "temp_store = MEMORY"):
            connection.execute(f"PRAGMA {pragma}")
        indexes = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name IN ('spans', 'executions')"
            " AND sql IS NOT NULL"
        ).fetchall()
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}")
        tables = ("spans", "executions", "usage_slots", "usage_days")
        for table in tables:
            connection.execute(f"CREATE TEMP TABLE seed_{table} AS SELECT * FROM {table}")
        for copy in range(1, copies + 1):
            months, second = divmod(copy + 1, 2)
            for table in tables:
                _copy(connection, table, copy, months * DAYS, second * LATER)
            print(f"{(copy + 1) * SEED_SPANS:,} spans", file=sys.stderr, flush=True)
        for _, sql in indexes:
            connection.execute(sql)
        connection.execute("PRAGMA journal_mode = WAL")


def _copy(connection: sqlite3.Connection, table: str, copy: int, days: int, later: int) -> None:
    names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    shift = days * writing.DAY - later
    if table.startswith("usage"):
        unit = SLOTS_A_DAY if table == "usage_slots" else 1
        picked = [f"slot - {days * unit}" if name == "slot" else name for name in names]
        added = ", ".join(f"{name} = {name} + excluded.{name}" for name in names if name not in _KEYS)
        conflict = f"WHERE true ON CONFLICT ({', '.join(_KEYS)}) DO UPDATE SET {added}"
    else:
        ends = {name: f"{name} || '-{copy}'" for name in ("id", "execution_id", "session_id")}
        made = ends | {"last_call_id": _turned("last_call_id", copy)}
        if table == "spans":
            made["id"] = _turned("id", copy)
        made |= {name: f"{name} - {shift}" for name in _INSTANTS}
        picked, conflict = [made.get(name, f'"{name}"') for name in names], "ORDER BY id"
    columns = ", ".join(f'"{name}"' for name in names)
    connection.execute(f"INSERT INTO {table} ({columns}) SELECT {', '.join(picked)} FROM seed_{table} {conflict}")


def _turned(name: str, by: int) -> str:
    """A span's id with its digits turned round, which is as random as it was."""
    return f"substr({name}, {by + 1}) || substr({name}, 1, {by})"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.large_store", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--spans", type=int, default=10 * SEED_SPANS)
    parser.add_argument("--seed", type=Path, metavar="STORE")
    options = parser.parse_args()
    options.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = options.folder / "telemetry.db"
    if options.seed:
        shutil.copyfile(options.seed, path)
    else:
        seed(path)
    copies = min(options.spans // SEED_SPANS - 1, MOST_COPIES)
    if copies > 0:
        multiply(path, copies)


if __name__ == "__main__":
    main()
