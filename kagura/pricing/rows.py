"""The rows of a price list: what stands in a `prices.jsonl`, and how such a file is read and written.

A row is the price of one model at one provider from one day on. Rows are only ever added: a new price is a new row
with a later `from`, and of two rows with the same `from` the later one in the file corrects the earlier.
"""

import re
from collections.abc import Iterable
from datetime import date, time
from decimal import Decimal
from pathlib import Path

import msgspec

from kagura.errors import PricingError


class Clause(msgspec.Struct, frozen=True, omit_defaults=True, gc=False, rename={"or_": "or", "and_": "and"}):
    """A condition on a model's name; exactly one field is set. Text is compared in lower case."""

    equals: str | None = None
    starts_with: str | None = None
    ends_with: str | None = None
    contains: str | None = None
    regex: str | None = None
    or_: list["Clause"] = []
    and_: list["Clause"] = []


class Variant(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, rename={"valid_from": "from"}):
    """Rates that take the place of a row's own where every condition that is set holds.

    Of several that hold, later ones win, unit by unit.
    """

    tier: str | None = None
    """A service tier: `priority`, `flex`, `batch`, `fast`, …"""
    above: int | None = None
    """The call's input, cached tokens included, is more than this; then the rates hold for the whole call."""
    marginal: bool = False
    """The input rates hold only for the tokens beyond `above`, as income tax does; those of output for all of it."""
    hours: list[str] = []
    """Hours of the day in UTC, such as `16:30-00:30`: the first minute counts, the last does not."""
    days: list[int] = []
    """Days of the week, Monday = 1, that `hours` are limited to."""
    context: dict[str, str] = {}
    """Other facts of the call (`kagura.pricing.facts`), such as `search_context_size: low`; `*` is any value."""
    valid_from: str | None = None
    """The first day, `YYYY-MM-DD`; before it the row's own rates hold."""
    rates: dict[str, Decimal] = {}
    factor: Decimal | None = None
    """What every token's rate is multiplied by, on top of all rates that hold: a surcharge for a region, a speed."""


class PriceRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, rename={"valid_from": "from"}):
    """The price of a model at a provider from a day on."""

    provider: str
    model: str
    """The provider's name of the model, as it wants it in a request."""
    valid_from: str | None = None
    """The first day, `YYYY-MM-DD` in UTC; `None` for "ever since"."""
    names: list[str] = []
    """Other names of exactly this model. Names add up over the rows of a model."""
    match: Clause | None = None
    """Further names, as a condition, tried when no name is equal."""
    rates: dict[str, Decimal]
    """US dollars for one of each unit: one token, one image, one search."""
    variants: list[Variant] = []
    minimums: dict[str, Decimal] = {}
    """The least quantity that is billed of a unit, such as 10 seconds of audio."""
    source: str
    """Who says so, with version: `genai-prices 0.2.3`."""
    recorded: str
    """The day on which the row was written, `YYYY-MM-DD`."""

    @property
    def origin(self) -> str:
        """The source without its version."""
        return self.source.partition(" ")[0]


_decoder = msgspec.json.Decoder(PriceRow)
_encoder = msgspec.json.Encoder(decimal_format="string")


def read_rows(path: Path) -> list[PriceRow]:
    """The rows of a file, in its order; an absent file has none.

    Raises `PricingError` naming file and line where the file cannot be read or a row is malformed.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise PricingError(f"{path}: cannot read the price list: {error.strerror}") from error
    return parse_rows(data, str(path))


def parse_rows(data: bytes, place: str) -> list[PriceRow]:
    """The rows of a file's content, checked; `place` names the file in errors."""
    rows = []
    for number, line in enumerate(data.splitlines(), 1):
        if line.strip():
            try:
                row = _decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise PricingError(f"{place}:{number}: {error}", "Correct or remove the line.") from error
            check_row(row, f"{place}:{number}")
            rows.append(row)
    return rows


def parse_trusted_rows(data: bytes) -> list[PriceRow]:
    """The rows of the list that comes with kagura, which its tests have checked."""
    return _decoder.decode_lines(data)


def check_row(row: PriceRow, place: str) -> None:
    """Raise `PricingError` where a rate is negative or no number, a day is no day, or a pattern no pattern."""
    where = f"{place}: {row.provider}/{row.model}"
    factors = [{"factor": variant.factor} for variant in row.variants if variant.factor is not None]
    for rates in (row.rates, row.minimums, *factors, *(variant.rates for variant in row.variants)):
        for unit, rate in rates.items():
            if not rate.is_finite() or rate < 0:
                raise PricingError(f"{where}: the rate of {unit} is {rate}", "Rates are US dollars, zero or more.")
    try:
        for day in (row.valid_from, row.recorded, *(variant.valid_from for variant in row.variants)):
            if day is not None:
                date.fromisoformat(day)
        for variant in row.variants:
            for window in variant.hours:
                parse_hours(window)
    except ValueError as error:
        raise PricingError(f"{where}: {error}", "Days are written 2026-11-22, hours 16:30-00:30.") from error
    if row.match is not None:
        _check_clause(row.match, where)


def _check_clause(clause: Clause, where: str) -> None:
    if clause.regex is not None:
        try:
            re.compile(clause.regex)
        except re.error as error:
            raise PricingError(f"{where}: {clause.regex!r} is no regular expression: {error}") from error
    for part in (*clause.or_, *clause.and_):
        _check_clause(part, where)


def parse_hours(window: str) -> tuple[int, int]:
    """Minutes of the day of a window's start and end: `16:30-00:30` is (990, 30). Raises `ValueError`."""
    start, _, end = window.partition("-")
    first, last = time.fromisoformat(start), time.fromisoformat(end)
    return first.hour * 60 + first.minute, last.hour * 60 + last.minute


def format_rows(rows: Iterable[PriceRow]) -> bytes:
    """Rows as a file's content: one JSON object a line, short decimals, no field that says nothing."""
    return b"".join(_encoder.encode(row) + b"\n" for row in rows)
