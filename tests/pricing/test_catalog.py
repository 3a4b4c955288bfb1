"""The catalogue over rows of its own: whose price holds, and since when."""

from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from kagura.errors import PricingError
from kagura.model import Usage
from kagura.pricing import Catalog
from kagura.pricing.book import start_us
from kagura.pricing.catalog import bundled_by_provider, bundled_rows
from kagura.pricing.rows import Clause, PriceRow, Variant, format_rows, parse_trusted_rows


def row(
    rate: str,
    *,
    model: str = "m",
    provider: str = "p",
    valid_from: str | None = None,
    names: tuple[str, ...] = (),
    match: Clause | None = None,
    source: str = "genai-prices 1",
    more: dict[str, str] | None = None,
    variants: list[Variant] | None = None,
) -> PriceRow:
    rates = {"input": rate, "output": rate, **(more or {})}
    return PriceRow(
        provider=provider,
        model=model,
        valid_from=valid_from,
        names=list(names),
        match=match,
        rates={unit: Decimal(amount) for unit, amount in rates.items()},
        variants=variants or [],
        source=source,
        recorded="2026-01-01",
    )


def input_rate(catalog: Catalog, model: str = "m", day: str = "2026-06-01", provider: str = "p") -> str | None:
    price = catalog.find(provider, model, start_us(day))
    return None if price is None else str(price.rates["input"])


def test_the_price_of_the_day() -> None:
    catalog = Catalog([row("1"), row("2", valid_from="2026-06-01"), row("3", valid_from="2026-07-01")])
    days = ("2020-01-01", "2026-05-31", "2026-06-01", "2026-06-30", "2026-07-01")
    assert [input_rate(catalog, day=day) for day in days] == ["1", "1", "2", "2", "3"]
    assert [str(price.rates["input"]) for price in catalog.history("p", "m")] == ["1", "2", "3"]


def test_before_the_first_price_there_is_none() -> None:
    assert input_rate(Catalog([row("2", valid_from="2026-06-01")]), day="2026-05-31") is None


def test_a_later_row_corrects_an_earlier_one_of_the_same_day() -> None:
    assert input_rate(Catalog([row("1"), row("2")])) == "2"


def test_exact_names_come_before_aliases_of_shorter_spelling_and_patterns() -> None:
    catalog = Catalog(
        [
            row("1", model="m", match=Clause(starts_with="m")),
            row("2", model="m-2026-01-01"),
            row("3", model="x", names=("m-x",)),
        ]
    )
    assert input_rate(catalog, "m-2026-01-01") == "2"
    assert input_rate(catalog, "m-2026-02-02") == "1"
    assert input_rate(catalog, "m-x") == "3"
    assert input_rate(catalog, "m-y") == "1"
    assert input_rate(catalog, "n") is None


def test_the_dated_source_counts_more_and_news_count_most() -> None:
    undated, dated = row("1", source="litellm 1"), row("2")
    assert input_rate(Catalog([undated, dated])) == "2"
    assert input_rate(Catalog([dated, undated])) == "2"
    news = row("3", source="litellm 2", valid_from="2026-05-01")
    assert input_rate(Catalog([dated, undated, news])) == "3"
    assert input_rate(Catalog([dated, undated, news]), day="2026-04-30") == "2"


def test_an_alias_that_moves_follows_the_broad_list() -> None:
    rows = [row("2", names=("m-latest",)), row("1", model="m-latest", source="litellm 1")]
    assert input_rate(Catalog(rows), "m-latest") == "1"
    assert input_rate(Catalog(rows), "m") == "2"


def test_sources_that_agree_fill_one_another() -> None:
    batch = Variant(tier="batch", rates={"input": Decimal("0.5")})
    broad = row("1", source="litellm 2", more={"cache_read": "0.1", "seconds": "9"}, variants=[batch])
    price = Catalog([row("1"), broad]).find("p", "m", start_us("2026-06-01"))
    assert price is not None
    assert {unit: str(rate) for unit, rate in price.rates.items()} == {"input": "1", "output": "1", "cache_read": "0.1"}
    assert price.variants == [batch]
    assert price.version == "genai-prices 1 2026-01-01"


def test_sources_that_disagree_do_not() -> None:
    price = Catalog([row("1"), row("2", source="litellm 2", more={"cache_read": "0.1"})]).find("p", "m", 0)
    assert price is not None
    assert "cache_read" not in price.rates


@pytest.mark.parametrize("key", ["gpt-4o", "GPT-4o", "openai/gpt-4o"])
def test_the_users_own_price_wins(key: str) -> None:
    catalog = Catalog.load(
        overrides={key: {"input": Decimal("1"), "output": Decimal("2"), "web_search": Decimal("0.5")}}
    )
    usage = Usage(input=1000, cache_read=500, output=1000, units={"web_search": Decimal(1)}, service_tier="priority")
    cost = catalog.cost("openai", "gpt-4o", "gpt-4o-2024-11-20", usage, start_us("2026-06-01"))
    assert cost.total == Decimal("0.503")
    assert cost.price_version == "config override"


def test_an_override_of_a_provider_is_that_providers_alone() -> None:
    catalog = Catalog.load(overrides={"vllm/gpt-4o": {"input": Decimal("1")}})
    at = start_us("2026-06-01")
    own, others = catalog.find("vllm", "gpt-4o", at), catalog.find("openai", "gpt-4o", at)
    assert own is not None and own.rates == {"input": Decimal("0.000001")}
    assert others is not None and others.rates["input"] == Decimal("0.0000025")


def test_the_users_file_adds_to_the_bundled_list(tmp_path: Path) -> None:
    file = tmp_path / "prices.jsonl"
    file.write_bytes(format_rows([row("7", provider="openai", model="gpt-4o", valid_from="2027-01-01")]))
    catalog = Catalog.load([file, tmp_path / "absent.jsonl"])
    assert input_rate(catalog, "gpt-4o", "2027-01-01", "openai") == "7"
    assert input_rate(catalog, "gpt-4o", "2026-12-31", "openai") == "0.0000025"


def test_a_bad_file_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "prices.jsonl"
    file.write_bytes(format_rows([row("7")]) + b'{"provider": "p"}\n')
    with pytest.raises(PricingError, match=r"prices\.jsonl:2: .*model"):
        Catalog.load([file])


def test_show_names_every_provider_and_the_users_own_first() -> None:
    catalog = Catalog([row("1"), row("2", provider="q"), row("3", provider="r", model="other")], {"q/m": {}})
    assert [(price.provider, price.source) for price in catalog.show("m", 0)] == [
        ("q", "config"),
        ("p", "genai-prices 1"),
    ]
    assert catalog.show("nothing", 0) == []


def test_rates_as_people_read_them() -> None:
    priority = Variant(tier="priority", above=200_000, rates={"input": Decimal("0.000002")})
    catalog = Catalog([row("0.000001", more={"web_search": "0.01"}, variants=[priority])])
    price = catalog.find("p", "m", 0)
    assert price is not None
    assert [(line.unit, line.amount, line.per, line.label) for line in price.lines()] == [
        ("input", Decimal(1), 1_000_000, None),
        ("output", Decimal(1), 1_000_000, None),
        ("web_search", Decimal("0.01"), 1, None),
        ("input", Decimal(2), 1_000_000, "priority, above 200,000 input tokens"),
    ]


def test_names_of_clients_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kagura.pricing.catalog.CACHE_SIZE", 10)
    catalog = Catalog([row("1")])
    for number in range(25):
        assert catalog.find("p", f"unknown-{number}", 0) is None
    assert len(catalog._found) <= 10
    assert input_rate(catalog) == "1"


def test_the_bundled_rows_by_provider_are_all_of_them() -> None:
    packed = bundled_by_provider()
    unpacked = {name: parse_trusted_rows(lines) for name, lines in packed.items()}
    assert Counter(repr(row) for rows in unpacked.values() for row in rows) == Counter(map(repr, bundled_rows()))
    assert all(row.provider == name for name, rows in unpacked.items() for row in rows)


def test_rows_of_files_stand_behind_the_packed_ones() -> None:
    packed = {"p": format_rows([row("1")]), "q": format_rows([row("3", provider="q")])}
    catalog = Catalog([row("2"), row("4", provider="r")], packed=packed)
    assert catalog.providers == ["p", "q", "r"]
    assert [input_rate(catalog, provider=name) for name in "pqr"] == ["2", "3", "4"]
    assert catalog.has_provider("q")
    assert not catalog.has_provider("s")
