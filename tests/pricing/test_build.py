"""Making the bundled list."""

import json
from datetime import date
from pathlib import Path

import pytest

from kagura.errors import PricingError
from kagura.pricing.book import start_us
from kagura.pricing.build import build, main
from kagura.pricing.catalog import Catalog
from kagura.pricing.rows import read_rows

JAN, FEB = date(2027, 1, 5), date(2027, 2, 6)


def broad(path: Path, rate: float = 2e-6) -> Path:
    model = {"litellm_provider": "openai", "input_cost_per_token": rate}
    path.write_text(json.dumps({"m-pro": model, "m-other": model | {"input_cost_per_token": 9e-6}, "b": model}))
    return path


def dated(path: Path) -> Path:
    prices = [{"prices": {"input_mtok": 4}}, {"constraint": {"start_date": "2026-06-01"}, "prices": {"input_mtok": 2}}]
    model = {"id": "m", "match": {"starts_with": "m-"}, "prices": prices}
    path.write_text(json.dumps([{"id": "openai", "models": [model]}]))
    return path


def test_names_that_both_sources_price_alike_get_the_dated_prices(tmp_path: Path) -> None:
    target = tmp_path / "prices.jsonl"
    assert build(target, [broad(tmp_path / "b.json"), dated(tmp_path / "d.json")], JAN) == 5
    catalog = Catalog(read_rows(target))
    prices = [catalog.find("openai", "m-pro", start_us(day)) for day in ("2026-05-31", "2026-06-01")]
    assert [str(price.rates["input"]) for price in prices if price] == ["0.000004", "0.000002"]
    other = catalog.find("openai", "m-other", start_us("2026-06-01"))
    assert other is not None and str(other.rates["input"]) == "0.000009"


def test_again_with_the_same_lists_is_the_same_file(tmp_path: Path) -> None:
    target, lists = tmp_path / "prices.jsonl", [broad(tmp_path / "b.json"), dated(tmp_path / "d.json")]
    build(target, lists, JAN)
    before = target.read_bytes()
    assert build(target, lists, FEB) == 0
    assert target.read_bytes() == before


def test_a_change_stands_next_to_what_it_changes(tmp_path: Path) -> None:
    target = tmp_path / "prices.jsonl"
    build(target, [broad(tmp_path / "b.json")], JAN)
    build(target, [broad(tmp_path / "b.json", 1e-6)], FEB)
    assert [(row.model, row.valid_from) for row in read_rows(target)] == [
        ("b", None),
        ("b", "2027-02-06"),
        ("m-other", None),
        ("m-pro", None),
        ("m-pro", "2027-02-06"),
    ]


def test_a_bad_list_leaves_the_file(tmp_path: Path) -> None:
    target = tmp_path / "prices.jsonl"
    build(target, [broad(tmp_path / "b.json")], JAN)
    before = target.read_bytes()
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(PricingError):
        build(target, [broad(tmp_path / "b.json", 1e-6), tmp_path / "bad.json"], FEB)
    assert target.read_bytes() == before


def test_the_command_says_how_it_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "LITELLM_MAP GENAI_PRICES_DATA" in capsys.readouterr().err
