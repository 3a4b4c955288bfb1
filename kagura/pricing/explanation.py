"""Why a call cost what it did: whose price was taken under which name, what is missing, what the provider says."""

from decimal import Decimal
from typing import NamedTuple

from kagura.model import CostLine, Span, Status
from kagura.pricing.billing import BILLED_INPUT, BILLED_OUTPUT, NOT_BILLED
from kagura.pricing.book import start_us
from kagura.pricing.catalog import Catalog, Match
from kagura.pricing.names import LOCAL_PROVIDERS, provider_name
from kagura.pricing.price import Price
from kagura.pricing.tiers import PREPAID_TIERS, tier_name
from kagura.pricing.units import MEASURES


class NameFound(NamedTuple):
    """What the catalogue has today for one of a call's model names."""

    asked: str
    """`response_model` or `request_model`."""
    name: str
    match: Match | None
    price: Price | None
    """The price in force at the call's time."""


class Explanation(NamedTuple):
    """What stands behind the cost of a call."""

    names: list[NameFound]
    """The names in the order in which they are tried."""
    lines: list[CostLine]
    catalog_total: Decimal | None
    """The sum of the lines; `None` without any."""
    provider_total: Decimal | None
    """What the provider says it billed."""
    unpriced: list[str]
    """Units that were consumed and have no line."""
    reasons: list[str]
    """Why the cost is unknown; empty where it is known."""

    @property
    def difference(self) -> Decimal | None:
        """How much more the provider billed than the price list says; `None` where one of the two is missing."""
        if self.catalog_total is None or self.provider_total is None:
            return None
        return self.provider_total - self.catalog_total


def explain(span: Span, catalog: Catalog) -> Explanation:
    """What stands behind a call's stored cost, with today's catalogue as witness."""
    lines = span.cost.lines if span.cost else []
    names = _names(span, catalog)
    unpriced = _unpriced(span, lines)
    return Explanation(
        names=names,
        lines=lines,
        catalog_total=sum((line.amount for line in lines), Decimal(0)) if lines else None,
        provider_total=span.usage.provider_cost if span.usage else None,
        unpriced=unpriced,
        reasons=[] if span.cost and span.cost.total is not None else _reasons(span, names, unpriced),
    )


def _names(span: Span, catalog: Catalog) -> list[NameFound]:
    found: list[NameFound] = []
    for asked in ("response_model", "request_model"):
        name: str | None = getattr(span, asked)
        if name and span.provider and all(name != other.name for other in found):
            price = catalog.find(span.provider, name, span.started_at)
            found.append(NameFound(asked, name, catalog.match(span.provider, name), price))
    return found


def _unpriced(span: Span, lines: list[CostLine]) -> list[str]:
    if span.usage is None:
        return []
    billed = {line.unit for line in lines}
    beside = NOT_BILLED | MEASURES if lines else NOT_BILLED
    units = [unit for unit, quantity in span.usage.units.items() if quantity and unit not in billed | beside]
    if not billed and not {BILLED_INPUT, BILLED_OUTPUT} & span.usage.units.keys():
        units += [unit for unit, tokens in (("input", span.usage.input), ("output", span.usage.output)) if tokens]
    return units


def _reasons(span: Span, names: list[NameFound], unpriced: list[str]) -> list[str]:
    if span.status is Status.RUNNING:
        return ["The call has not ended yet."]
    if span.usage is None:
        return [_without_usage(span)]
    if tier_name(span.usage.service_tier) in PREPAID_TIERS:
        return [f"Service tier {span.usage.service_tier}: its capacity is paid ahead, not by the token."]
    priced = next((name for name in names if name.price is not None), None)
    if priced is not None and span.cost is not None and not span.cost.lines:
        return [f"A price is known now for {priced.name}: `kagura reprocess` fills it in."]
    if priced is not None:
        return [f"{priced.name} has a price, but none for: {', '.join(unpriced)}."]
    return [*_without_price(span, names), "`kagura pricing update` may bring a price; or set it under `prices:`."]


def _without_usage(span: Span) -> str:
    if span.cost is None and span.status is Status.FAILED:
        return "The call failed, and the provider counted nothing: there is nothing to pay."
    if span.cost is None and span.status is not Status.INTERRUPTED:
        return f"Calls to {span.endpoint or 'this endpoint'} are not billed."
    return "The provider did not say what the call consumed."


def _without_price(span: Span, names: list[NameFound]) -> list[str]:
    provider = span.provider or "an unknown provider"
    if provider_name(provider) in LOCAL_PROVIDERS:
        return [f"{provider} is a server of your own: nobody publishes what its answers cost."]
    if not names:
        return ["Neither the request nor the answer names a model."]
    found: list[str] = []
    for name in names:
        if name.match is None:
            found.append(f"No price list has {name.name} at {provider} ({name.asked.replace('_', ' ')}).")
        else:
            first = min(name.match.prices[1], key=lambda price: start_us(price.valid_from))
            found.append(f"{name.name} has a price only from {first.valid_from} on.")
    return found
