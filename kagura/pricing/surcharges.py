"""Surcharges that hold for all of a provider's models; those of single models stand in the price list."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple

from kagura.pricing.price import Factor


class Surcharge(NamedTuple):
    """All tokens of a call cost `factor` times their rate."""

    provider: str
    fact: str
    value: str
    factor: Decimal
    source: str


_CLAUDE = "https://platform.claude.com/docs/en/about-claude/pricing#data-residency-pricing"
_XAI = "https://docs.x.ai/developers/advanced-api-usage/regions"
_TOGETHER = "https://docs.together.ai/docs/serverless/geo-specific-inference"

SURCHARGES: tuple[Surcharge, ...] = (
    Surcharge("anthropic", "inference_geo", "us", Decimal("1.1"), _CLAUDE),
    Surcharge("xai", "region", "us", Decimal("1.1"), _XAI),
    Surcharge("together", "region", "us", Decimal("1.25"), _TOGETHER),
    Surcharge("together", "region", "ca", Decimal("1.25"), _TOGETHER),
)


def surcharges(provider: str, facts: Mapping[str, str]) -> Iterator[Factor]:
    """What a call's facts add to the price of its tokens at a provider (by kagura's name)."""
    for row in SURCHARGES if facts else ():
        if row.provider == provider and facts.get(row.fact) == row.value:
            yield Factor(row.factor, f"{row.fact} {row.value}")
