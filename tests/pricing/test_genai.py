"""Reading genai-prices, as Python source and as JSON."""

from decimal import Decimal
from typing import Any

import pytest

from kagura.errors import PricingError
from kagura.pricing.genai import parse_python, rows
from kagura.pricing.rows import Clause, PriceRow, Variant

SOURCE = """
import datetime
from decimal import Decimal
from .types import *

providers: list[Provider] = [
    Provider(
        id='x-ai',
        name='X',
        models=[
            ModelInfo(
                id='g-1',
                match=ClauseOr(
                    or_=[ClauseEquals(equals='G-1'), ClauseEquals(equals='g-one'), ClauseStartsWith(starts_with='g-1-')]
                ),
                prices=[
                    ConditionalPrice(prices=ModelPrice(input_mtok=Decimal('3'), requests_kcount=Decimal('12'))),
                    ConditionalPrice(
                        constraint=StartDateConstraint(start_date=datetime.date(2026, 2, 3)),
                        prices=ModelPrice(
                            input_mtok=TieredPrices(base=Decimal('2'), tiers=[Tier(start=128000, price=Decimal('4'))])
                        ),
                    ),
                    ConditionalPrice(
                        constraint=TimeOfDateConstraint(
                            start_time=datetime.time(16, 30, tzinfo=datetime.timezone.utc),
                            end_time=datetime.time(0, 30, tzinfo=datetime.timezone.utc),
                        ),
                        prices=ModelPrice(input_mtok=Decimal('1')),
                    ),
                ],
                price_variants=[
                    PriceVariant(
                        when={'processing': 'batch'},
                        prices=ModelPrice(input_mtok=Decimal('0.5')),
                        constraint=StartDateConstraint(start_date=datetime.date(2026, 3, 4)),
                    ),
                ],
            ),
        ],
    ),
]
"""


def read(provider: str = "openai", **model: Any) -> list[PriceRow]:
    document = {"id": provider, "models": [{"id": "m", "match": {"equals": "m"}, **model}]}
    return list(rows([document], "1.0", "2026-01-02"))


def test_python_source() -> None:
    first, second = rows(parse_python(SOURCE, "data.py"), "0.1", "2026-01-02")
    assert (first.provider, first.model, first.names) == ("xai", "g-1", ["g-one"])
    assert first.match == Clause(starts_with="g-1-")
    assert first.rates == {"input": Decimal("0.000003"), "request": Decimal("0.012")}
    assert (second.valid_from, second.names, second.match) == ("2026-02-03", [], None)
    assert second.rates == {"input": Decimal("0.000002")}
    assert second.variants == [
        Variant(above=128_000, rates={"input": Decimal("0.000004")}),
        Variant(hours=["16:30-00:30"], rates={"input": Decimal("0.000001")}),
        Variant(tier="batch", valid_from="2026-03-04", rates={"input": Decimal("5E-7")}),
    ]


def test_json() -> None:
    prices = [
        {"prices": {"input_mtok": Decimal("0.25"), "output_mtok": 2}},
        {
            "constraint": {"start_date": "2026-02-03"},
            "prices": {"input_mtok": {"base": 1, "tiers": [{"start": 9, "price": 2}]}},
        },
    ]
    first, second = read(prices=prices)
    assert first.rates == {"input": Decimal("2.5E-7"), "output": Decimal("0.000002")}
    assert second.variants == [Variant(above=9, rates={"input": Decimal("0.000002")})]


def test_claude_at_google_is_sold_on_vertex() -> None:
    document = {
        "id": "google",
        "models": [
            {"id": name, "match": {"equals": name}, "prices": {"input_mtok": 1}}
            for name in ("claude-3-opus", "gemini-2.5-pro")
        ],
    }
    assert [row.provider for row in rows([document], "1", "2026-01-02")] == ["vertex", "gemini"]


def test_hosts_behind_hugging_face() -> None:
    (row,) = read("huggingface_together", prices={"input_mtok": 1}, match={"or": [{"equals": "m"}, {"equals": "N"}]})
    assert (row.provider, row.model, row.names) == ("huggingface", "m:together", ["n:together"])


def test_no_rates_are_no_price_unless_the_model_is_known_to_be_free() -> None:
    assert read(prices={}) == []
    (row,) = read(id="m:free", prices={})
    assert row.rates == {"input": 0, "output": 0}


@pytest.mark.parametrize(
    "source",
    ["", "providers = [1]", "providers: list = f()", "providers: list = [open('x') + 1]", "providers: int = 3", "("],
)
def test_source_of_another_kind_is_refused_and_never_run(source: str) -> None:
    with pytest.raises(PricingError, match=r"data\.py"):
        parse_python(source, "data.py")
