"""Brings the bundled price list up to date.

    python -m kagura.pricing.build LITELLM_MAP GENAI_PRICES_DATA

with LiteLLM's `model_prices_and_context_window_backup.json` and genai-prices' `data.py`, as their packages ship them;
install those into a folder of their own (`pip install --no-deps --target FOLDER litellm genai-prices`). Rows that the
list has stay as they are; what changed is added next to them. Without the file the list is made anew. Where a list is
wrong, a row by hand belongs into `corrections.jsonl`, with the provider's page as its source.
"""

import sys
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import msgspec

from kagura.errors import PricingError
from kagura.pricing import litellm
from kagura.pricing.book import start_us
from kagura.pricing.catalog import BUNDLED, Catalog
from kagura.pricing.price import agree
from kagura.pricing.rows import PriceRow, format_rows, read_rows
from kagura.pricing.update import changes, read_list, today

Names = dict[tuple[str, str], set[str]]
"""Names by provider and model."""


def build(target: Path, sources: Iterable[Path], day: date) -> int:
    """Add to `target` what the lists `sources` say on `day`, sorted by model; the number of rows added.

    Raises `PricingError` where a list is malformed; `target` is untouched then.
    """
    rows = read_rows(target)
    before = len(rows)
    for source in sources:
        rows += [change.after for change in changes(rows, read_list(source, day), day)]
    rows = name_alike(rows, day)
    rows.sort(key=lambda row: (row.provider, row.model.lower(), row.origin, row.valid_from or "", row.recorded))
    target.write_bytes(format_rows(rows))
    return len(rows) - before


def name_alike(rows: list[PriceRow], day: date) -> list[PriceRow]:
    """Give the models of the dated sources the names that only their patterns fit.

    Where LiteLLM prices such a name, and both agree on the price of the day, the name is that model's: so its dated
    prices hold for it. Where they disagree LiteLLM's exact name stands.
    """
    catalog = Catalog(row for row in rows if row.origin != litellm.ORIGIN)
    at = start_us(day.isoformat())
    gained: Names = {}
    for row in rows:
        other = catalog.find(row.provider, row.model, at) if row.origin == litellm.ORIGIN else None
        if other is not None and other.provider == row.provider and agree(other.rates, row.rates):
            gained.setdefault((other.provider, other.model), set()).add(row.model.lower())
    return [row if row.origin == litellm.ORIGIN else _renamed(row, gained) for row in rows]


def _renamed(row: PriceRow, gained: Names) -> PriceRow:
    """The row with the names that its model gained; the first row of a model takes them."""
    names = {*row.names, *gained.pop((row.provider, row.model), ())} - {row.model.lower()}
    return msgspec.structs.replace(row, names=sorted(names))


def main(arguments: list[str]) -> int:
    """Run the command; the exit code."""
    if len(arguments) != 2:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    try:
        added = build(BUNDLED, [Path(argument) for argument in arguments], today())
    except PricingError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{BUNDLED}: {added} rows added\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
