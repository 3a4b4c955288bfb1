"""What a model costs, by provider: rates as people read them, with source and day."""

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from kagura.dashboard.frame import Leaders, line
from kagura.dashboard.text import money, safe

if TYPE_CHECKING:
    from kagura.pricing.price import Price, RateLine


def prices(found: "list[Price]") -> RenderableType:
    """One block a price: provider, model, the rates, where they come from."""
    blocks: list[RenderableType] = []
    for price in found:
        since = f"since {price.valid_from}" if price.valid_from else f"recorded {price.recorded}"
        blocks += [
            line((f"{safe(price.provider)}/{safe(price.model)}", "bold"), (f"  {safe(price.source)}, {since}", "dim")),
            Leaders([_rate(rate) for rate in price.lines()], tree=True),
            Text(""),
        ]
    return Group(*blocks[:-1])


def _rate(rate: "RateLine") -> tuple[str, str]:
    name = rate.unit.replace("_", " ") + (f" ({rate.label})" if rate.label else "")
    unit = "1M tokens" if rate.per == 1_000_000 else "each"
    return name, f"{money(rate.amount)} / {unit}"
