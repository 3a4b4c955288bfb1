import threading
import time

import pytest
from sqlalchemy import Connection, text

from kagura.store import Batch, Revision, SpanContents, Store, migrations
from kagura.store.migrations import FIRST_VERSION, MIGRATIONS, Migration, latest, migrate
from tests.store.things import llm, span_id


def add_colour(connection: Connection) -> None:
    connection.execute(text("ALTER TABLE executions ADD COLUMN colour TEXT"))


def add_index(connection: Connection) -> None:
    connection.execute(text("CREATE INDEX ix_executions_colour ON executions (colour)"))


STEPS = (Migration(FIRST_VERSION + 1, add_colour), Migration(FIRST_VERSION + 2, add_index))


def version(connection: Connection) -> int:
    return int(connection.execute(text("SELECT version FROM schema_version")).scalar_one())


def test_versions_are_numbered_without_a_gap() -> None:
    assert [migration.version for migration in MIGRATIONS] == list(range(FIRST_VERSION + 1, latest() + 1))


def test_an_older_database_walks_the_steps_once(store: Store) -> None:
    with store.writing() as connection:
        connection.execute(text("UPDATE schema_version SET version = :version"), {"version": FIRST_VERSION})
        migrate(connection, STEPS)
        assert version(connection) == FIRST_VERSION + 2
        migrate(connection, STEPS)
        connection.execute(text("SELECT colour FROM executions"))


def test_a_step_that_takes_long_is_told(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(migrations, "SILENT_SECONDS", 0.01)
    steps = (STEPS[0], Migration(FIRST_VERSION + 2, lambda _: time.sleep(0.3)))
    with store.writing() as connection:
        connection.execute(text("UPDATE schema_version SET version = :version"), {"version": FIRST_VERSION})
        migrate(connection, steps)
    assert "step 2 of 2" in caplog.messages[-1]


def test_a_migration_that_fails_leaves_the_old_schema(store: Store) -> None:
    def fail(connection: Connection) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError), store.writing() as connection:
        migrate(connection, (Migration(latest() + 1, add_colour), Migration(latest() + 2, fail)))
    with store.writing() as connection:
        assert version(connection) == latest()
        add_colour(connection)


def test_a_database_of_the_first_version_learns_of_attempts_and_results(store: Store) -> None:
    store.write(Batch(spans=[llm(1)]))
    with store.writing() as connection:
        for statement in (
            "DROP TABLE results",
            "DROP INDEX ix_spans_first_attempt",
            "ALTER TABLE spans DROP COLUMN first_attempt_id",
            *(f"ALTER TABLE {name} DROP COLUMN retries" for name in ("executions", "usage_slots", "usage_days")),
        ):
            connection.execute(text(statement))
        connection.execute(text("UPDATE schema_version SET version = :version"), {"version": FIRST_VERSION})
        migrate(connection, MIGRATIONS[:1])
    store.write(Batch(spans=[llm(2, attempt=2, first_attempt_id=span_id(1))], results={"a": span_id(1)}))
    (row,) = store.executions()
    assert (row.llm_calls, row.retries, row.spans) == (1, 1, 2)
    assert store.result_spans(["a", "b"]) == {"a": span_id(1)}


def test_a_database_of_the_second_version_learns_of_revisions(store: Store) -> None:
    with store.writing() as connection:
        connection.execute(text("DROP TABLE span_revisions"))
        connection.execute(text("UPDATE schema_version SET version = 2"))
        migrate(connection, MIGRATIONS[:2])
    store.write(Batch(spans=[llm(1)], revisions=[Revision(span_id=span_id(1), revised_at=5, reason="read anew")]))
    assert [revision.revised_at for revision in store.revisions(span_id(1))] == [5]


def test_a_database_of_the_fifth_version_learns_of_alerts(store: Store) -> None:
    with store.writing() as connection:
        for name in ("alert_states", "alert_messages"):
            connection.execute(text(f"DROP TABLE {name}"))
        connection.execute(text("UPDATE schema_version SET version = 5"))
        migrate(connection, MIGRATIONS[:5])
        assert version(connection) == 6
    assert store.firing_alerts() == []
    assert store.take_messages(1, 1) == []


def test_a_database_of_the_ninth_version_learns_of_raw_requests(store: Store) -> None:
    with store.writing() as connection:
        connection.execute(text("ALTER TABLE span_contents DROP COLUMN raw_request"))
        connection.execute(text("UPDATE schema_version SET version = 9"))
        migrate(connection)
        assert version(connection) == latest()
    store.write(Batch(spans=[llm(1)], contents=[(llm(1).id, SpanContents(raw_request=b"{}"))]))
    assert store.span_contents(llm(1).id) == SpanContents(raw_request=b"{}")


def test_many_may_open_a_new_database_at_once(lasting_url: str) -> None:
    failures: list[BaseException] = []

    def open_it() -> None:
        try:
            with Store.open(lasting_url) as store:
                store.positions()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_reader_brings_an_older_database_up_to_date(lasting_url: str) -> None:
    with Store.open(lasting_url) as store, store.writing() as connection:
        connection.execute(text("DROP TABLE span_revisions"))
        connection.execute(text("UPDATE schema_version SET version = 2"))
    with Store.open(lasting_url, read_only=True) as reader:
        assert reader.revisions(span_id(1)) == []
        with reader.reading() as connection:
            assert version(connection) == latest()
