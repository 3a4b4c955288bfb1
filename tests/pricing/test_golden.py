"""The bundled prices against bills worked out by hand."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from kagura.model import CostSource, Usage
from kagura.pricing import Catalog
from tests.pricing.golden import BILLS, Bill

CENT_OF_A_MILLIONTH = Decimal("1e-9")


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


@pytest.mark.parametrize("bill", BILLS, ids=[bill.name for bill in BILLS])
def test_a_bill_is_what_was_worked_out_by_hand(catalog: Catalog, bill: Bill) -> None:
    cost = catalog.cost(bill.provider, bill.model, None, bill.usage, at(bill.at), bill.facts)
    assert cost.total is not None, bill.working
    assert abs(cost.total - Decimal(bill.total)) < CENT_OF_A_MILLIONTH, bill.working
    assert cost.unpriced == []
    if cost.source is CostSource.CATALOG:
        assert sum(line.amount for line in cost.lines) == cost.total


def test_every_kind_of_line_is_covered() -> None:
    units = {unit for bill in BILLS for unit in bill.usage.units}
    kinds = {
        name
        for bill in BILLS
        for name in ("cache_read", "cache_write", "cache_write_1h", "reasoning", "audio_input", "image_output")
        if getattr(bill.usage, name)
    }
    facts = {fact for bill in BILLS for fact in bill.facts}
    assert len({bill.name for bill in BILLS}) == len(BILLS) >= 40
    assert len(kinds) == 6
    assert units >= {"images", "characters", "seconds", "video_seconds", "pages", "search_units", "web_search"}
    assert facts == {"tier", "inference_geo", "region", "size", "quality", "search_context_size"}
    assert {bill.usage.service_tier for bill in BILLS} >= {None, "batch", "flex", "priority"}
    assert all(bill.page.startswith("https://") for bill in BILLS)


NOW = at("2026-11-22T12:00")
CALL = Usage(input=1000, output=500, units={"web_search": Decimal(1)})


def total(catalog: Catalog, provider: str, model: str, usage: Usage = CALL) -> Decimal | None:
    return catalog.cost(provider, model, None, usage, NOW).total


def test_a_negotiated_discount_is_taken_off_every_line() -> None:
    # 1000 × 2.50 + 500 × 10.00, and a search at 10 dollars a thousand: 0.0175; 12.5 % less
    catalog = Catalog.load(discounts={"OpenAI": Decimal("12.5")})
    cost = catalog.cost("openai", "gpt-4o", "gpt-4o-2024-08-06", CALL, NOW)
    assert cost.total == Decimal("0.0153125")
    assert [(line.factor, line.tier) for line in cost.lines] == [(Decimal("0.875"), "12.5% discount")] * 3


def test_the_discount_of_a_model_comes_before_that_of_its_provider() -> None:
    catalog = Catalog.load(discounts={"openai": Decimal(10), "openai/gpt-4o-2024-08-06": Decimal(50)})
    assert total(catalog, "openai", "gpt-4o-2024-08-06") == Decimal("0.00875")
    assert total(catalog, "openai", "gpt-4o-mini") == Decimal("0.9") * Decimal("0.01045")
    assert total(catalog, "anthropic", "claude-haiku-4-5") == Decimal("0.0135")


def test_a_negative_discount_is_a_surcharge() -> None:
    catalog = Catalog.load(discounts={"azure": Decimal(-10)})
    usage = Usage(input=1000, output=500)
    cost = catalog.cost("azure", "gpt-4o", None, usage, NOW)
    assert cost.total == Decimal("0.00825")
    assert {line.tier for line in cost.lines} == {"10% surcharge"}


def test_own_prices_and_what_the_provider_billed_have_no_discount() -> None:
    own = {"openai/ours": {"input": Decimal(2), "output": Decimal(4)}}
    catalog = Catalog.load(overrides=own, discounts={"openai": Decimal(50)})
    assert total(catalog, "openai", "ours", Usage(input=1000, output=500)) == Decimal("0.004")
    billed = Usage(input=1000, output=500, provider_cost=Decimal("0.0042"))
    assert total(catalog, "openai", "gpt-4o", billed) == Decimal("0.0042")


def test_surcharge_and_discount_multiply() -> None:
    catalog = Catalog.load(discounts={"anthropic": Decimal(20)})
    usage = Usage(input=1000, output=100)
    cost = catalog.cost("anthropic", "claude-opus-5-5", None, usage, NOW, {"inference_geo": "us"})
    assert cost.total == Decimal("0.006") * Decimal("1.1") * Decimal("0.8")
    assert cost.lines[0].tier == "inference_geo us, 20% discount"


def test_a_tier_without_a_rate_is_billed_as_standard_and_says_so() -> None:
    usage = Usage(input=1000, output=500, service_tier="priority")
    cost = Catalog.load().cost("anthropic", "claude-haiku-4-5", None, usage, NOW)
    assert cost.total == Decimal("0.0035")
    assert {line.tier for line in cost.lines} == {"no priority rate"}


def test_the_sum_of_many_calls_reaches_no_step_of_its_own() -> None:
    usage = Usage(input=1_000_000, output=0)
    catalog = Catalog.load()
    assert total(catalog, "anthropic", "claude-haiku-5-5", usage) == Decimal("0.5")
    many = catalog.cost("anthropic", "claude-haiku-5-5", None, usage, NOW, prompt_tokens=5000)
    assert many.total == Decimal("0.1")
