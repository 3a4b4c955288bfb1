"""Rows of a price list, written and read."""

from decimal import Decimal

import pytest

from kagura.errors import PricingError
from kagura.pricing.rows import Clause, PriceRow, Variant, format_rows, parse_hours, parse_rows, parse_trusted_rows

ROW = PriceRow(
    provider="p",
    model="m",
    valid_from="2026-01-02",
    names=["m-1"],
    match=Clause(or_=[Clause(starts_with="m-"), Clause(regex="^m")]),
    rates={"input": Decimal("0.0000025")},
    variants=[Variant(tier="batch", above=9, rates={"input": Decimal("1E-9")})],
    source="hand 1",
    recorded="2026-01-03",
)


def test_there_and_back() -> None:
    data = format_rows([ROW, ROW])
    assert parse_rows(data, "x") == [ROW, ROW] == parse_trusted_rows(data)
    assert data.count(b"\n") == 2


def test_a_row_is_one_short_line() -> None:
    row = PriceRow(provider="p", model="m", rates={"input": Decimal("0.0000025")}, source="s", recorded="2026-01-03")
    line = b'{"provider":"p","model":"m","rates":{"input":"0.0000025"},"source":"s","recorded":"2026-01-03"}\n'
    assert format_rows([row]) == line


def test_decimals_are_exact() -> None:
    line = b'{"provider":"p","model":"m","rates":{"a":"0.1","b":0.1,"c":"1E-30"},"source":"s","recorded":"2026-01-03"}'
    (row,) = parse_rows(line, "x")
    assert row.rates == {"a": Decimal("0.1"), "b": Decimal("0.1"), "c": Decimal("1E-30")}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{", "x:2: "),
        (b"\xff", "x:2: "),
        (b'{"provider":"p"}', "x:2: .*model"),
        (b'{"provider":"p","model":"m","rates":{"input":"-1"},"source":"s","recorded":"2026-01-03"}', "x:2: p/m: .*-1"),
        (
            b'{"provider":"p","model":"m","rates":{"input":"NaN"},"source":"s","recorded":"2026-01-03"}',
            "x:2: p/m: .*NaN",
        ),
        (b'{"provider":"p","model":"m","rates":{},"source":"s","recorded":"yesterday"}', "x:2: p/m: .*yesterday"),
        (
            b'{"provider":"p","model":"m","rates":{},"from":"2026-13-01","source":"s","recorded":"2026-01-03"}',
            "x:2: p/m",
        ),
        (
            b'{"provider":"p","model":"m","rates":{},"match":{"or":[{"regex":"("}]},"source":"s","recorded":"2026-01-03"}',
            "x:2: p/m: .*expression",
        ),
        (
            b'{"provider":"p","model":"m","rates":{},"variants":[{"hours":["noon"],"rates":{}}],"source":"s",'
            b'"recorded":"2026-01-03"}',
            "x:2: p/m: .*noon",
        ),
    ],
)
def test_a_malformed_line_is_named(line: bytes, message: str) -> None:
    with pytest.raises(PricingError, match=message):
        parse_rows(format_rows([ROW]) + line + b"\n" + format_rows([ROW]), "x")


def test_hours() -> None:
    assert parse_hours("16:30-00:30") == (990, 30)
