"""What a model costs, by provider: rates as people read them, with source and day."""

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from kagura.dashboard.frame import Leaders, line
from kagura.dashboard.text import plural, safe

if TYPE_CHECKING:
    from kagura.pricing.price import Price, RateLine
    from kagura.pricing.update import Update


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


MOST_CHANGES = 20


def price_changes(result: "Update", target: Path, *, dry_run: bool) -> RenderableType:
    """What a newer price list changed: how many prices, the first of them, where they were written."""
    new = len(result.added)
    changed = len(result.changes) - new
    head = f"{safe(result.source)}: {plural(result.prices, 'price')}, {new:,} new, {changed:,} changed"
    rows = [
        line(
            ("+ " if change.before is None else "~ ", "dim"),
            f"{safe(change.after.provider)}/{safe(change.after.model)}",
        )
        for change in result.changes[:MOST_CHANGES]
    ]
    left = len(result.changes) - len(rows)
    if left > 0:
        rows.append(line((f"  and {left:,} more", "dim")))
    if result.changes:
        rows.append(line("Nothing was recorded: dry run." if dry_run else f"Recorded in {safe(target)}."))
    return Group(line((head, "bold")), *rows)


def _rate(rate: "RateLine") -> tuple[str, str]:
    name = rate.unit.replace("_", " ") + (f" ({rate.label})" if rate.label else "")
    unit = "/ 1M tokens" if rate.per == 1_000_000 else "each"
    return name, f"${exact(rate.amount)} {unit}"


def exact(amount: Decimal) -> str:
    """An amount with every digit that counts, two at least after the point: `2.125`, `2.50`."""
    whole, _, digits = format(amount.normalize(), "f").partition(".")
    return f"{int(whole):,}.{digits:0<2}"
