"""A SQLite store read by the standard library alone, for commands that run at every prompt and every Tab.

`kagura.store` stays the only one that knows the store as a whole; what cannot be answered here (PostgreSQL, a
configuration that names another store, an older schema) is told by `None`, and the caller asks the store instead.
"""

# pathlib takes longer to load than everything here.
# ruff: noqa: PTH100, PTH110, PTH111, PTH123

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

BUSY_SECONDS = 0.05
"""How long a query waits for another process; readers of a store in WAL mode wait for nobody."""


def sqlite_path(environ: Mapping[str, str], home: str | None = None, db: str | None = None) -> str | None:
    """The file of the trace store, from flags and environment; `None` where only the whole configuration tells."""
    folder = os.path.expanduser(home or environ.get("KAGURA_HOME") or "~/.kagura")
    target = db or environ.get("KAGURA_DB")
    if not target:
        config = environ.get("KAGURA_CONFIG") or f"{folder}/config.yaml"
        if _may_name_store(os.path.expanduser(config)):
            return None
        target = f"{folder}/telemetry.db"
    target = target.removeprefix("sqlite:///")
    return None if "://" in target or target == ":memory:" else os.path.abspath(os.path.expanduser(target))


def _may_name_store(config: str) -> bool:
    """Whether a configuration may set `db` or `home`; one that cannot be read may."""
    try:
        with open(config, encoding="utf-8") as file:
            lines = [line.lstrip(" \"'") for line in file]
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        return True
    return any(line.startswith(("db", "home", "{", "<<")) for line in lines)


@contextmanager
def reading(path: str) -> Iterator[sqlite3.Connection | None]:
    """A connection that can only read; `None` where there is no store yet. Raises sqlite3.Error where it is broken."""
    if not os.path.exists(path):
        yield None
        return
    quoted = path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    connection = sqlite3.connect(f"file:{quoted}?mode=ro", uri=True, timeout=BUSY_SECONDS)
    try:
        connection.execute("PRAGMA query_only = ON")
        yield connection
    finally:
        connection.close()
