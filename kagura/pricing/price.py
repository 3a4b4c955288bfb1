"""A price: the rates of a model at a provider on a day, and which of them a call pays."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

import msgspec

from kagura.pricing.rows import PriceRow, Variant, parse_hours
from kagura.pricing.units import OUTPUT_UNITS, TOKEN_UNITS, TOOL_UNITS, rate_unit

ANY = "*"
"""In a variant's context: the fact is known, whatever it is."""

NO_LABELS: dict[str, str] = {}
NO_MINIMUMS: dict[str, Decimal] = {}
NO_PLACES: dict[int, str] = {}


class Factor(NamedTuple):
    """What rates are multiplied by, and why."""

    value: Decimal
    label: str
    tokens_only: bool = True
    """Searches and other units keep their rate."""


class Rates(NamedTuple):
    """What a call pays."""

    amounts: dict[str, Decimal]
    """US dollars for one of each unit."""
    labels: dict[str, str] = NO_LABELS
    """The conditions, in words, of the rates that have some."""
    sources: dict[str, str] = NO_LABELS
    """Source and day of the rates that come from elsewhere than the price."""
    factors: tuple[Factor, ...] = ()
    steps: tuple[Variant, ...] = ()
    """Marginal steps that the call reaches, the lowest first."""
    minimums: Mapping[str, Decimal] = NO_MINIMUMS


class RateLine(msgspec.Struct, frozen=True, kw_only=True):
    """A rate as people read it: `amount` US dollars for `per` of `unit`."""

    unit: str
    amount: Decimal
    per: int
    """1,000,000 for tokens, 1 for everything else; 0 where `amount` is a factor on the other rates."""
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
    minimums: dict[str, Decimal] = {}
    """The least quantity that is billed, by unit."""
    valid_from: str | None = None
    source: str
    recorded: str
    borrowed: dict[str, str] = {}
    """Source and day of the units whose rates another list states."""
    borrowed_variants: dict[int, str] = {}
    """The same for variants, by their place in `variants`."""

    @property
    def version(self) -> str:
        """Source and day: since when the price holds, or when it was recorded where nobody says since when."""
        return f"{self.source} {self.valid_from or self.recorded}"

    @property
    def free(self) -> bool:
        """Whether nothing of the model costs anything."""
        return bool(self.rates) and not any(self.rates.values())

    def rates_at(
        self, at_us: int, input_tokens: int, tier: str | None = None, facts: Mapping[str, str] = NO_LABELS
    ) -> Rates:
        """The rates of a call at an instant, with so much input (cached tokens included), in a service tier.

        `facts` are what else is known of the call, as `kagura.pricing.facts` gives them.
        """
        if not self.variants:
            return Rates(self.rates, sources=self.borrowed, minimums=self.minimums)
        amounts, labels, sources = self.rates, NO_LABELS, self.borrowed
        factors: list[Factor] = []
        steps: list[Variant] = []
        for place, variant in enumerate(self.variants):
            if not _holds(variant, at_us, input_tokens, tier, facts):
                continue
            if variant.factor is not None:
                factors.append(Factor(variant.factor, variant_label(variant)))
            if variant.marginal:
                steps.append(variant)
            if rates := _whole_call_rates(variant):
                amounts = {**amounts, **rates}
                labels = {**labels, **dict.fromkeys(rates, variant_label(variant))}
                sources = _with_source(sources, rates, self.borrowed_variants.get(place))
        steps.sort(key=lambda step: step.above or 0)
        return Rates(amounts, labels, sources, tuple(factors), tuple(steps), self.minimums)

    def has_tier(self, tier: str, at_us: int) -> bool:
        """Whether the price says anything about a service tier at an instant."""
        return any(
            variant.tier == tier and (variant.valid_from is None or variant.valid_from <= _day(at_us))
            for variant in self.variants
        )

    def lines(self) -> Iterator[RateLine]:
        """Every rate of the price as people read it: its own first, then those of its variants."""
        yield from _rate_lines(self.rates, None)
        for variant in self.variants:
            yield from _rate_lines(variant.rates, variant_label(variant))
            if variant.factor is not None:
                yield RateLine(unit="tokens", amount=variant.factor, per=0, label=variant_label(variant))


def price_of(row: PriceRow, other: PriceRow | None = None) -> Price:
    """The price that a row of a price list states.

    Where `other`, another source's row on the same model, agrees with it, special token rates, tools, service tiers
    and surcharges that the row says nothing about are taken from there.
    """
    rates, variants = row.rates, row.variants
    borrowed, borrowed_variants = NO_LABELS, NO_PLACES
    if other is not None and other is not row and agree(row.rates, other.rates):
        more = {unit: rate for unit, rate in other.rates.items() if unit not in rates and _adds(unit, rates)}
        special = _missing_variants(row, other)
        if more or special:
            version = f"{other.source} {other.valid_from or other.recorded}"
            rates = {**rates, **more}
            borrowed = dict.fromkeys(more, version)
            flat = [variant for variant in special if variant.above is None]
            stepped = [variant for variant in special if variant.above is not None]
            variants = [*flat, *variants, *stepped]
            first = len(flat) + len(row.variants)
            borrowed_variants = dict.fromkeys([*range(len(flat)), *range(first, len(variants))], version)
    return Price(
        provider=row.provider,
        model=row.model,
        rates=rates,
        variants=variants,
        minimums=row.minimums,
        valid_from=row.valid_from,
        source=row.source,
        recorded=row.recorded,
        borrowed=borrowed,
        borrowed_variants=borrowed_variants,
    )


def _missing_variants(row: PriceRow, other: PriceRow) -> list[Variant]:
    """The service tiers, surcharges and sizes that `other` alone knows of, and tiers of before the row's own."""
    tiers = {variant.tier for variant in row.variants}
    undated = {variant.tier for variant in row.variants if variant.valid_from is None}
    contexts = {fact for variant in row.variants for fact in variant.context}
    return [
        variant
        for variant in other.variants
        if (variant.tier and variant.tier not in (undated if variant.above is None else tiers))
        or (
            variant.tier is None
            and variant.context
            and contexts.isdisjoint(variant.context)
            and all(unit in row.rates or _adds(unit, row.rates) for unit in variant.rates)
        )
    ]


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
        beyond = "beyond" if variant.marginal else "above"
        parts.append(f"{beyond} {variant.above:,} input tokens")
    if variant.hours:
        parts.append(f"{' '.join(variant.hours)} UTC")
    if variant.days:
        parts.append(f"weekdays {' '.join(map(str, variant.days))}")
    parts += [f"any {key}" if value == ANY else f"{key} {value}" for key, value in variant.context.items()]
    if variant.valid_from:
        parts.append(f"from {variant.valid_from}")
    return ", ".join(parts)


def _rate_lines(rates: dict[str, Decimal], label: str | None) -> Iterator[RateLine]:
    for unit, amount in rates.items():
        per = rate_unit(unit)
        yield RateLine(unit=unit, amount=amount * per, per=per, label=label)


def _whole_call_rates(variant: Variant) -> dict[str, Decimal]:
    """The rates of a variant that all tokens of the call pay."""
    if not variant.marginal:
        return variant.rates
    return {unit: rate for unit, rate in variant.rates.items() if unit in OUTPUT_UNITS}


def _with_source(sources: dict[str, str], units: Iterable[str], source: str | None) -> dict[str, str]:
    if source is not None:
        return {**sources, **dict.fromkeys(units, source)}
    if sources:
        return {unit: source for unit, source in sources.items() if unit not in units}
    return sources


def _holds(variant: Variant, at_us: int, input_tokens: int, tier: str | None, facts: Mapping[str, str]) -> bool:
    if variant.tier != tier and variant.tier is not None:
        return False
    if variant.above is not None and input_tokens <= variant.above:
        return False
    for fact, value in variant.context.items():
        if (found := facts.get(fact)) is None or value not in (ANY, found):
            return False
    if not (variant.valid_from or variant.hours or variant.days):
        return True
    if variant.valid_from is not None and _day(at_us) < variant.valid_from:
        return False
    at = datetime.fromtimestamp(at_us / 1_000_000, UTC)
    if variant.days and at.isoweekday() not in variant.days:
        return False
    return not variant.hours or any(_within(window, at) for window in variant.hours)


def _day(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1_000_000, UTC).date().isoformat()


def _within(window: str, at: datetime) -> bool:
    first, last = parse_hours(window)
    minute = at.hour * 60 + at.minute
    if first < last:
        return first <= minute < last
    return minute >= first or minute < last
