"""A provider's figures beside ours, by day and model, with what may explain the difference."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from kagura.pricing import Catalog
from kagura.pricing.book import start_us
from kagura.pricing.exports import Export, ExportRow, Holds
from kagura.pricing.facts import TIER
from kagura.pricing.tiers import tier_name
from kagura.store import DayRow

EPOCH = date(1970, 1, 1)

SMALL = Decimal("0.00005")
"""US dollars that rounding may make: dashboards show whole cents, APIs more."""

Key = tuple[date, str | None]


@dataclass
class Figures:
    """What one side says of a model on a day."""

    calls: int | None = None
    """Requests; `None` where an export does not count them."""
    input_tokens: int = 0
    output_tokens: int = 0
    cost: Decimal | None = None
    """US dollars; `None` where nobody knows."""
    unknown_calls: int = 0
    """Of our calls, those without a cost; of the provider's rows, those that no price list prices."""
    estimated: Decimal = Decimal(0)
    """The part of our cost that rests on tokens that kagura counted."""
    errors: int = 0
    tiers: set[str] = field(default_factory=set)
    """Service tiers other than the standard one."""

    def add(self, cost: Decimal | None) -> None:
        """Add an amount; one that nobody knows is counted apart."""
        if cost is None:
            self.unknown_calls += 1
        else:
            self.cost = (self.cost or Decimal(0)) + cost


class Comparison(NamedTuple):
    """One model on one day."""

    day: date
    model: str | None
    """The price list's name; `None` for what the provider bills apart from a model."""
    theirs: Figures | None
    ours: Figures | None
    causes: list[str]

    @property
    def difference(self) -> Decimal | None:
        """What we have more than the provider, in US dollars; `None` where one side does not know."""
        if (self.theirs and self.theirs.cost is None) or (self.ours and self.ours.cost is None and self.ours.calls):
            return None
        ours, theirs = (side.cost or Decimal(0) if side else Decimal(0) for side in (self.ours, self.theirs))
        return ours - theirs


class Reconciliation(NamedTuple):
    """An export beside the store."""

    export: Export
    rows: list[Comparison]

    @property
    def totals(self) -> tuple[Decimal, Decimal]:
        """The provider's sum and ours."""
        sides: Iterable[tuple[Figures | None, Figures | None]] = ((row.theirs, row.ours) for row in self.rows)
        theirs = ours = Decimal(0)
        for one, other in sides:
            theirs += (one.cost if one else None) or Decimal(0)
            ours += (other.cost if other else None) or Decimal(0)
        return theirs, ours


def reconcile(export: Export, stored: Iterable[DayRow], catalog: Catalog) -> Reconciliation:
    """Put an export beside the sums of our calls to the same provider.

    Names of models are brought to the price list's, since providers report now the alias, now the dated name. Tokens
    of an export without amounts are priced with our catalogue.
    """
    provider = export.form.provider
    by_model = any(row.model for row in export.rows)

    def name(model: str | None, day: date) -> str | None:
        if not by_model or not model:
            return None
        price = catalog.find(provider, model, start_us(day.isoformat()))
        return price.model if price else model

    theirs = _theirs(export, catalog, name)
    ours = _ours(stored, name)
    days = [_day(key, theirs.get(key), ours.get(key)) for key in sorted(theirs.keys() | ours.keys(), key=_order)]
    return Reconciliation(export, [row._replace(causes=list(_causes(row, days, export))) for row in days])


def _order(key: Key) -> tuple[date, str]:
    return key[0], key[1] or "\uffff"


def _day(key: Key, theirs: Figures | None, ours: Figures | None) -> Comparison:
    return Comparison(*key, theirs, ours, [])


def _theirs(export: Export, catalog: Catalog, name: Callable[[str | None, date], str | None]) -> dict[Key, Figures]:
    found: dict[Key, Figures] = defaultdict(Figures)
    for row in export.rows:
        figures = found[row.day, name(row.model, row.day)]
        if row.requests is not None:
            figures.calls = (figures.calls or 0) + row.requests
        if row.usage is not None:
            figures.input_tokens += row.usage.input or 0
            figures.output_tokens += row.usage.output or 0
        if tier := tier_name(row.facts.get(TIER)):
            figures.tiers.add(tier)
        figures.add(row.cost if export.form.holds is Holds.COST else _priced(row, export.form.provider, catalog))
    return found


def _priced(row: ExportRow, provider: str, catalog: Catalog) -> Decimal | None:
    noon = start_us(row.day.isoformat()) + 43_200_000_000
    return catalog.cost(provider, None, row.model, row.usage, noon, row.facts, row.prompt_tokens).total


def _ours(stored: Iterable[DayRow], name: Callable[[str | None, date], str | None]) -> dict[Key, Figures]:
    found: dict[Key, Figures] = defaultdict(lambda: Figures(calls=0))
    for row in stored:
        day = EPOCH + timedelta(days=row.day)
        figures = found[day, name(row.model, day)]
        figures.calls = (figures.calls or 0) + row.calls
        figures.input_tokens += row.tokens.input
        figures.output_tokens += row.tokens.output
        figures.errors += row.errors
        figures.unknown_calls += row.cost.unknown_calls
        figures.estimated += row.cost.estimated
        if row.cost.unknown_calls < row.calls or row.cost.billed or row.cost.estimated:
            figures.add(row.cost.billed + row.cost.estimated)
    return found


def _causes(row: Comparison, days: Sequence[Comparison], export: Export) -> Iterator[str]:
    """What may explain a difference, the likeliest first."""
    theirs, ours = row.theirs, row.ours
    if row.difference is not None and abs(row.difference) <= SMALL and theirs and ours:
        return
    if theirs is None:
        yield "not in the export: calls with another account's key, or an export that is not complete"
        return
    if ours is None:
        yield from _without_ours(row, theirs)
        return
    if theirs.calls is not None and ours.calls is not None and theirs.calls > ours.calls:
        yield f"{theirs.calls - ours.calls:,} requests did not go through the proxy"
    if ours.unknown_calls:
        yield f"{ours.unknown_calls:,} of our calls have no known cost: no price, or cut off before they were counted"
    if theirs.unknown_calls and export.form.holds is Holds.USAGE:
        yield "no price list prices what the export counts"
    if ours.estimated:
        yield f"~${ours.estimated:f} rests on tokens that kagura counted itself"
    if theirs.tiers:
        yield f"part of it was billed at other rates ({', '.join(sorted(theirs.tiers))})"
    if _evens_out(row, days):
        yield "calls around midnight UTC count for the next or the last day: both days together agree"
    if ours.errors:
        yield f"{ours.errors:,} calls failed: what a provider had begun, it may bill"
    same = (theirs.input_tokens, theirs.output_tokens) == (ours.input_tokens, ours.output_tokens)
    if export.form.holds is Holds.USAGE and same:
        yield "the tokens agree and the rates do not: a discount, a region, a service tier or a long prompt"


def _without_ours(row: Comparison, theirs: Figures) -> Iterator[str]:
    if row.model is None:
        yield "billed apart from any model: tools, storage, or an export that is not split by model"
    elif "batch" in theirs.tiers:
        yield "batch jobs whose results were not fetched through the proxy"
    else:
        yield "no call of this model went through the proxy"


def _evens_out(row: Comparison, days: Sequence[Comparison]) -> bool:
    """Whether a day next to this one has the same difference the other way round."""
    own = row.difference
    for other in days:
        if own and other.difference and other.model == row.model and abs((other.day - row.day).days) == 1:
            return abs(own + other.difference) <= max(SMALL, abs(own) / 50)
    return False
