"""Bills of made-up prices: marginal steps, minimums, factors, sources."""

from decimal import Decimal

from kagura.model import Cost, Usage
from kagura.pricing.billing import cost_of
from kagura.pricing.price import Factor, Price, price_of
from kagura.pricing.rows import PriceRow, Variant

RATES = {"input": Decimal(1), "cache_read": Decimal("0.1"), "output": Decimal(2)}


def price(*variants: Variant, **minimums: str) -> Price:
    return Price(
        provider="p",
        model="m",
        rates=RATES,
        variants=list(variants),
        minimums={unit: Decimal(least) for unit, least in minimums.items()},
        source="s 1",
        recorded="2026-01-02",
    )


def bill(cost: Cost) -> list[tuple[str, int, Decimal, str | None]]:
    return [(line.unit, int(line.quantity), line.rate, line.tier) for line in cost.lines]


def test_a_marginal_step_bills_only_what_lies_beyond_it() -> None:
    step = Variant(above=100, marginal=True, rates={"input": Decimal(3)})
    cost = cost_of(price(step), Usage(input=150, output=10), 0)
    assert bill(cost) == [
        ("input", 100, Decimal(1), None),
        ("input", 50, Decimal(3), "beyond 100 input tokens"),
        ("output", 10, Decimal(2), None),
    ]
    assert cost.total == 100 + 150 + 20


def test_cached_tokens_take_the_first_places() -> None:
    step = Variant(above=100, marginal=True, rates={"input": Decimal(3), "cache_read": Decimal("0.3")})
    cost = cost_of(price(step), Usage(input=150, cache_read=120), 0)
    assert bill(cost) == [
        ("cache_read", 100, Decimal("0.1"), None),
        ("cache_read", 20, Decimal("0.3"), "beyond 100 input tokens"),
        ("input", 30, Decimal(3), "beyond 100 input tokens"),
    ]


def test_several_marginal_steps() -> None:
    steps = [Variant(above=above, marginal=True, rates={"input": Decimal(above)}) for above in (20, 10)]
    cost = cost_of(price(*steps), Usage(input=25), 0)
    assert [(int(line.quantity), int(line.rate)) for line in cost.lines] == [(10, 1), (10, 10), (5, 20)]
    assert cost_of(price(*steps), Usage(input=10), 0).total == 10


def test_a_step_of_output_holds_for_all_of_it() -> None:
    step = Variant(above=100, marginal=True, rates={"output": Decimal(5)})
    assert cost_of(price(step), Usage(input=101, output=10), 0).total == 101 + 50


def test_the_least_that_is_billed() -> None:
    seconds = Price(
        provider="p",
        model="m",
        rates={"seconds": Decimal("0.5")},
        minimums={"seconds": Decimal(10)},
        source="s",
        recorded="2026-01-02",
    )
    short, long = (cost_of(seconds, Usage(units={"seconds": Decimal(n)}), 0) for n in (3, 12))
    assert (short.total, short.lines[0].quantity, short.lines[0].tier) == (Decimal(5), Decimal(10), "at least 10")
    assert (long.total, long.lines[0].tier) == (Decimal(6), None)


def test_factors_on_tokens_leave_searches_alone() -> None:
    searches = Price(
        provider="p", model="m", rates={**RATES, "web_search": Decimal(7)}, source="s", recorded="2026-01-02"
    )
    usage = Usage(input=10, units={"web_search": Decimal(1), "other-model:input_tokens": Decimal(2)})
    factors = [Factor(Decimal("1.5"), "region"), Factor(Decimal("0.5"), "half", tokens_only=False)]
    cost = cost_of(searches, usage, 0, factors=factors, other_rates={"other-model:input_tokens": Decimal(4)})
    assert [(line.unit, line.factor, line.amount) for line in cost.lines] == [
        ("input", Decimal("0.75"), Decimal("7.5")),
        ("web_search", Decimal("0.5"), Decimal("3.5")),
        ("other-model:input_tokens", Decimal("0.75"), Decimal(6)),
    ]
    assert cost.total == 17


def test_a_rate_that_another_source_gave_names_it() -> None:
    own = PriceRow(provider="p", model="m", rates=RATES, source="genai-prices 1", recorded="2026-01-02")
    other = PriceRow(
        provider="p",
        model="m",
        rates={**RATES, "web_search": Decimal(7)},
        variants=[Variant(tier="flex", rates={"input": Decimal("0.5")})],
        source="litellm 2",
        recorded="2026-03-04",
    )
    usage = Usage(input=10, output=1, service_tier="flex", units={"web_search": Decimal(1)})
    cost = cost_of(price_of(own, other), usage, 0)
    assert cost.price_version == "genai-prices 1 2026-01-02"
    assert [(line.unit, line.source) for line in cost.lines] == [
        ("input", "litellm 2 2026-03-04"),
        ("output", None),
        ("web_search", "litellm 2 2026-03-04"),
    ]


def test_surcharges_and_sizes_of_another_source_are_taken_over_and_conflicts_are_not() -> None:
    own = PriceRow(
        provider="p",
        model="m",
        rates=RATES,
        variants=[Variant(context={"size": "s"}, rates={"input": Decimal(5)})],
        source="a",
        recorded="2026-01-02",
    )
    other = PriceRow(
        provider="p",
        model="m",
        rates=RATES,
        variants=[
            Variant(context={"region": "us"}, factor=Decimal("1.1")),
            Variant(context={"size": "s"}, rates={"input": Decimal(6)}),
            Variant(context={"depth": "d"}, rates={"images": Decimal(6)}),
        ],
        source="b",
        recorded="2026-01-02",
    )
    facts = {"region": "us", "size": "s", "depth": "d"}
    cost = cost_of(price_of(own, other), Usage(input=10), 0, facts)
    assert bill(cost) == [("input", 10, Decimal(5), "size s, region us")]
    assert cost.total == 55


def test_a_tier_that_one_source_dates_is_older_where_another_has_it_without_a_date() -> None:
    own = PriceRow(
        provider="p",
        model="m",
        rates=RATES,
        variants=[Variant(tier="batch", valid_from="1970-01-02", rates={"input": Decimal("0.4")})],
        source="a",
        recorded="2026-01-02",
    )
    other = PriceRow(
        provider="p",
        model="m",
        rates=RATES,
        variants=[Variant(tier="batch", rates={"input": Decimal("0.5")})],
        source="b",
        recorded="2026-03-04",
    )
    usage = Usage(input=10, service_tier="batch")
    first, second = (cost_of(price_of(own, other), usage, at) for at in (0, 86_400_000_000))
    assert [(line.rate, line.source) for line in first.lines] == [(Decimal("0.5"), "b 2026-03-04")]
    assert [(line.rate, line.source) for line in second.lines] == [(Decimal("0.4"), None)]
    alone = cost_of(price_of(own), usage, 0)
    assert [(line.rate, line.tier) for line in alone.lines] == [(Decimal(1), "no batch rate")]
