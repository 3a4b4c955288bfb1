"""A price: the rates of a model at a provider on a day, and which of them a call pays."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

import msgspec

from kagura.pricing.rows import PriceRow, Variant, parse_hours

TOKEN_UNITS = frozenset(
    [
        *("input", "output", "cache_read", "cache_write", "cache_write_1h", "cache_write_12h", "reasoning", "citation"),
        *("audio_input", "audio_output", "audio_cache_read", "audio_cache_write"),
        *("image_input", "image_output", "image_cache_read", "video_input", "video_output"),
    ]
)
"""Units that are tokens, whose rates people read for a million."""

TOOL_UNITS = frozenset(["web_search", "maps_search", "x_search", "file_search", "code_execution", "code_interpreter"])
"""Units of the tools that a provider runs, billed on top of the tokens."""

STANDARD_TIERS = frozenset(["", "default", "standard", "auto", "on_demand", "standard_only"])
"""What providers call the tier that needs no name."""

TIERS = {
    "batches": "batch",
    "on_demand_flex": "flex",
    "on_demand_priority": "priority",
}
"""Other names of service tiers (`on_demand_…` is Vertex's `trafficType`)."""

PREPAID_TIERS = frozenset(["provisioned_throughput", "scale"])
"""Capacity that is paid by the hour or the month: its tokens have no price of their own."""


NO_LABELS: dict[str, str] = {}


def tier_name(tier: str | None) -> str | None:
    """The service tier as variants name it; `None` is the standard one."""
    if tier is None:
        return None
    name = tier.lower()
    return None if name in STANDARD_TIERS else TIERS.get(name, name)


class Rates(NamedTuple):
    """What a call pays: US dollars for one of each unit, and the conditions, in words, of those that have some."""

    amounts: dict[str, Decimal]
    labels: dict[str, str]


class RateLine(msgspec.Struct, frozen=True, kw_only=True):
    """A rate as people read it: `amount` US dollars for `per` of `unit`."""

    unit: str
    amount: Decimal
    per: int
    """1,000,000 for tokens, 1 for everything else."""
    label: str | None = None
    """The conditions, where there are any: `priority`, `above 200,000 input tokens`, …"""


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """What a model costs at a provider from a day on."""

    provider: str
    model: str
    """The price list's name of the model."""
    rates: dict[str, Decimal]
    """US dollars for one of each unit, by unit."""
    variants: list[Variant] = []
    valid_from: str | None = None
    source: str
    recorded: str

    @property
    def version(self) -> str:
        """Source and day: since when the price holds, or when it was recorded where nobody says since when."""
        return f"{self.source} {self.valid_from or self.recorded}"

    @property
    def free(self) -> bool:
        """Whether nothing of the model costs anything."""
        return not any(self.rates.values())

    def rates_at(self, at_us: int, input_tokens: int, tier: str | None = None) -> Rates:
        """The rates of a call at an instant, with so much input (cached tokens included), in a service tier."""
        amounts, labels = self.rates, NO_LABELS
        for variant in self.variants:
            if _holds(variant, at_us, input_tokens, tier):
                amounts = {**amounts, **variant.rates}
                labels = {**labels, **dict.fromkeys(variant.rates, variant_label(variant))}
        return Rates(amounts, labels)

    def lines(self) -> Iterator[RateLine]:
        """Every rate of the price as people read it: its own first, then those of its variants."""
        yield from _rate_lines(self.rates, None)
        for variant in self.variants:
            yield from _rate_lines(variant.rates, variant_label(variant))


def rate_unit(unit: str) -> int:
    """How many of a unit people's prices are for: a million tokens, one of everything else."""
    return 1_000_000 if unit in TOKEN_UNITS else 1


def price_of(row: PriceRow, other: PriceRow | None = None) -> Price:
    """The price that a row of a price list states.

    Where `other`, another source's row on the same model, agrees with it, special token rates, tools and service tiers
    that the row says nothing about are taken from there.
    """
    rates, variants, source = row.rates, row.variants, row.source
    if other is not None and other is not row and agree(row.rates, other.rates):
        more = {unit: rate for unit, rate in other.rates.items() if unit not in rates and _adds(unit, rates)}
        tiers = {variant.tier for variant in variants}
        special = [variant for variant in other.variants if variant.tier and variant.tier not in tiers]
        if more or special:
            rates, source = {**rates, **more}, f"{source} + {other.source}"
            flat = [variant for variant in special if variant.above is None]
            stepped = [variant for variant in special if variant.above is not None]
            variants = [*flat, *variants, *stepped]
    return Price(
        provider=row.provider,
        model=row.model,
        rates=rates,
        variants=variants,
        valid_from=row.valid_from,
        source=source,
        recorded=row.recorded,
    )


def _adds(unit: str, rates: Mapping[str, Decimal]) -> bool:
    """Whether a unit is billed on top of `rates`, and is no other measure of what they bill: seconds for tokens, or the
    searches that a fee for each request includes (Perplexity)."""
    if unit in TOOL_UNITS:
        return "request" not in rates
    return unit in TOKEN_UNITS and unit not in ("input", "output")


def agree(rates: Mapping[str, Decimal], others: Mapping[str, Decimal]) -> bool:
    """Whether two sources give the same price for text in and out; no rate is as good as a rate of nothing."""
    return all((rates.get(unit) or 0) == (others.get(unit) or 0) for unit in ("input", "output"))


def variant_label(variant: Variant) -> str:
    """A variant's conditions in words, such as `priority, above 200,000 input tokens`."""
    parts = [variant.tier] if variant.tier else []
    if variant.above is not None:
        parts.append(f"above {variant.above:,} input tokens")
    if variant.hours:
        parts.append(f"{' '.join(variant.hours)} UTC")
    if variant.days:
        parts.append(f"weekdays {' '.join(map(str, variant.days))}")
    parts += [f"{key} {value}" for key, value in variant.context.items()]
    if variant.valid_from:
        parts.append(f"from {variant.valid_from}")
    return ", ".join(parts)


def _rate_lines(rates: dict[str, Decimal], label: str | None) -> Iterator[RateLine]:
    for unit, amount in rates.items():
        per = rate_unit(unit)
        yield RateLine(unit=unit, amount=amount * per, per=per, label=label)


def _holds(variant: Variant, at_us: int, input_tokens: int, tier: str | None) -> bool:
    if variant.tier != tier and variant.tier is not None:
        return False
    if variant.above is not None and input_tokens <= variant.above:
        return False
    if variant.context:
        return False
    if not (variant.valid_from or variant.hours or variant.days):
        return True
    at = datetime.fromtimestamp(at_us / 1_000_000, UTC)
    if variant.valid_from is not None and at.date().isoformat() < variant.valid_from:
        return False
    if variant.days and at.isoweekday() not in variant.days:
        return False
    return not variant.hours or any(_within(window, at) for window in variant.hours)


def _within(window: str, at: datetime) -> bool:
    first, last = parse_hours(window)
    minute = at.hour * 60 + at.minute
    if first < last:
        return first <= minute < last
    return minute >= first or minute < last
