"""The models of one provider as price lists have them: by name, by pattern, with their prices over time."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple

from kagura.pricing.names import matches
from kagura.pricing.price import Price, agree, price_of
from kagura.pricing.rows import Clause, PriceRow

ORIGINS = {"litellm": 0, "genai-prices": 1}
"""Whose word counts more where two sources state a price for the same days; a row from anywhere else counts most.

genai-prices reads the providers' pages by hand and dates its prices; LiteLLM's map is broad and undated."""

BROAD = "litellm"
"""The source that fills the gaps of the others: units and tiers that they say nothing about."""

DAY_US = 86_400_000_000

Timeline = tuple[list[int], list[Price]]
"""Instants in rising order, and the price from each on."""


class Entry:
    """The rows of one model from one source."""

    __slots__ = ("origin", "rows")

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.rows: list[PriceRow] = []


class Hit(NamedTuple):
    """A model that was found: by which name, and what each source says about it."""

    name: str
    entries: list[Entry]


class Book:
    """The models of one provider, by name and by pattern."""

    __slots__ = ("entries", "names", "patterns")

    def __init__(self, rows: Iterable[PriceRow]) -> None:
        self.entries: dict[tuple[str, str], Entry] = {}
        self.names: dict[str, list[Entry]] = {}
        self.patterns: list[tuple[Clause, Entry]] = []
        for row in rows:
            self._add(row)

    def _add(self, row: PriceRow) -> None:
        key = (row.model.lower(), row.origin)
        entry = self.entries.get(key)
        if entry is None:
            entry = self.entries[key] = Entry(row.origin)
        entry.rows.append(row)
        for name in (row.model, *row.names):
            entries = self.names.setdefault(name.lower(), [])
            if all(known.origin != entry.origin for known in entries):
                entries.append(entry)
        if row.match is not None:
            self.patterns.append((row.match, entry))

    def exact(self, names: Sequence[str]) -> Hit | None:
        """The model of the first of `names` that the book has."""
        return next((Hit(name, _settled(name, self.names[name])) for name in names if name in self.names), None)

    def similar(self, names: Sequence[str]) -> Hit | None:
        """The model whose pattern is the first to fit one of `names`."""
        for name in names:
            found: dict[str, Entry] = {}
            for clause, entry in self.patterns:
                if entry.origin not in found and matches(clause, name):
                    found[entry.origin] = entry
            if found:
                return Hit(name, list(found.values()))
        return None


def start_us(day: str | None) -> int:
    """The first instant of a day, `YYYY-MM-DD` in UTC; of `None`, one before all others."""
    if day is None:
        return -(1 << 62)
    return (date.fromisoformat(day).toordinal() - date(1970, 1, 1).toordinal()) * DAY_US


def _settled(name: str, entries: list[Entry]) -> list[Entry]:
    """Whose word counts on a name: for one that moves from model to model (`…-latest`), where the others have never
    stated the broad list's price, the broad list alone, because hand-kept names fall behind."""
    if not name.endswith("-latest"):
        return entries
    broad = [entry for entry in entries if entry.origin == BROAD]
    others = [row for entry in entries if entry.origin != BROAD for row in entry.rows]
    if broad and not any(agree(row.rates, broad[0].rows[-1].rates) for row in others):
        return broad
    return entries


def timeline(entries: Sequence[Entry]) -> Timeline:
    """The prices of a model over time, from what each source says about it."""
    best: dict[int, tuple[int, PriceRow]] = {}
    for entry in entries:
        rank = ORIGINS.get(entry.origin, len(ORIGINS))
        for row in entry.rows:
            start = start_us(row.valid_from)
            if start not in best or rank >= best[start][0]:
                best[start] = (rank, row)
    starts = sorted(best)
    broad = [entry.rows[-1] for entry in entries if entry.origin == BROAD]
    return starts, [price_of(best[start][1], *broad) for start in starts]
