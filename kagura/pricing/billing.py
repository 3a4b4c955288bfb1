"""A bill: what a call consumed, taken apart so that nothing is counted twice, times what each part costs."""

from collections.abc import Container, Iterator, Mapping
from decimal import Decimal

from kagura.model import Cost, CostLine, CostSource, Usage, UsageSource
from kagura.pricing.price import PREPAID_TIERS, TOOL_UNITS, Price, Rates, tier_name

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

MEASURES = frozenset(
    [
        *("seconds", "output_seconds", "audio_input_seconds", "video_seconds", "video_input_seconds"),
        *("characters", "output_characters", "images", "image_inputs", "pixels"),
    ]
)
"""Other measures of what tokens count: billed where the price has no rate for the call's tokens."""

NOT_BILLED = FREE_UNITS | {BILLED_INPUT, BILLED_OUTPUT}
"""Units that make no line of their own."""

UNKNOWN = Cost()


def cost_of(
    price: Price | None, usage: Usage | None, at_us: int, other_rates: Mapping[str, Decimal] | None = None
) -> Cost:
    """What a call at an instant cost; `other_rates` are of units that the price does not know.

    `provider_cost` wins as the total. Without it the total is `None` where price or usage is unknown, where a token
    count has no rate, and where the capacity was paid in advance.
    """
    if usage is None:
        return UNKNOWN
    tier = tier_name(usage.service_tier)
    lines: list[CostLine] = []
    unpriced: list[str] = []
    priced = False
    if price is not None and tier not in PREPAID_TIERS:
        rates = price.rates_at(at_us, usage.input or 0, tier)
        if other_rates:
            rates = rates._replace(amounts={**rates.amounts, **other_rates})
        priced = _fill(lines, unpriced, rates, usage)
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


def _fill(lines: list[CostLine], unpriced: list[str], rates: Rates, usage: Usage) -> bool:
    """Write the bill's lines; tell whether its sum is what the call cost.

    What tools and other models took on top says nothing of the call itself.
    """
    known = usage.input is not None or usage.output is not None
    measured = {unit for unit, quantity in usage.units.items() if quantity and unit in MEASURES}
    by_measure = "input" not in rates.amounts and not measured.isdisjoint(rates.amounts)
    complete = True
    for unit, tokens in parts(usage, _own_rates(rates.amounts)):
        if not by_measure and not _add(lines, rates, unit, Decimal(tokens)):
            unpriced.append(unit)
            complete = False
    beside = NOT_BILLED | MEASURES if lines else NOT_BILLED
    for unit, quantity in usage.units.items():
        if not quantity or unit in beside:
            continue
        if not _add(lines, rates, unit, quantity):
            unpriced.append(unit)
        elif unit not in TOOL_UNITS and ":" not in unit:
            known = True
    if known and REQUEST in rates.amounts:
        _add(lines, rates, REQUEST, Decimal(1))
    return known and complete


def _own_rates(amounts: Mapping[str, Decimal]) -> Container[str]:
    """Units that a call pays otherwise than its text: a reasoning rate that is the output rate makes no part."""
    if "reasoning" in amounts and amounts["reasoning"] == amounts.get("output"):
        return amounts.keys() - {"reasoning"}
    return amounts


def _add(lines: list[CostLine], rates: Rates, unit: str, quantity: Decimal) -> bool:
    amount = rates.amounts.get(unit)
    label = rates.labels.get(unit)
    if amount is None:
        for other in STAND_INS.get(unit, ()):
            amount = rates.amounts.get(other)
            if amount is not None:
                label = ", ".join(filter(None, (f"{other} rate", rates.labels.get(other))))
                break
        else:
            return False
    lines.append(CostLine(unit=unit, quantity=quantity, rate=amount, tier=label))
    return True


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
    reasoning, rest = _take(usage.reasoning if reasoning_rated else 0, rest)
    audio, rest = _take(usage.audio_output, rest)
    image, rest = _take(usage.image_output, rest)
    return [("output", rest), ("reasoning", reasoning), ("audio_output", audio), ("image_output", image)]


def _take(wanted: int | None, available: int) -> tuple[int, int]:
    """What can be taken of `available`, and what is left of it."""
    taken = min(max(wanted or 0, 0), available)
    return taken, available - taken
