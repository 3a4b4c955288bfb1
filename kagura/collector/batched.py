"""What a call in a batch is billed where the price list knows only what it costs outside one."""

from decimal import Decimal

import msgspec

from kagura.model import Cost, CostLine, CostSource
from kagura.pricing.units import TOKEN_UNITS

TIER = "batch"

HALF = Decimal("0.5")

SHARES: dict[str, Decimal] = {
    "openai": HALF,
    "azure": HALF,
    "anthropic": HALF,
    "gemini": HALF,
    "mistral": HALF,
    "groq": HALF,
}
"""What a token in a batch costs of one outside, by provider:
https://platform.openai.com/docs/guides/batch, https://learn.microsoft.com/azure/ai-foundry/openai/how-to/batch,
https://platform.claude.com/docs/en/build-with-claude/batch-processing, https://ai.google.dev/gemini-api/docs/batch-api,
https://docs.mistral.ai/capabilities/batch, https://console.groq.com/docs/batch."""


def at_batch_rates(cost: Cost, provider: str) -> Cost:
    """The cost at batch rates: those of the price list, else the provider's share; unknown where it names none."""
    if cost.source is not CostSource.CATALOG or any(TIER in (line.tier or "") for line in cost.lines):
        return cost
    share = SHARES.get(provider)
    if share is None:
        return msgspec.structs.replace(cost, total=None, source=None)
    lines = [_shared(line, share) if line.unit in TOKEN_UNITS else line for line in cost.lines]
    return msgspec.structs.replace(cost, total=sum((line.amount for line in lines), Decimal(0)), lines=lines)


def _shared(line: CostLine, share: Decimal) -> CostLine:
    factor = share if line.factor is None else line.factor * share
    tier = f"{line.tier}, {TIER}" if line.tier else TIER
    return msgspec.structs.replace(line, factor=factor, tier=tier)
