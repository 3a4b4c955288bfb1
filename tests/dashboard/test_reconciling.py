"""A provider's figures beside ours."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from kagura.dashboard.reconciling import EPOCH, Reconciliation, reconcile
from kagura.pricing import Catalog
from kagura.pricing.exports import read_export
from kagura.store import CostTotals, DayRow, TokenTotals
from tests.pricing.exported import (
    DAY,
    anthropic_cost,
    anthropic_page,
    anthropic_usage,
    console_cost_csv,
    following,
    openai_cost,
    openai_page,
    openai_usage,
)

Compare = Callable[..., Reconciliation]


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


@pytest.fixture
def compare(catalog: Catalog, tmp_path: Path) -> Compare:
    def compare_text(text: str, *stored: DayRow) -> Reconciliation:
        path = tmp_path / "export"
        path.write_text(text)
        return reconcile(read_export(path), stored, catalog)

    return compare_text


def ours(dollars: str = "0.016845", day: date = DAY, **changes: Any) -> DayRow:
    """Three calls to gpt-4o: 258 × 2.50 + 5760 × 1.25 + 900 × 10 dollars a million."""
    fields: dict[str, Any] = {
        "day": (day - EPOCH).days,
        "provider": "openai",
        "model": "gpt-4o-2024-08-06",
        "calls": 3,
        "errors": 0,
        "tokens": TokenTotals(input=6018, output=900, cache_read=5760),
        "cost": CostTotals(billed=Decimal(dollars)),
    }
    return DayRow(**fields | changes)


def claude(dollars: str, model: str = "claude-opus-5-5") -> DayRow:
    return ours(dollars, provider="anthropic", model=model)


def test_tokens_are_priced_and_agree(compare: Compare) -> None:
    (row,) = compare(openai_page(openai_usage()), ours()).rows
    assert (row.day, row.model, row.difference, row.causes) == (DAY, "gpt-4o", Decimal(0), [])
    assert row.theirs is not None
    assert (row.theirs.cost, row.theirs.calls) == (Decimal("0.016845"), 3)


def test_projects_and_keys_of_one_model_are_one_row(compare: Compare) -> None:
    half = openai_usage(input_tokens=3009, output_tokens=450, input_cached_tokens=2880, num_model_requests=1)
    (row,) = compare(openai_page(half, half | {"num_model_requests": 2, "model": "gpt-4o"}), ours()).rows
    assert row.causes == []
    assert row.theirs is not None
    assert row.theirs.calls == 3


def test_calls_past_the_proxy_are_counted(compare: Compare) -> None:
    more = openai_usage(input_tokens=12036, output_tokens=1800, input_cached_tokens=11520, num_model_requests=8)
    (row,) = compare(openai_page(more), ours()).rows
    assert row.difference == Decimal("-0.016845")
    assert row.causes == ["5 requests did not go through the proxy"]


def test_a_model_that_only_one_side_knows(compare: Compare) -> None:
    other = openai_usage(model="gpt-4.1-mini-2025-04-14")
    theirs, own = sorted(compare(openai_page(other), ours()).rows, key=lambda row: row.model or "", reverse=False)
    assert (theirs.model, theirs.ours, theirs.causes) == (
        "gpt-4.1-mini",
        None,
        ["no call of this model went through the proxy"],
    )
    assert (own.model, own.theirs) == ("gpt-4o", None)
    assert own.causes[0].startswith("not in the export")


def test_batches_are_a_cause(compare: Compare) -> None:
    (alone,) = compare(openai_page(openai_usage(batch=True))).rows
    assert alone.causes == ["batch jobs whose results were not fetched through the proxy"]
    (beside,) = compare(openai_page(openai_usage(), openai_usage(batch=True, num_model_requests=0)), ours()).rows
    assert "part of it was billed at other rates (batch)" in beside.causes
    assert beside.theirs is not None
    # gpt-4o in a batch: 1.25 in (cached or not), 5 out a million
    assert beside.theirs.cost == Decimal("0.016845") + Decimal("0.0120225")


def test_unknown_prices_and_cut_calls_are_counted(compare: Compare) -> None:
    (row,) = compare(
        openai_page(openai_usage()), ours("0.01", cost=CostTotals(billed=Decimal("0.01"), unknown_calls=1), errors=2)
    ).rows
    assert row.causes[0].startswith("1 of our calls have no known cost")
    assert row.causes[1].startswith("2 calls failed")


def test_estimates_are_named(compare: Compare) -> None:
    half = Decimal("0.008")
    (row,) = compare(openai_page(openai_usage()), ours(cost=CostTotals(billed=half, estimated=half))).rows
    assert "~$0.008 rests on tokens that kagura counted itself" in row.causes


def test_midnight_is_told_from_the_day_beside_it(compare: Compare) -> None:
    late = openai_page(openai_usage()), openai_page(openai_usage(), day=following(DAY))
    first, second = compare("\n".join(late), ours("0.02"), ours("0.01369", following(DAY))).rows
    assert any(cause.startswith("calls around midnight UTC") for cause in first.causes)
    assert any(cause.startswith("calls around midnight UTC") for cause in second.causes)
    far, _ = compare("\n".join(late), ours("0.02"), ours("0.016", following(DAY))).rows
    assert not any(cause.startswith("calls around midnight UTC") for cause in far.causes)


def test_the_same_tokens_at_other_rates(compare: Compare) -> None:
    (row,) = compare(openai_page(openai_usage()), ours("0.0151605")).rows
    assert row.causes == [
        "the tokens agree and the rates do not: a discount, a region, a service tier or a long prompt"
    ]


def test_a_model_without_a_price_is_unknown_not_zero(compare: Compare) -> None:
    (row,) = compare(openai_page(openai_usage(model="gpt-9000")), ours(model="gpt-9000", cost=CostTotals())).rows
    assert row.theirs is not None
    assert (row.theirs.cost, row.difference) == (None, None)
    assert "no price list prices what the export counts" in row.causes


def test_anthropic_usage(compare: Compare) -> None:
    # 1500 × 4 + 200 × 0.20 + 500 × 5 + 1000 × 8 + 500 × 20 dollars a million, 10 searches at 0.01
    (row,) = compare(anthropic_page(anthropic_usage()), claude("0.12654")).rows
    assert (row.difference, row.causes) == (Decimal(0), [])


def test_anthropic_regions_and_long_prompts_are_priced(compare: Compare) -> None:
    usage = anthropic_usage(inference_geo="us", server_tool_use={"web_search_requests": 0})
    (row,) = compare(anthropic_page(usage), claude("0.029194")).rows
    assert (row.difference, row.causes) == (Decimal(0), [])
    long = {**usage, "model": "claude-haiku-5-5", "context_window": "200k-1M", "inference_geo": "global"}
    (row,) = compare(anthropic_page(long), claude("0", model="claude-haiku-5-5")).rows
    assert row.theirs is not None
    # 1500 × 0.50 + 200 × 0.05 + 500 × 0.625 + 1000 × 1 + 500 × 2.50
    assert row.theirs.cost == Decimal("0.0033225")


def test_stated_amounts_are_taken_as_they_are(compare: Compare) -> None:
    parts = anthropic_cost("6.5"), anthropic_cost("6.15", token_type="output_tokens")
    (row,) = compare(anthropic_page(*parts), claude("0.1265")).rows
    assert (row.theirs and row.theirs.cost, row.causes) == (Decimal("0.1265"), [])
    (shown,) = compare(console_cost_csv("0.13"), claude("0.1265")).rows
    assert shown.difference == Decimal("-0.0035")


def test_an_export_that_is_not_split_by_model_is_compared_by_day(compare: Compare) -> None:
    whole = openai_page(openai_cost(0.0269, None), kind="costs")
    mini = ours("0.01", model="gpt-4o-mini-2024-07-18")
    (row,) = compare(whole, ours("0.0169"), mini).rows
    assert (row.model, row.difference, row.causes) == (None, Decimal(0), [])


def test_what_is_billed_apart_from_models(compare: Compare) -> None:
    items = openai_cost(0.016845, "gpt-4o-2024-08-06, input"), openai_cost(0.5, "web search tool calls")
    rows = compare(openai_page(*items, kind="costs"), ours()).rows
    assert [(row.model, bool(row.causes)) for row in rows] == [("gpt-4o", False), (None, True)]
    assert rows[1].causes == ["billed apart from any model: tools, storage, or an export that is not split by model"]


def test_totals(compare: Compare) -> None:
    found = compare(openai_page(openai_usage(), openai_usage(model="gpt-9000")), ours("0.02"))
    assert found.totals == (Decimal("0.016845"), Decimal("0.02"))
