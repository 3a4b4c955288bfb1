"""A bill: what a call consumed, taken apart so that nothing is counted twice, times what each part costs."""

from collections.abc import Container, Iterable, Iterator, Mapping
from decimal import Decimal

from kagura.model import Cost, CostLine, CostSource, Usage, UsageSource
from kagura.pricing.facts import TIER
from kagura.pricing.price import NO_LABELS, Factor, Price, Rates, variant_label
from kagura.pricing.tiers import PREPAID_TIERS, tier_name
from kagura.pricing.units import MEASURES, OUTPUT_UNITS, TOKEN_UNITS, TOOL_UNITS

STAND_INS: dict[str, tuple[str, ...]] = {
    "cache_read": ("input",),
    "cache_write": ("input",),
    "cache_write_1h": ("cache_write", "input"),
    "audio_input": ("input",),
    "audio_cache_read": ("cache_read", "audio_input", "input"),
    "audio_output": ("output",),
    "image_input": ("input",),
    "image_output": ("output",),
}
"""Whose rate a part is billed at where the price has none for it: providers list what is special, the rest is text."""

REQUEST = "request"
"""The unit of a fee for each call."""

BILLED_INPUT, BILLED_OUTPUT = "billed_input_tokens", "billed_output_tokens"
"""Units that take the place of the token totals where a provider bills other numbers than it counts (Cohere)."""

FREE_UNITS = frozenset(["web_fetch"])
"""Units that providers count and do not bill
(https://platform.claude.com/docs/en/agents-and-tools/tool-use/web-fetch-tool#usage-and-pricing)."""

NOT_BILLED = FREE_UNITS | {BILLED_INPUT, BILLED_OUTPUT}
"""Units that make no line of their own."""

UNKNOWN = Cost()


def cost_of(
    price: Price | None,
    usage: Usage | None,
    at_us: int,
    facts: Mapping[str, str] = NO_LABELS,
    factors: Iterable[Factor] = (),
    other_rates: Mapping[str, Decimal] | None = None,
    prompt_tokens: int | None = None,
) -> Cost:
    """What a call at an instant cost.

    `facts` are what the call shows beside its usage, `factors` surcharges and discounts on top of the price's own, and
    `other_rates` are of units that the price does not know. `provider_cost` wins as the total. Without it the total is
    `None` where price or usage is unknown, where a token count has no rate, and where the capacity was paid in advance.
    Steps of the price go by `prompt_tokens`, or else by the usage's own input.
    """
    if usage is None:
        return UNKNOWN
    tier = tier_name(usage.service_tier) or tier_name(facts.get(TIER))
    lines: list[CostLine] = []
    unpriced: list[str] = []
    priced = False
    if price is not None and tier not in PREPAID_TIERS:
        rates = price.rates_at(at_us, usage.input or 0 if prompt_tokens is None else prompt_tokens, tier, facts)
        factors = tuple(factors)
        if other_rates or factors:
            amounts = {**rates.amounts, **other_rates} if other_rates else rates.amounts
            rates = rates._replace(amounts=amounts, factors=(*rates.factors, *factors))
        note = f"no {tier} rate" if tier and not price.has_tier(tier, at_us) else None
        priced = _Bill(rates, lines, unpriced, note).fill(usage)
    total: Decimal | None
    source: CostSource | None
    if usage.provider_cost is not None:
        total, source = usage.provider_cost, CostSource.PROVIDER
    elif priced:
        total, source = sum((line.amount for line in lines), Decimal(0)), CostSource.CATALOG
    else:
        total, source = None, None
    return Cost(
        total=total,
        source=source,
        lines=lines,
        price_model=price.model if price and (lines or priced) else None,
        price_version=price.version if price and (lines or priced) else None,
        estimated=usage.source is UsageSource.ESTIMATED,
        unpriced=unpriced,
    )


class _Bill:
    """The lines of a bill as they are written."""

    def __init__(self, rates: Rates, lines: list[CostLine], unpriced: list[str], note: str | None) -> None:
        self._rates, self._lines, self._unpriced, self._note = rates, lines, unpriced, note

    def fill(self, usage: Usage) -> bool:
        """Write the lines; tell whether their sum is what the call cost.

        What tools and other models took on top says nothing of the call itself.
        """
        amounts = self._rates.amounts
        known = usage.input is not None or usage.output is not None
        if not usage.units:
            complete = self._add_tokens(usage)
        else:
            measured = {unit for unit, quantity in usage.units.items() if quantity and unit in MEASURES}
            by_measure = "input" not in amounts and not measured.isdisjoint(amounts)
            complete = by_measure or self._add_tokens(usage)
            known = self._add_units(usage) or known
        if known and REQUEST in amounts:
            self._add(REQUEST, Decimal(1))
        return known and complete

    def _add_units(self, usage: Usage) -> bool:
        """Write what is billed beside tokens; tell whether any of it is the call itself."""
        known = False
        beside = NOT_BILLED | MEASURES if self._lines else NOT_BILLED
        for unit, quantity in usage.units.items():
            if not quantity or unit in beside:
                continue
            if not self._add(unit, quantity):
                self._unpriced.append(unit)
            elif unit not in TOOL_UNITS and ":" not in unit:
                known = True
        return known

    def _add_tokens(self, usage: Usage) -> bool:
        found = parts(usage, _own_rates(self._rates.amounts))
        complete = True
        if self._rates.steps:
            for unit, tokens, rates in _stepped(found, self._rates):
                complete = self._priced(unit, Decimal(tokens), rates) and complete
            return complete
        for unit, tokens in found:
            complete = self._priced(unit, Decimal(tokens), self._rates) and complete
        return complete

    def _priced(self, unit: str, quantity: Decimal, rates: Rates) -> bool:
        if self._add(unit, quantity, rates):
            return True
        self._unpriced.append(unit)
        return False

    def _add(self, unit: str, quantity: Decimal, rates: Rates | None = None) -> bool:
        rates = rates or self._rates
        billed_as = _billed_as(unit, rates.amounts)
        if billed_as is None:
            return False
        labels = [f"{billed_as} rate"] if billed_as != unit else []
        if billed_as in rates.labels:
            labels.append(rates.labels[billed_as])
        if unit in TOKEN_UNITS and self._note:
            labels.append(self._note)
        minimum = rates.minimums.get(unit)
        if minimum is not None and quantity < minimum:
            labels.append(f"at least {minimum:f}")
            quantity = minimum
        factor = None
        for part in rates.factors:
            if not part.tokens_only or _is_tokens(unit):
                factor = part.value if factor is None else factor * part.value
                labels.append(part.label)
        self._lines.append(
            CostLine(
                unit=unit,
                quantity=quantity,
                rate=rates.amounts[billed_as],
                factor=factor,
                tier=", ".join(labels) or None,
                source=rates.sources.get(billed_as),
            )
        )
        return True


def _billed_as(unit: str, amounts: Container[str]) -> str | None:
    """The unit whose rate a part pays."""
    if unit in amounts:
        return unit
    for name in STAND_INS.get(unit, ()):
        if name in amounts:
            return name
    return None


def _is_tokens(unit: str) -> bool:
    """Whether a unit is tokens, of this model or (`claude-opus-4-6:input_tokens`) of another."""
    return unit in TOKEN_UNITS or unit.endswith("_tokens")


def _stepped(found: Iterable[tuple[str, int]], rates: Rates) -> Iterator[tuple[str, int, Rates]]:
    """Token counts cut where a marginal step begins, each piece with the rates that it pays.

    What was cached stands at the head of a prompt, so it takes the first places.
    """
    position = 0
    ordered = sorted(found, key=lambda part: (part[0] in OUTPUT_UNITS, "cache" not in part[0]))
    for unit, tokens in ordered:
        if unit in OUTPUT_UNITS:
            yield unit, tokens, rates
            continue
        behind = position + tokens
        while position < behind:
            reached = [step for step in rates.steps if (step.above or 0) <= position]
            ends = [step.above or 0 for step in rates.steps if (step.above or 0) > position]
            end = min([behind, *ends])
            piece = rates
            for step in reached:
                label = variant_label(step)
                piece = piece._replace(
                    amounts={**piece.amounts, **step.rates},
                    labels={**piece.labels, **dict.fromkeys(step.rates, label)},
                )
            yield unit, end - position, piece
            position = end


def _own_rates(amounts: Mapping[str, Decimal]) -> Container[str]:
    """Units that a call pays otherwise than its text: a reasoning rate that is the output rate makes no part."""
    if "reasoning" in amounts and amounts["reasoning"] == amounts.get("output"):
        return amounts.keys() - {"reasoning"}
    return amounts


def parts(usage: Usage, rated: Container[str]) -> Iterator[tuple[str, int]]:
    """The token counts of a call, taken apart: every token in one part, no part empty, no part beyond its total.

    Providers report parts that exceed the total (Azure's Grok: cached; OpenRouter: reasoning): those are cut.
    Reasoning is a part of its own only where it is `rated`; it is output otherwise.
    """
    billed_input, billed_output = usage.units.get(BILLED_INPUT), usage.units.get(BILLED_OUTPUT)
    if billed_input is not None or billed_output is not None:
        found = [("input", int(billed_input or 0)), ("output", int(billed_output or 0))]
    else:
        found = [*_input_parts(usage), *_output_parts(usage, "reasoning" in rated)]
    return ((unit, tokens) for unit, tokens in found if tokens > 0)


def _input_parts(usage: Usage) -> list[tuple[str, int]]:
    rest = max(usage.input or 0, 0)
    if not (usage.cache_read or usage.cache_write or usage.cache_write_1h or usage.audio_input or usage.image_input):
        return [("input", rest)]
    read, rest = _take(usage.cache_read, rest)
    write, rest = _take(_cache_writes(usage), rest)
    write_1h, write_5m = _take(usage.cache_write_1h, write)
    audio_read, text_read = _take(usage.audio_cache_read, read)
    audio, rest = _take((usage.audio_input or 0) - audio_read, rest)
    image, rest = _take(usage.image_input, rest)
    return [
        ("input", rest),
        ("cache_read", text_read),
        ("audio_cache_read", audio_read),
        ("cache_write", write_5m),
        ("cache_write_1h", write_1h),
        ("audio_input", audio),
        ("image_input", image),
    ]


def _cache_writes(usage: Usage) -> int:
    return usage.cache_write_1h or 0 if usage.cache_write is None else usage.cache_write


def _output_parts(usage: Usage, reasoning_rated: bool) -> list[tuple[str, int]]:
    rest = max(usage.output or 0, 0)
    if not (usage.reasoning or usage.audio_output or usage.image_output):
        return [("output", rest)]
    reasoning, rest = _take(usage.reasoning if reasoning_rated else 0, rest)
    audio, rest = _take(usage.audio_output, rest)
    image, rest = _take(usage.image_output, rest)
    return [("output", rest), ("reasoning", reasoning), ("audio_output", audio), ("image_output", image)]


def _take(wanted: int | None, available: int) -> tuple[int, int]:
    """What can be taken of `available`, and what is left of it."""
    taken = min(max(wanted or 0, 0), available)
    return taken, available - taken
