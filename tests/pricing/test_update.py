"""Taking up a newer price list."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from kagura.errors import PricingError
from kagura.pricing import Catalog
from kagura.pricing.book import start_us
from kagura.pricing.rows import PriceRow, read_rows
from kagura.pricing.update import changes, installed_list, read_list, update

JAN, FEB = date(2027, 1, 5), date(2027, 2, 6)


def litellm_map(path: Path, **models: float) -> Path:
    document = {
        name: {"litellm_provider": "openai", "input_cost_per_token": rate, "output_cost_per_token": 2e-6}
        for name, rate in models.items()
    }
    path.write_text(json.dumps(document))
    return path


def genai_list(path: Path, *prices: dict[str, Any], names: tuple[str, ...] = ()) -> Path:
    match = {"or": [{"equals": name} for name in ("m", *names)]}
    path.write_text(json.dumps([{"id": "openai", "models": [{"id": "m", "match": match, "prices": list(prices)}]}]))
    return path


def dated(rate: float, day: str | None = None) -> dict[str, Any]:
    constraint = {"constraint": {"start_date": day}} if day else {}
    return {"prices": {"input_mtok": rate}} | constraint


def stated(rows: list[PriceRow]) -> list[tuple[str, str | None, str]]:
    return [(row.model, row.valid_from, str(row.rates["input"])) for row in rows]


def test_only_what_changed_is_added_with_its_day(tmp_path: Path) -> None:
    target = tmp_path / "home" / "prices.jsonl"
    first = update(target, litellm_map(tmp_path / "1.json", a=1e-6, b=1e-6), day=JAN, release="1")
    assert (first.source, first.prices, len(first.added)) == ("litellm 1", 2, 2)
    before = target.read_bytes()
    second = update(target, litellm_map(tmp_path / "2.json", a=1e-6, b=3e-6, c=4e-6), day=FEB, release="2")
    assert stated([change.after for change in second.changes]) == [
        ("b", "2027-02-06", "0.000003"),
        ("c", None, "0.000004"),
    ]
    assert stated(second.added) == [("c", None, "0.000004")]
    assert target.read_bytes().startswith(before)
    assert {row.source for row in read_rows(target)[2:]} == {"litellm 2"}


def test_yesterdays_price_stays(tmp_path: Path) -> None:
    target = tmp_path / "prices.jsonl"
    update(target, litellm_map(tmp_path / "1.json", a=1e-6), day=JAN)
    update(target, litellm_map(tmp_path / "2.json", a=3e-6), day=FEB)
    catalog = Catalog(read_rows(target))
    rates = [catalog.find("openai", "a", start_us(day)) for day in ("2027-02-05", "2027-02-06")]
    assert [str(price.rates["input"]) for price in rates if price] == ["0.000001", "0.000003"]


def test_the_same_list_again_changes_nothing(tmp_path: Path) -> None:
    target, listed = tmp_path / "prices.jsonl", litellm_map(tmp_path / "1.json", a=1e-6)
    update(target, listed, day=JAN)
    update(target, litellm_map(tmp_path / "2.json", a=3e-6), day=FEB)
    before = target.read_bytes()
    assert update(target, tmp_path / "2.json", day=FEB).changes == []
    assert target.read_bytes() == before


def test_a_price_that_comes_back_is_a_change(tmp_path: Path) -> None:
    target = tmp_path / "prices.jsonl"
    for day, rate in ((JAN, 1e-6), (FEB, 3e-6), (date(2027, 3, 1), 1e-6)):
        update(target, litellm_map(tmp_path / "x.json", a=rate), day=day)
    assert stated(read_rows(target)) == [
        ("a", None, "0.000001"),
        ("a", "2027-02-06", "0.000003"),
        ("a", "2027-03-01", "0.000001"),
    ]


def test_dated_prices_keep_their_days(tmp_path: Path) -> None:
    target = tmp_path / "prices.jsonl"
    update(target, genai_list(tmp_path / "1.json", dated(1), dated(2, "2026-06-01")), day=JAN)
    later = genai_list(tmp_path / "2.json", dated(1), dated(2.5, "2026-06-01"), dated(3, "2027-02-01"))
    found = update(target, later, day=FEB)
    assert stated([change.after for change in found.changes]) == [
        ("m", "2026-06-01", "0.0000025"),
        ("m", "2027-02-01", "0.000003"),
    ]
    catalog = Catalog(read_rows(target))
    assert [str(price.rates["input"]) for price in catalog.history("openai", "m")] == [
        "0.000001",
        "0.0000025",
        "0.000003",
    ]


def test_an_undated_price_of_a_dated_list_changes_today(tmp_path: Path) -> None:
    target = tmp_path / "prices.jsonl"
    update(target, genai_list(tmp_path / "1.json", dated(1)), day=JAN)
    for _ in range(2):
        update(target, genai_list(tmp_path / "2.json", dated(2)), day=FEB)
    assert stated(read_rows(target)) == [("m", None, "0.000001"), ("m", "2027-02-06", "0.000002")]


def test_a_source_that_dates_a_change_later_than_we_saw_it_is_right(tmp_path: Path) -> None:
    target = tmp_path / "prices.jsonl"
    update(target, genai_list(tmp_path / "1.json", dated(1)), day=date(2026, 12, 1))
    update(target, genai_list(tmp_path / "2.json", dated(3)), day=JAN)
    update(target, genai_list(tmp_path / "3.json", dated(1), dated(3, "2027-02-01")), day=FEB)
    catalog = Catalog(read_rows(target))
    prices = [catalog.find("openai", "m", start_us(day)) for day in ("2027-01-05", "2027-01-31", "2027-02-01")]
    assert [str(price.rates["input"]) for price in prices if price] == ["0.000001", "0.000001", "0.000003"]
    assert update(target, tmp_path / "3.json", day=FEB).changes == []


def test_a_new_name_is_a_change(tmp_path: Path) -> None:
    target = tmp_path / "prices.jsonl"
    update(target, genai_list(tmp_path / "1.json", dated(1)), day=JAN)
    found = update(target, genai_list(tmp_path / "2.json", dated(1), names=("m-new",)), day=FEB)
    assert [change.after.names for change in found.changes] == [["m-new"]]
    price = Catalog(read_rows(target)).find("openai", "m-new", 0)
    assert price is not None and price.model == "m"


def test_the_bundled_list_is_known(tmp_path: Path) -> None:
    known = read_list(litellm_map(tmp_path / "1.json", a=1e-6), JAN)
    found = update(tmp_path / "prices.jsonl", litellm_map(tmp_path / "2.json", a=1e-6, b=1e-6), day=FEB, known=known)
    assert stated(found.added) == [("b", None, "0.000001")]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.json", "{"),
        ("x.json", "[]"),
        ("x.json", "{}"),
        ("x.json", "3"),
        ("x.json", '[{"id": "openai"}]'),
        ("x.json", '{"m": 3}'),
        ("x.json", '{"m": {"litellm_provider": "openai", "input_cost_per_token": -1}}'),
        (
            "x.json",
            '[{"id": "openai", "models": [{"id": "m", "match": {"equals": "m"}, "prices": {"input_mtok": "x"}}]}]',
        ),
        ("x.py", "import os"),
    ],
)
def test_a_bad_list_changes_nothing(tmp_path: Path, name: str, text: str) -> None:
    target = tmp_path / "prices.jsonl"
    update(target, litellm_map(tmp_path / "1.json", a=1e-6), day=JAN)
    before = target.read_bytes()
    (tmp_path / name).write_text(text)
    with pytest.raises(PricingError, match=name):
        update(target, tmp_path / name, day=FEB)
    assert target.read_bytes() == before


def test_a_list_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PricingError, match="absent"):
        update(tmp_path / "prices.jsonl", tmp_path / "absent.json")
    assert not (tmp_path / "prices.jsonl").exists()


def test_the_version_of_an_installed_list(tmp_path: Path) -> None:
    package = tmp_path / "litellm"
    package.mkdir()
    (tmp_path / "litellm-1.109.1.dist-info").mkdir()
    listed = litellm_map(package / "model_prices_and_context_window_backup.json", a=1e-6)
    assert read_list(listed)[0].source == "litellm 1.109.1"


def test_an_installed_list_is_found_and_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "genai_prices"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    (package / "data.py").write_text("providers: list = []")
    monkeypatch.syspath_prepend(tmp_path)
    assert installed_list("genai-prices") == package / "data.py"


def test_a_list_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "litellm"
    package.mkdir()
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(PricingError, match="litellm is not installed"):
        installed_list("litellm")


def test_changes_of_nothing_known_are_all() -> None:
    assert changes([], [], JAN) == []


def test_what_could_not_be_read_back_is_not_written(tmp_path: Path) -> None:
    source, target = tmp_path / "list.json", tmp_path / "prices.jsonl"
    model = {
        "litellm_provider": "openai",
        "input_cost_per_token": 2e-6,
        "off_peak_pricing": {"input_cost_per_token": 1e-6, "hours_utc": [7]},
    }
    source.write_text(json.dumps({"odd": model}))
    with pytest.raises(PricingError, match="Expected `str`, got `int`"):
        update(target, source, day=JAN)
    assert not target.exists()


def test_a_list_is_taken_up_once(tmp_path: Path) -> None:
    source, target = litellm_map(tmp_path / "list.json", a=1e-6, b=2e-6), tmp_path / "prices.jsonl"
    assert len(update(target, source, day=JAN).changes) == 2
    assert update(target, source, day=FEB).changes == []
