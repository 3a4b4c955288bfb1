from datetime import UTC, date, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from kagura.store import Batch, Store
from kagura.store.projection import DAY, monthly
from tests.store.things import HOUR, MINUTE, T, llm, tool

START = 20_000 * DAY
instants = st.integers(START - 90 * DAY, START + 90 * DAY)


def test_a_month_is_thirty_days_at_the_pace_of_the_stretch() -> None:
    long_ago = START - 90 * DAY
    assert monthly(Decimal(7), START - 7 * DAY, None, first=long_ago, now=START) == 30
    assert monthly(Decimal("4.57"), START, START + DAY, first=long_ago, now=START + 5 * DAY) == Decimal("137.10")
    assert monthly(Decimal(9), None, START, first=START - 90 * DAY, now=START) == 3


def test_a_day_that_has_begun_counts_whole() -> None:
    for now in (START + MINUTE, START + HOUR, START + 23 * HOUR):
        assert monthly(Decimal("4.57"), START, START + DAY, first=START, now=now) == Decimal("137.10")


def test_days_before_the_first_recorded_one_do_not_count() -> None:
    assert monthly(Decimal(6), START - 7 * DAY, None, first=START - 2 * DAY, now=START) == 90
    assert monthly(Decimal(6), START - 7 * DAY, None, first=None, now=START) is None


@given(instants, instants, instants, instants, st.decimals(0, 1000, places=6))
def test_no_stretch_makes_it_more_than_thirty_times_its_cost(
    since: int, until: int, first: int, now: int, billed: Decimal
) -> None:
    found = monthly(billed, since, until, first=first, now=now)
    assert found is not None
    assert 0 <= found <= billed * 30


def test_the_first_call_is_known_by_its_quarter_of_an_hour(store: Store) -> None:
    assert store.first_call() is None
    store.write(Batch(spans=[tool(1, T - DAY), llm(2, T + MINUTE), llm(3, T + 2 * DAY, agent="late")]))
    assert (store.first_call(), store.first_call("late"), store.first_call("never")) == (T, T + 2 * DAY, None)
    assert datetime.fromtimestamp(T / 1e6, UTC).date() == date(2025, 10, 10)


def test_a_call_that_moved_to_another_agent_was_never_the_first_of_the_old_one(store: Store) -> None:
    store.write(Batch(spans=[llm(1, T, agent="default"), llm(2, T + DAY, agent="default")]))
    store.write(Batch(spans=[llm(1, T, agent="named")]))
    assert (store.first_call("default"), store.first_call("named")) == (T + DAY, T)
