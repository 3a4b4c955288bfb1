import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from kagura.errors import StoreError
from kagura.store import Batch, Store
from tests.store.things import llm, running


def refusal(url: str, **options: bool) -> StoreError:
    with pytest.raises(StoreError) as caught:
        Store.open(url, **options)
    assert caught.value.remedy
    return caught.value


def test_the_file_and_its_folder_are_private(sqlite_url: str, tmp_path: Path) -> None:
    os.umask(os.umask(0o022))
    with Store.open(sqlite_url) as store:
        store.write(Batch(spans=[llm()]))
        for path in (tmp_path / "home").iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o700


def test_what_was_written_is_there_after_opening_again(lasting_url: str) -> None:
    with Store.open(lasting_url) as store:
        store.write(Batch(spans=[llm()]))
    with Store.open(lasting_url) as store:
        assert store.overview().llm_calls == 1


def test_readers_make_no_file(sqlite_url: str, tmp_path: Path) -> None:
    for options in ({"read_only": True}, {"create": False}):
        assert "no calls recorded yet" in refusal(sqlite_url, **options).message
    assert list(tmp_path.iterdir()) == []


def test_an_empty_database_has_no_calls_for_readers(lasting_url: str, tmp_path: Path) -> None:
    if lasting_url.startswith("sqlite:"):
        (tmp_path / "home").mkdir()
        (tmp_path / "home" / "telemetry.db").touch()
    for options in ({"read_only": True}, {"create": False}):
        assert "no calls recorded yet" in refusal(lasting_url, **options).message
    with Store.open(lasting_url) as store:
        assert store.overview().llm_calls == 0


def test_a_reader_reads_with_and_without_a_writer_and_writes_nothing(lasting_url: str) -> None:
    with Store.open(lasting_url) as store:
        store.write(Batch(spans=[llm()]))
        with Store.open(lasting_url, read_only=True) as reader:
            assert reader.overview().llm_calls == 1
            store.write(Batch(spans=[llm(2)]))
            assert reader.overview().llm_calls == 2
            with pytest.raises(StoreError):
                reader.write(Batch(spans=[llm(3)]))
    with Store.open(lasting_url, read_only=True) as reader:
        assert reader.overview().llm_calls == 2


def test_a_newer_schema_is_refused(lasting_url: str) -> None:
    with Store.open(lasting_url) as store, store.writing() as connection:
        connection.exec_driver_sql("UPDATE schema_version SET version = 999")
    for read_only in (False, True):
        error = refusal(lasting_url, read_only=read_only)
        assert "newer kagura" in error.message and "Update" in error.remedy


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("These are notes, no database at all. " * 100)
    for read_only in (False, True):
        assert "is not a SQLite database" in refusal(f"sqlite:///{path}", read_only=read_only).message
    assert path.read_text().startswith("These are notes")


def test_another_programs_database_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()
    assert "recipes" in refusal(f"sqlite:///{path}").message


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert "is a folder" in refusal(f"sqlite:///{tmp_path}").message


def test_a_path_through_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "file" in refusal(f"sqlite:///{tmp_path}/file/telemetry.db").message


def test_a_damaged_file_is_explained(sqlite_url: str, tmp_path: Path) -> None:
    with Store.open(sqlite_url) as store:
        store.write(Batch(spans=[llm(number) for number in range(500)]))
    path = tmp_path / "home" / "telemetry.db"
    data = bytearray(path.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    path.write_bytes(data)
    with pytest.raises(StoreError) as caught, Store.open(sqlite_url) as store:
        store.executions()
        list(store.export_spans())
    assert "damaged" in caught.value.message and caught.value.remedy


def test_a_database_that_cannot_be_reached_is_explained(tmp_path: Path) -> None:
    error = refusal(f"postgresql+psycopg://someone:secret@/kagura?host={tmp_path}")
    assert "cannot be reached" in error.message
    assert "secret" not in str(error)


@pytest.mark.parametrize(
    ("url", "message", "remedy"),
    [
        ("mysql://root@localhost/x", "mysql: no such kind of trace store", "PostgreSQL"),
        ("no url at all", "URL cannot be read", "postgresql+psycopg://"),
    ],
)
def test_an_unusable_url_is_refused(url: str, message: str, remedy: str) -> None:
    error = refusal(url)
    assert message in error.message
    assert remedy in error.remedy


def test_a_plain_postgresql_url_is_understood(empty_postgres_url: str) -> None:
    assert empty_postgres_url.startswith("postgresql://")
    with Store.open(empty_postgres_url) as store:
        store.write(Batch(spans=[running()]))
        assert store.overview().active_executions == 1


def test_odd_file_names_work(tmp_path: Path) -> None:
    path = tmp_path / "a folder #1?" / "100%20 日本.db"
    with Store.open(f"sqlite:///{path}") as store:
        store.write(Batch(spans=[llm()]))
    with Store.open(f"sqlite:///{path}", read_only=True) as store:
        assert store.overview().llm_calls == 1
    assert path.is_file()


def test_only_the_store_costs_the_import_of_sqlalchemy() -> None:
    code = "import sys, kagura.model, kagura.config; assert 'sqlalchemy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
