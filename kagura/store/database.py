"""The connection to the trace store: engines, transactions, and errors in words with a remedy."""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Self, TypeVar

from sqlalchemy import URL, Connection, create_engine, event, make_url
from sqlalchemy.engine import Engine
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import Pool, QueuePool, StaticPool

from kagura.errors import StoreError
from kagura.store.migrations import check_version, migrate
from kagura.store.opening import NO_CALLS

BUSY_TIMEOUT = 10.0
"""Seconds that a statement waits for another process's transaction."""

PAGE_CACHE_READING, PAGE_CACHE_WRITING = 10 << 20, 4 << 20
"""Bytes of pages that SQLite keeps in memory, all connections together; the system's own cache holds the rest, and
what writes is not faster with more."""

_T = TypeVar("_T")

_WRITES, _DURABLE = "kagura_writes", "kagura_durable"

_EXPLANATIONS = (
    ("file is not a database", "is not a SQLite database", "Move the file away, or name another one with KAGURA_DB."),
    ("malformed", "is damaged", "Move the file away, or save what can be read: `sqlite3 FILE .recover`."),
    ("readonly database", "cannot be written", "Check who owns the file and its folder."),
    ("unable to open", "cannot be opened", "Check that the folder exists and that you may write to it."),
    ("disk is full", "cannot be written: the disk is full", "Free some space; nothing recorded is lost meanwhile."),
    ("disk i/o error", "cannot be read or written: the disk reports an error", "Check the disk."),
    ("interrupted", "took too long to answer", "Ask for less: a shorter window."),
    ("statement timeout", "took too long to answer", "Ask for less: a shorter window."),
    ("locked", "is held by another process", "Wait for it to end; `fuser FILE` names it."),
    ("password authentication", "refuses the user or password", "Check the URL in KAGURA_DB."),
    ("does not exist", "has no such database, role or table", "Create it, or check the URL in KAGURA_DB."),
    ("connection", "cannot be reached", "Check that the server runs and the URL in KAGURA_DB."),
)
"""What a driver's message contains, what it means, and what to do."""


class Database:
    """A trace store that is open; the subjects (writes, queries, retention) build on its two kinds of transaction."""

    def __init__(self, engine: Engine, name: str, *, read_only: bool) -> None:
        self.engine = engine
        self.name = name
        self.read_only = read_only
        # One connection is shared by all threads in memory, so transactions take turns.
        in_memory = isinstance(engine.pool, StaticPool)
        self._turn = threading.RLock() if in_memory else nullcontext()
        self._held = threading.local()

    @classmethod
    def open(cls, url: str, *, create: bool = True, read_only: bool = False) -> Self:
        """Open the store at a SQLAlchemy URL, bring it to the newest schema, or only read it.

        `create=False` and `read_only=True` never make a database. Raises StoreError where there is none, or it is
        damaged, foreign, newer than this program or out of reach.
        """
        parsed = _parse(url)
        name = _name(parsed)
        with _explained(name):
            engine = _engine(parsed, create=create and not read_only, read_only=read_only)
        database = cls(engine, name, read_only=read_only)
        try:
            # Several processes may find the same new file, and one of them switches it to WAL.
            outdated = retried(lambda: database._prepare_tables(create=create), pause=time.sleep)
        except BaseException:
            engine.dispose()
            raise
        if outdated:
            # An older kagura made it: a reader brings it up to date too, so that an update needs no command of its own.
            database.close()
            cls.open(url, create=False).close()
            return cls.open(url, read_only=True)
        return database

    def _prepare_tables(self, *, create: bool) -> bool:
        """Check the tables, and make or migrate them where this may write; whether a reader found them outdated."""
        if self.read_only:
            with self.reading() as connection:
                return check_version(connection, self.name, may_be_empty=False)
        with self.writing() as connection:
            if check_version(connection, self.name, may_be_empty=create):
                migrate(connection)
        return False

    def close(self) -> None:
        """Let all connections go."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the store throughout, and blocks no writer."""
        held: Connection | None = getattr(self._held, "connection", None)
        if held is not None:
            yield held
            return
        with self._turn, _explained(self.name), self.engine.connect() as connection:
            if self.engine.dialect.name == "postgresql":
                connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with connection.begin():
                yield connection

    @contextmanager
    def one_state(self) -> Iterator[None]:
        """All questions that this thread asks in the block see one state, and cost no transaction each.

        Nothing may be written in it.
        """
        with self.reading() as connection:
            self._held.connection = connection
            try:
                yield
            finally:
                self._held.connection = None

    @contextmanager
    def writing(self, *, durable: bool = False) -> Iterator[Connection]:
        """A transaction that writes, whole or not at all. With `durable`, it is on the disk when this returns."""
        if self.read_only:
            raise StoreError("the trace store is open for reading only", "Open it without `read_only`.")
        with self._turn, _explained(self.name), self.engine.connect() as connection:
            connection.execution_options(**{_WRITES: True, _DURABLE: durable})
            with connection.begin():
                yield connection


def _parse(url: str) -> URL:
    scheme, _, rest = url.partition("://")
    if scheme in ("sqlite", "sqlite+pysqlite"):
        # The path is taken as it is: file names may hold `?`, `#` and `%`.
        return URL.create("sqlite", database=rest.removeprefix("/") or None)
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise StoreError("the trace store's URL cannot be read", "Such as postgresql+psycopg://user@host/db.") from None
    backend = parsed.get_backend_name()
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    raise StoreError(f"{backend}: no such kind of trace store", "SQLite files and PostgreSQL are supported.")


def _name(url: URL) -> str:
    """What to call the store in messages: its file, or its URL without the password."""
    if url.get_backend_name() == "sqlite":
        return url.database or "the trace store in memory"
    return url.set(query={}).render_as_string(hide_password=True)


def _engine(url: URL, *, create: bool, read_only: bool) -> Engine:
    if url.get_backend_name() == "postgresql":
        return _postgresql(url)
    if url.database in (None, "", ":memory:"):
        return _sqlite(":memory:", StaticPool, read_only=False)
    path = Path(str(url.database)).absolute()
    _prepare(path, create=create, read_only=read_only)
    return _sqlite(f"{path.as_uri()}?mode={'ro' if read_only else 'rw'}", QueuePool, read_only=read_only)


def _prepare(path: Path, *, create: bool, read_only: bool) -> None:
    """Make the file and its folder, private from their first moment, or say why it cannot be."""
    try:
        if path.is_dir():
            raise StoreError(f"{path}: is a folder", "Name a file, such as telemetry.db in it.")
        if not path.exists():
            if not create:
                raise StoreError(f"{path}: {NO_CALLS}", "Start `kagura proxy`, or `kagura run -- COMMAND`.")
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        if not os.access(path, os.R_OK if read_only else os.R_OK | os.W_OK):
            wanted = "read" if read_only else "written"
            raise StoreError(f"{path}: cannot be {wanted}", "Check who owns the file and its folder.")
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}", "Check the path, and who owns its folder.") from None


def _sqlite(target: str, pool: type[Pool], *, read_only: bool) -> Engine:
    """An engine whose transactions begin and end exactly where ours do."""

    pages = PAGE_CACHE_READING if read_only else PAGE_CACHE_WRITING

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            target, uri=True, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False
        )
        pragmas = [
            "foreign_keys = OFF",
            "synchronous = NORMAL",
            f"cache_size = -{pages * 4 // 5 >> 10}",
            f"soft_heap_limit = {pages}",
        ]
        if read_only:
            pragmas.append("query_only = ON")
        else:
            pragmas = [
                "auto_vacuum = INCREMENTAL",
                "journal_mode = WAL",
                "wal_autocheckpoint = 4000",
                "journal_size_limit = 67108864",
                *pragmas,
            ]
        try:
            for pragma in pragmas:
                connection.execute(f"PRAGMA {pragma}").close()
        except BaseException:
            connection.close()
            raise
        return connection

    engine = create_engine("sqlite://", creator=connect, poolclass=pool)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if not options.get(_WRITES):
            connection.exec_driver_sql("BEGIN")
            return
        connection.exec_driver_sql(f"PRAGMA synchronous = {'FULL' if options.get(_DURABLE) else 'NORMAL'}")
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _postgresql(url: URL) -> Engine:
    arguments = {"connect_timeout": 10, "application_name": "kagura"}
    given = {name: value for name, value in arguments.items() if name not in url.query}
    try:
        return create_engine(url, pool_pre_ping=True, pool_size=4, connect_args=given)
    except (ImportError, NoSuchModuleError):
        raise StoreError("PostgreSQL needs its driver", 'Install it: pip install "kagura[postgres]"') from None


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """Turn a driver's error into a StoreError that says what is wrong with the store `name`."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise explain(error, name) from error


def explain(error: Exception, name: str) -> StoreError:
    """What a driver's error means for the user."""
    reason = " ".join(str(error.orig if isinstance(error, DBAPIError) else error).split())
    for sign, meaning, remedy in _EXPLANATIONS:
        if sign in reason.lower():
            return StoreError(f"{name}: {meaning} ({reason})", remedy)
    return StoreError(f"{name}: {reason}", "This should not happen; please report it.")


def retried(work: Callable[[], _T], *, attempts: int = 6, pause: Callable[[float], None]) -> _T:
    """Do `work` again where another process was in the way; the last failure is raised."""
    for attempt in range(attempts - 1):
        try:
            return work()
        except StoreError as error:
            if not _may_pass(error.__cause__):
                raise
            pause(0.05 * 2**attempt)
    return work()


_PASSING = frozenset({"40001", "40P01", "23505", "55P03"})
"""SQLSTATEs of PostgreSQL: serialization failure, deadlock, two writers with one new key, lock not available."""


def _may_pass(error: BaseException | None) -> bool:
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated or getattr(error.orig, "sqlstate", None) in _PASSING:
        return True
    return "locked" in str(error.orig)
