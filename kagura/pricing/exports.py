"""Reads what OpenAI and Anthropic say was used and billed: pages of their APIs (JSON) and downloads (CSV).

Which kind a file is, its field names tell. Sources of the names:
https://platform.openai.com/docs/api-reference/usage (usage and costs), the CSV files of
https://platform.openai.com/usage, https://platform.claude.com/docs/en/api/admin/usage_report/retrieve_messages,
https://platform.claude.com/docs/en/api/admin/cost_report, and the CSV files of https://platform.claude.com/usage and
/cost.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from kagura.errors import InputError
from kagura.model import Usage
from kagura.pricing.facts import TIER

MAX_BYTES = 256 << 20

Fields = Mapping[str, Any]


class Holds(StrEnum):
    """What an export counts."""

    USAGE = "usage"
    COST = "cost"


class Form(NamedTuple):
    """A kind of export."""

    name: str
    provider: str
    holds: Holds
    known_by: frozenset[str]
    """Fields that every row has, and no row of the kinds before."""
    cents: bool = False
    """Amounts are cents, not dollars."""


FORMS: tuple[Form, ...] = (
    Form("OpenAI usage", "openai", Holds.USAGE, frozenset(["num_model_requests"])),
    Form("OpenAI costs (dashboard)", "openai", Holds.COST, frozenset(["amount_value", "amount_currency"])),
    Form("Anthropic usage report", "anthropic", Holds.USAGE, frozenset(["uncached_input_tokens"])),
    Form("Anthropic cost report", "anthropic", Holds.COST, frozenset(["amount", "currency"]), cents=True),
    Form("Anthropic Console usage", "anthropic", Holds.USAGE, frozenset(["usage_input_tokens_no_cache"])),
    Form("Anthropic Console costs", "anthropic", Holds.COST, frozenset(["usage_date_utc", "cost_usd"])),
    Form("OpenAI costs", "openai", Holds.COST, frozenset(["amount"])),
)

STARTS = ("start_time", "starting_at", "usage_date_utc", "start_time_iso")
"""Where the day stands: seconds since the epoch, or ISO 8601, of UTC."""

MODELS = ("model", "model_version")

COUNTS: Mapping[str, tuple[str, ...]] = {
    "all_input": ("input_tokens",),
    "uncached": ("uncached_input_tokens", "usage_input_tokens_no_cache"),
    "cache_read": ("input_cached_tokens", "cache_read_input_tokens", "usage_input_tokens_cache_read"),
    "cache_write": ("input_cache_write_tokens",),
    "cache_write_5m": (
        "cache_creation.ephemeral_5m_input_tokens",
        "cache_creation_5m_input_tokens",
        "usage_input_tokens_cache_write_5m",
    ),
    "cache_write_1h": (
        "cache_creation.ephemeral_1h_input_tokens",
        "cache_creation_1h_input_tokens",
        "usage_input_tokens_cache_write_1h",
    ),
    "output": ("output_tokens", "usage_output_tokens"),
    "text_input": ("input_text_tokens",),
    "audio_input": ("input_audio_tokens",),
    "audio_cache_read": ("input_cached_audio_tokens",),
    "audio_output": ("output_audio_tokens",),
    "image_input": ("input_image_tokens",),
    "image_output": ("output_image_tokens",),
    "web_search": ("server_tool_use.web_search_requests", "web_search_count"),
    "seconds": ("seconds",),
    "characters": ("characters",),
    "images": ("images",),
    "requests": ("num_model_requests",),
}
"""What we call a count: the fields that hold it."""

UNITS = ("web_search", "seconds", "characters", "images")
AMOUNTS = ("amount_value", "amount.value", "cost_usd", "amount")
CURRENCIES = ("amount_currency", "amount.currency", "currency")
TEXTS: Mapping[str, tuple[str, ...]] = {
    TIER: ("service_tier", "usage_type"),
    "speed": ("speed",),
    "inference_geo": ("inference_geo",),
    "size": ("size",),
    "context": ("context_window",),
}
NO_TIERS = frozenset(["message"])
"""What stands in place of a service tier and is none: Anthropic's cost file tells messages from other products."""

LONG_CONTEXT = {"200k-1m": 200_001, "> 200k": 200_001}
"""A length of prompt that is in a class of `context_window`; other classes are short prompts."""


class ExportRow(NamedTuple):
    """What a provider says of one model (and tier, project, key…) on one day."""

    day: date
    """Of UTC, as the providers reckon."""
    model: str | None
    """`None` where the export is not split by model, or the row is no model's."""
    usage: Usage | None
    cost: Decimal | None
    """US dollars, where the export states them."""
    requests: int | None
    facts: dict[str, str]
    prompt_tokens: int
    """A length of prompt as the row's calls had it, for steps of the price."""


class Export(NamedTuple):
    """A file of a provider's."""

    form: Form
    rows: list[ExportRow]
    days: list[date]
    """The first and the last day that the file covers, days without usage included."""
    complete: bool
    """False where the last page says that there is more."""


def read_export(path: Path) -> Export:
    """Read an export. Raises `InputError` that names file, row and remedy where it is none of `FORMS`."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path}: larger than {MAX_BYTES:,} bytes", "Export fewer days.")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}", "Name an export of a provider.") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text file", _accepted()) from None
    pages = _json_pages(text)
    found = list(_bucket_rows(pages) if pages is not None else _csv_rows(text))
    form = next((form for row in found for form in FORMS if _fits(form, row)), None)
    if form is None:
        raise InputError(f"{path}: not an export that kagura knows", _accepted())
    rows, days = [], []
    for number, row in enumerate(found, 1):
        try:
            day = _day(row)
            days.append(day)
            if _fits(form, row):
                rows.append(_row(form, row, day))
        except (ValueError, InvalidOperation) as error:
            raise InputError(f"{path}: row {number}: {error}", f"It was read as {form.name}.") from None
    more = bool(pages and isinstance(pages[-1], dict) and pages[-1].get("has_more"))
    return Export(form, rows, [min(days), max(days)], not more)


def _accepted() -> str:
    return f"Accepted: {', '.join(form.name for form in FORMS)}; JSON pages as the API gives them, or CSV."


def _json_pages(text: str) -> list[Any] | None:
    """The pages of a JSON file: one page, an array of them, or one a line; `None` where it is no JSON."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        document = json.loads(text, parse_float=Decimal)
    except ValueError:
        try:
            document = [json.loads(line, parse_float=Decimal) for line in text.splitlines() if line.strip()]
        except ValueError:
            return None
    return document if isinstance(document, list) else [document]


def _bucket_rows(pages: list[Any]) -> Iterator[Fields]:
    """Results with the start of their bucket; a bucket without results is a row that has only its start."""
    for page in pages:
        buckets = page.get("data") if isinstance(page, dict) else None
        for bucket in buckets if isinstance(buckets, list) else [page]:
            if not isinstance(bucket, dict):
                continue
            start = {name: bucket[name] for name in STARTS if name in bucket}
            results = bucket.get("results", bucket.get("result"))
            if start:
                yield from ({**start, **result} for result in results or [{}] if isinstance(result, dict))


def _csv_rows(text: str) -> Iterator[Fields]:
    """Rows by column name; the separator is the one that the heading has."""
    heading = text.partition("\n")[0]
    separator = max(",;\t", key=heading.count)
    for row in csv.DictReader(io.StringIO(text), delimiter=separator):
        yield {name.strip(): value.strip() for name, value in row.items() if name and value and value.strip()}


def _fits(form: Form, row: Fields) -> bool:
    return all(row.get(name) is not None for name in form.known_by)


def _day(row: Fields) -> date:
    for name in STARTS:
        value = row.get(name)
        if value is None:
            continue
        text = str(value)
        if text.replace(".", "", 1).isdigit():
            return datetime.fromtimestamp(float(text), UTC).date()
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo is None else moment.astimezone(UTC)).date()
    raise ValueError("it has no day")


def _row(form: Form, row: Fields, day: date) -> ExportRow:
    texts = {name: text.lower() for name, paths in TEXTS.items() if (text := _text(row, paths))}
    if texts.get(TIER) in NO_TIERS:
        del texts[TIER]
    if str(row.get("batch")).lower() == "true":
        texts[TIER] = "batch"
    if texts.pop("speed", None) == "fast":
        texts[TIER] = "fast"
    prompt_tokens = LONG_CONTEXT.get(texts.pop("context", ""), 0)
    model = _text(row, MODELS)
    if form.holds is Holds.COST:
        line_item = _text(row, ("line_item",))
        if model is None and line_item and "," in line_item:
            model = line_item.partition(",")[0]
        return ExportRow(day, _model_id(model), None, _amount(form, row), None, texts, prompt_tokens)
    counts = {name: found for name, paths in COUNTS.items() if (found := _number(row, paths)) is not None}
    requests = counts.pop("requests", None)
    return ExportRow(
        day, _model_id(model), _usage(counts), None, None if requests is None else int(requests), texts, prompt_tokens
    )


def _model_id(name: str | None) -> str | None:
    """The model as the API calls it; Anthropic's cost file says `Claude Sonnet 4.5`."""
    if name is None or " " not in name:
        return name
    return name.lower().replace(" ", "-").replace(".", "-")


def _amount(form: Form, row: Fields) -> Decimal:
    currency = _text(row, CURRENCIES) or "usd"
    if currency.lower() != "usd":
        raise ValueError(f"amounts are in {currency}; kagura reckons in US dollars")
    amount = _number(row, AMOUNTS) or Decimal(0)
    return amount / 100 if form.cents else amount


def _usage(counts: dict[str, Decimal]) -> Usage:
    """Counts as our totals, which include their parts."""
    whole = {name: int(found) for name, found in counts.items()}
    write_1h = whole.get("cache_write_1h", 0)
    write = whole.get("cache_write", 0) + whole.get("cache_write_5m", 0) + write_1h
    read = whole.get("cache_read", 0)
    by_kind = sum(whole.get(name, 0) for name in ("text_input", "audio_input", "image_input"))
    inputs = {"all_input", "uncached"} & whole.keys()
    total = max(whole.get("all_input", 0), by_kind) if "uncached" not in whole else whole["uncached"] + read + write
    return Usage(
        input=total if inputs else None,
        output=whole.get("output"),
        cache_read=read,
        cache_write=write,
        cache_write_1h=write_1h,
        audio_input=whole.get("audio_input"),
        audio_cache_read=whole.get("audio_cache_read"),
        audio_output=whole.get("audio_output"),
        image_input=whole.get("image_input"),
        image_output=whole.get("image_output"),
        units={unit: counts[unit] for unit in UNITS if counts.get(unit)},
    )


def _at(row: Fields, path: str) -> Any:
    found: Any = row
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _text(row: Fields, paths: tuple[str, ...]) -> str | None:
    return next((found for path in paths if isinstance(found := _at(row, path), str) and found), None)


def _number(row: Fields, paths: tuple[str, ...]) -> Decimal | None:
    for path in paths:
        found = _at(row, path)
        if found is not None and not isinstance(found, Mapping):
            number = Decimal(str(found).replace(",", ""))
            if not number.is_finite() or (number < 0 and path not in AMOUNTS):
                raise ValueError(f"{path} is {found}")
            return number
    return None
