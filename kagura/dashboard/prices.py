"""What a model costs, by provider: rates as people read them, with source and day."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from kagura.dashboard.amounts import plural
from kagura.dashboard.frame import Leaders, line
from kagura.dashboard.text import safe
from kagura.model import JsonObject

if TYPE_CHECKING:
    from kagura.pricing.price import Price, RateLine
    from kagura.pricing.update import Change, Update

MOST_CHANGES = 20
MOST_RATES = 3
SHORT = {"input": "in", "cache_read": "cached", "output": "out"}
"""What the rates that every model has are called in a list."""


def prices(found: "list[Price]") -> RenderableType:
    """One block a price: provider, model, the rates, where they come from."""
    blocks: list[RenderableType] = []
    for price in found:
        since = f"since {price.valid_from}" if price.valid_from else f"recorded {price.recorded}"
        blocks += [
            line(
                (f"{safe(price.provider)}/{safe(price.model)}", "bold"),
                (f"  {safe(price.source)}, {since}", "dim"),
                *_others(price),
            ),
            Leaders([_rate(rate) for rate in price.lines()], tree=True),
            Text(""),
        ]
    return Group(*blocks[:-1])


def _others(price: "Price") -> list[tuple[str, str]]:
    """The sources of what the first one does not say."""
    versions = sorted({*price.borrowed.values(), *price.borrowed_variants.values()})
    return [(f"; the rest: {safe(version)}", "dim") for version in versions]


def price_document(price: "Price") -> JsonObject:
    """A price as JSON."""
    return {
        "provider": price.provider,
        "model": price.model,
        "source": price.source,
        "other_sources": sorted({*price.borrowed.values(), *price.borrowed_variants.values()}),
        "valid_from": price.valid_from,
        "recorded": price.recorded,
        "rates": [
            {"unit": rate.unit, "usd": format(rate.amount.normalize(), "f"), "per": rate.per, "condition": rate.label}
            for rate in price.lines()
            if rate.per
        ],
        "factors": [
            {"factor": format(rate.amount.normalize(), "f"), "condition": rate.label}
            for rate in price.lines()
            if not rate.per
        ],
        "minimums": {unit: format(least, "f") for unit, least in price.minimums.items()},
    }


def price_list(found: "Sequence[Price]") -> Iterator[RenderableType]:
    """One line a price: what goes in and out, or what else is billed."""
    yield Leaders([(f"{price.provider}/{price.model}", summary(price.rates)) for price in found])
    yield line((f"{plural(len(found), 'price')}; tokens by the million", "dim"))


def summary(rates: Mapping[str, Decimal]) -> str:
    """The first rates in one cell: `$2.50 in, $10.00 out`, `$0.006 seconds`."""
    shown = [(unit, rates[unit]) for unit in (*SHORT, *rates) if unit in rates]
    shown = list(dict(shown).items())[:MOST_RATES]
    return ", ".join(f"{_dollars(unit, rate)} {SHORT.get(unit, unit.replace('_', ' '))}" for unit, rate in shown) or "-"


def prices_between(changed: "Sequence[tuple[Price, Price]]") -> Iterator[RenderableType]:
    """How prices changed between two days."""
    for old, new in changed:
        yield line(
            ("~ ", "dim"),
            f"{safe(new.provider)}/{safe(new.model)}",
            (f"  since {new.valid_from}  " if new.valid_from else "  ", "dim"),
            difference(old.rates, new.rates),
        )
    yield line((f"{plural(len(changed), 'price')} changed", "bold"))


def difference(old: Mapping[str, Decimal], new: Mapping[str, Decimal]) -> str:
    """The rates that differ: `input $2.50 → $2.00`."""
    units = [unit for unit in dict.fromkeys((*old, *new)) if old.get(unit) != new.get(unit)]
    parts = [f"{unit.replace('_', ' ')} {_or_none(unit, old)} → {_or_none(unit, new)}" for unit in units]
    return ", ".join(parts) or "conditions"


def _or_none(unit: str, rates: Mapping[str, Decimal]) -> str:
    return _dollars(unit, rates[unit]) if unit in rates else "none"


def _dollars(unit: str, rate: Decimal) -> str:
    from kagura.pricing.units import rate_unit

    return f"${exact(rate * rate_unit(unit))}"


def price_changes(result: "Update", target: Path, *, dry_run: bool) -> RenderableType:
    """What a newer price list changed: how many prices, the first of them, where they were written."""
    new = len(result.added)
    changed = len(result.changes) - new
    head = f"{safe(result.source)}: {plural(result.prices, 'price')}, {new:,} new, {changed:,} changed"
    ordered = sorted(result.changes, key=lambda change: change.before is None)
    rows = [_change(change) for change in ordered[:MOST_CHANGES]]
    left = len(result.changes) - len(rows)
    if left > 0:
        rows.append(line((f"  and {left:,} more; --json has them all", "dim")))
    if result.changes:
        rows.append(line("Nothing was recorded." if dry_run else f"Recorded in {safe(target)}."))
    return Group(line((head, "bold")), *rows)


def _change(change: "Change") -> Text:
    after, before = change.after, change.before
    since = f"  from {after.valid_from}  " if after.valid_from else "  "
    said = summary(after.rates) if before is None else difference(before.rates, after.rates)
    name = f"{safe(after.provider)}/{safe(after.model)}"
    return line(("+ " if before is None else "~ ", "dim"), name, (since, "dim"), said)


def update_document(result: "Update", *, recorded: bool) -> JsonObject:
    """What an update found, as JSON."""
    return {
        "source": result.source,
        "prices": result.prices,
        "recorded": recorded,
        "changes": [
            {
                "provider": change.after.provider,
                "model": change.after.model,
                "valid_from": change.after.valid_from,
                "rates": _plain(change.after.rates),
                "before": None if change.before is None else _plain(change.before.rates),
            }
            for change in result.changes
        ],
    }


def _plain(rates: Mapping[str, Decimal]) -> dict[str, str]:
    return {unit: format(rate, "f") for unit, rate in rates.items()}


def _rate(rate: "RateLine") -> tuple[str, str]:
    if not rate.per:
        return f"tokens ({rate.label})", f"× {rate.amount.normalize():f}"
    name = rate.unit.replace("_", " ") + (f" ({rate.label})" if rate.label else "")
    unit = "/ 1M tokens" if rate.per == 1_000_000 else "each"
    return name, f"${exact(rate.amount)} {unit}"


def exact(amount: Decimal) -> str:
    """An amount with every digit that counts, two at least after the point: `2.125`, `2.50`."""
    whole, _, digits = format(amount.normalize(), "f").partition(".")
    return f"{int(whole):,}.{digits:0<2}"
