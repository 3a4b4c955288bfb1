"""The price list that comes with kagura, row by row."""

import subprocess
import sys
import time
from decimal import Decimal

from kagura.pricing.catalog import BUNDLED, CORRECTIONS, bundled_rows
from kagura.pricing.names import provider_name
from kagura.pricing.rows import format_rows, parse_rows, parse_trusted_rows
from kagura.pricing.units import TOKEN_UNITS


def test_every_row_is_well_formed() -> None:
    assert len(parse_rows(BUNDLED.read_bytes(), "prices.jsonl")) > 6000


def test_every_correction_is_well_formed_and_names_the_page() -> None:
    rows = parse_rows(CORRECTIONS.read_bytes(), "corrections.jsonl")
    assert all(row.source.startswith("https://") for row in rows)


def test_rows_are_written_as_they_are_read() -> None:
    assert format_rows(bundled_rows()) == BUNDLED.read_bytes() + CORRECTIONS.read_bytes()


def test_no_token_costs_more_than_the_dearest_model() -> None:
    # o1-pro, 600 US dollars for a million tokens of output, https://platform.openai.com/docs/pricing
    dear = {
        (row.provider, row.model)
        for row in bundled_rows()
        for rates in (row.rates, *(variant.rates for variant in row.variants))
        for unit, rate in rates.items()
        if unit in TOKEN_UNITS and rate > Decimal("0.0006")
    }
    assert dear == set()


def test_providers_go_by_our_names() -> None:
    assert {name for row in bundled_rows() if provider_name(name := row.provider) != name} == set()


def test_a_model_has_one_row_for_a_day_and_source() -> None:
    keys = [(row.provider, row.model.lower(), row.source, row.valid_from) for row in bundled_rows()]
    assert len(keys) == len(set(keys))


def test_a_price_of_nothing_is_a_free_model() -> None:
    free = {(row.provider, row.model) for row in bundled_rows() if not any(row.rates.values()) and not row.variants}
    assert ("gemini", "gemma-3") in free
    assert all(":free" in model or provider in ("gemini", "openai", "zai") for provider, model in free)


def test_it_is_small_and_quick_to_read() -> None:
    data = BUNDLED.read_bytes()
    assert len(data) < 3_000_000
    times = []
    for _ in range(5):
        start = time.process_time()
        parse_trusted_rows(data)
        times.append(time.process_time() - start)
    assert min(times) < 0.2


def test_pricing_imports_no_price_library_and_reads_nothing_at_import() -> None:
    program = (
        "import sys, kagura.pricing; from kagura.pricing.catalog import bundled_rows as rows; "
        "heavy = {'litellm', 'genai_prices', 'kagura.pricing.update', 'aiohttp', 'httpx'}; "
        "print(rows.cache_info().currsize, sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0 []"
