"""What the store keeps of message chains."""

from sqlalchemy import text

from kagura.store import Batch, ChainState, Store
from kagura.store.migrations import MIGRATIONS, migrate
from kagura.store.schema import DAY
from tests.store.things import span_id


def state(n: int, key: bytes = b"a" * 16, **fields: object) -> ChainState:
    fields = {"execution_id": "mine", "step": n, "started_at": n * DAY, "ended_at": n * DAY + 5} | fields
    return ChainState(key=key, span_id=span_id(n), **fields)  # type: ignore[arg-type]


def test_states_are_found_by_key_the_earliest_first(store: Store) -> None:
    states = [state(2), state(1, user="ann", system=b"s", branch=span_id(9)), state(3, b"b" * 16)]
    store.write(Batch(chains=states))
    assert store.chain_states([b"a" * 16]) == [states[1], states[0]]
    assert store.chain_states([b"b" * 16, b"c" * 16]) == [states[2]]


def test_a_state_that_was_continued_replaces_the_earlier_one(store: Store) -> None:
    store.write(Batch(chains=[state(1)]))
    store.write(Batch(chains=[state(1), state(1, next_id=span_id(2))]))
    assert [found.next_id for found in store.chain_states([b"a" * 16])] == [span_id(2)]


def test_old_states_are_removed_with_their_calls(store: Store) -> None:
    store.write(Batch(chains=[state(1), state(1, b"b" * 16), state(8)]))
    store.prune(days=3, content_days=None, now=10 * DAY)
    assert [found.step for found in store.chain_states([b"a" * 16, b"b" * 16])] == [8]


def test_a_database_of_the_third_version_learns_of_chains(store: Store) -> None:
    with store.writing() as connection:
        connection.execute(text("DROP TABLE chains"))
        connection.execute(text("UPDATE schema_version SET version = 3"))
        migrate(connection, MIGRATIONS[:3])
    store.write(Batch(chains=[state(1)]))
    assert len(store.chain_states([b"a" * 16])) == 1
