"""Which of a price's rates a call pays."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from kagura.pricing.price import Price
from kagura.pricing.rows import Variant
from kagura.pricing.tiers import tier_name


def price(*variants: Variant) -> Price:
    rates = {"input": Decimal(1), "output": Decimal(2)}
    return Price(provider="p", model="m", rates=rates, variants=list(variants), source="s 1", recorded="2026-01-02")


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


def only(rate: int) -> dict[str, Decimal]:
    return {"input": Decimal(rate)}


def test_the_step_begins_after_its_number() -> None:
    stepped = price(Variant(above=100, rates=only(5)), Variant(above=200, rates=only(6)))
    assert [stepped.rates_at(0, tokens).amounts["input"] for tokens in (0, 100, 101, 200, 201)] == [1, 1, 5, 5, 6]
    assert stepped.rates_at(0, 300).amounts["output"] == 2
    assert stepped.rates_at(0, 300).labels == {"input": "above 200 input tokens"}


def test_a_tier_and_its_step() -> None:
    tiers = price(
        Variant(tier="priority", rates=only(3)),
        Variant(above=9, rates=only(5)),
        Variant(tier="priority", above=9, rates=only(7)),
    )
    rates = [
        tiers.rates_at(0, tokens, tier).amounts["input"] for tokens in (9, 10) for tier in (None, "priority", "flex")
    ]
    assert rates == [1, 3, 1, 5, 7, 5]


@pytest.mark.parametrize(
    ("instant", "rate"),
    [
        ("2026-11-20T16:29:59", 1),
        ("2026-11-20T16:30:00", 5),
        ("2026-11-20T23:59:59", 5),
        ("2026-11-20T00:29:59", 5),
        ("2026-11-20T00:30:00", 1),
        ("2026-11-21T12:00:00", 6),
    ],
)
def test_hours_and_days(instant: str, rate: int) -> None:
    timed = price(
        Variant(hours=["16:30-00:30"], days=[1, 2, 3, 4, 5], rates=only(5)),
        Variant(hours=["00:00-00:00"], days=[6, 7], rates=only(6)),
    )
    assert timed.rates_at(at(instant), 0).amounts["input"] == rate


def test_a_variant_from_a_day_on() -> None:
    dated = price(Variant(tier="batch", valid_from="2026-10-14", rates=only(5)))
    assert dated.rates_at(at("2026-10-13T23:59:59"), 0, "batch").amounts["input"] == 1
    assert dated.rates_at(at("2026-10-14T00:00:00"), 0, "batch").amounts["input"] == 5


def test_a_variant_for_facts_that_nobody_told_does_not_hold() -> None:
    assert price(Variant(context={"search_context_size": "high"}, rates=only(5))).rates_at(0, 0).amounts["input"] == 1


@pytest.mark.parametrize(
    ("said", "tier"),
    [
        (None, None),
        ("default", None),
        ("STANDARD", None),
        ("on_demand", None),
        ("flex", "flex"),
        ("ON_DEMAND_PRIORITY", "priority"),
    ],
)
def test_tiers_by_their_names(said: str | None, tier: str | None) -> None:
    assert tier_name(said) == tier


def test_free_and_version() -> None:
    assert not price().free
    assert price().version == "s 1 2026-01-02"


def test_a_fact_must_be_known_and_equal() -> None:
    sized = price(
        Variant(context={"size": "512x512"}, rates=only(5)),
        Variant(context={"size": "*", "quality": "hd"}, rates=only(7)),
    )
    facts = [{}, {"size": "512x512"}, {"size": "256x256"}, {"size": "256x256", "quality": "hd"}, {"quality": "hd"}]
    assert [sized.rates_at(0, 0, None, fact).amounts["input"] for fact in facts] == [1, 5, 1, 7, 1]
    assert sized.rates_at(0, 0, None, facts[3]).labels == {"input": "any size, quality hd"}


def test_factors_stand_beside_the_rates() -> None:
    regional = price(
        Variant(context={"region": "us"}, factor=Decimal("1.1")),
        Variant(tier="fast", factor=Decimal(2)),
        Variant(tier="fast", rates=only(3)),
    )
    rates = regional.rates_at(0, 0, "fast", {"region": "us"})
    assert rates.amounts["input"] == 3
    assert [(factor.value, factor.label) for factor in rates.factors] == [(Decimal("1.1"), "region us"), (2, "fast")]
    assert regional.rates_at(0, 0, None, {"region": "eu"}).factors == ()


def test_marginal_steps_leave_the_first_tokens_alone() -> None:
    taxed = price(Variant(above=100, marginal=True, rates={"input": Decimal(5), "output": Decimal(9)}))
    rates = taxed.rates_at(0, 150)
    assert (rates.amounts["input"], rates.amounts["output"]) == (Decimal(1), Decimal(9))
    assert [step.above for step in rates.steps] == [100]
    assert taxed.rates_at(0, 100).steps == ()
    assert [line.label for line in taxed.lines()][-1] == "beyond 100 input tokens"


def test_a_price_tells_whether_it_knows_a_tier() -> None:
    flex = price(Variant(tier="flex", valid_from="2026-10-14", rates=only(1)))
    assert flex.has_tier("flex", at("2026-10-14"))
    assert not flex.has_tier("flex", at("2026-10-13T23:59:59"))
    assert not flex.has_tier("batch", at("2026-10-14"))
