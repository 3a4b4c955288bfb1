"""What the readers of foreign price lists share: exact numbers, and which models are known to be free."""

from collections.abc import Mapping
from decimal import Context, Decimal, InvalidOperation
from typing import Any

from kagura.errors import PricingError
from kagura.pricing.units import TOKEN_UNITS

FREE: dict[str, tuple[str, ...]] = {
    "gemini": ("gemma-",),
    "openai": ("omni-moderation", "text-moderation", "moderation"),
    "zai": ("glm-4.5-flash", "glm-4.7-flash"),
}
"""Models that their provider lists as free, by what their names start with; elsewhere a price of nothing means that the
source does not know.

https://ai.google.dev/gemini-api/docs/pricing, https://platform.openai.com/docs/guides/moderation and
https://docs.z.ai/guides/overview/pricing."""

_FREE_SUFFIX = ":free"
"""OpenRouter's mark of a free model (https://openrouter.ai/docs/faq)."""

DEAREST_TOKEN = Decimal("0.001")
"""US dollars for a token beyond which a source has mistaken a price for a thousand tokens; the dearest models known
(OpenAI's o1-pro) take 0.0006."""

_context = Context(prec=12)
"""Sources carry the noise of binary floats (1.4999999999999999e-07); no published price has twelve digits."""


def is_free(provider: str, model: str) -> bool:
    """Whether a model is known to cost nothing."""
    return model.endswith(_FREE_SUFFIX) or model.lower().startswith(FREE.get(provider, ("\0",)))


def is_plausible(rates: Mapping[str, Decimal]) -> bool:
    """Whether no token costs more than any is known to cost."""
    return all(rate <= DEAREST_TOKEN for unit, rate in rates.items() if unit in TOKEN_UNITS)


def exact(number: Any, per: int = 1) -> Decimal:
    """A source's number as the published decimal, for one of a unit that is priced by `per`.

    Raises `PricingError` where it is no number, negative or not finite.
    """
    try:
        value = Decimal(str(number)) if isinstance(number, float | str) else Decimal(number)
        if isinstance(number, bool) or not value.is_finite() or value < 0:
            raise InvalidOperation
    except (InvalidOperation, TypeError, ValueError) as error:
        raise PricingError(f"{number!r} is no price") from error
    value = _context.divide(value, Decimal(per))
    return value.normalize(_context) if value else Decimal(0)
