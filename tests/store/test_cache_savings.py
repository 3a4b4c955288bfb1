from decimal import Decimal
from typing import Any

import pytest

from kagura.model import Cost, CostLine, Usage
from kagura.store import Batch, Store, cache_savings
from kagura.store.views import CacheSavings
from tests.store.things import llm


def bill(**rows: tuple[int, str]) -> Cost:
    lines = [CostLine(unit=unit, quantity=Decimal(count), rate=Decimal(rate)) for unit, (count, rate) in rows.items()]
    return Cost(total=sum((line.amount for line in lines), Decimal(0)), lines=lines)


def calls(store: Store, *costs: Cost | None, **more: Any) -> None:
    usage = Usage(input=1000, cache_read=800, cache_write=100, output=10)
    spans = [llm(n, **{"cost": cost, "usage": usage, **more}) for n, cost in enumerate(costs)]
    store.write(Batch(spans=spans))


def test_what_was_read_is_compared_with_the_calls_own_rate_of_plain_input(store: Store) -> None:
    calls(
        store,
        bill(input=(100, "0.003"), cache_read=(800, "0.0003"), cache_write=(100, "0.00375")),
        bill(input=(200, "0.001"), cache_read=(800, "0.0005")),
    )
    assert store.cache_savings() == CacheSavings(
        saved=Decimal("2.16") + Decimal("0.4"), extra=Decimal("0.075"), calls=2, left_out=0
    )


def test_a_discount_holds_for_both_rates(store: Store) -> None:
    half = Decimal("0.5")
    lines = [
        CostLine(unit="input", quantity=Decimal(100), rate=Decimal("0.002"), factor=half),
        CostLine(unit="cache_read", quantity=Decimal(800), rate=Decimal("0.001"), factor=half),
    ]
    calls(store, Cost(total=Decimal(1), lines=lines))
    found = store.cache_savings()
    assert found is not None
    assert found.saved == Decimal("0.4")


def test_bills_without_plain_input_are_left_out_and_counted(store: Store) -> None:
    calls(store, bill(cache_read=(800, "0.0003")), Cost(total=Decimal(1)), None)
    assert store.cache_savings() == CacheSavings(saved=Decimal(0), extra=Decimal(0), calls=3, left_out=3)


def test_window_and_agent_are_respected(store: Store) -> None:
    calls(store, bill(input=(1, "0.003"), cache_read=(800, "0.0003")), at=1_000, agent="a")
    assert store.cache_savings(since=1_000, until=1_001, agent="a") is not None
    assert store.cache_savings(since=1_001) is None
    assert store.cache_savings(until=1_000) is None
    assert store.cache_savings(agent="b") is None


def test_of_too_many_calls_nothing_is_said(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_savings, "MOST", 1)
    calls(store, *[bill(input=(1, "0.003"), cache_read=(800, "0.0003"))] * 2)
    assert store.cache_savings() is None
