"""Stores of every kind, each test with its own."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from kagura.store import Store


@pytest.fixture(params=["sqlite", "memory", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database, of each kind in turn."""
    if request.param == "postgresql":
        yield from postgres_url(request.getfixturevalue("postgres_server"))
    else:
        yield "sqlite://" if request.param == "memory" else f"sqlite:///{tmp_path}/home/telemetry.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def lasting_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database that other connections and processes can open, of each kind in turn."""
    if request.param == "postgresql":
        yield from postgres_url(request.getfixturevalue("postgres_server"))
    else:
        yield f"sqlite:///{tmp_path}/home/telemetry.db"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """An empty store, on each database in turn."""
    with Store.open(url) as opened:
        yield opened


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of a SQLite file that is not there yet."""
    return f"sqlite:///{tmp_path}/home/telemetry.db"


@pytest.fixture
def empty_postgres_url(postgres_server: str) -> Iterator[str]:
    """The URL of an empty schema of PostgreSQL."""
    yield from postgres_url(postgres_server)


def postgres_url(server: str) -> Iterator[str]:
    schema = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
        url = make_url(server).update_query_dict({"options": f"-csearch_path={schema}"})
        yield url.render_as_string(hide_password=False)
        connection.execute(f"DROP SCHEMA {schema} CASCADE")
