"""The catalogue: every price known, found by provider, model and day."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path

from kagura.model import Cost, Usage
from kagura.pricing.billing import UNKNOWN, cost_of
from kagura.pricing.names import (
    LOCAL_PROVIDERS,
    MAKERS,
    OPEN_WEIGHTS,
    STAND_INS,
    matches,
    provider_name,
    spellings,
)
from kagura.pricing.price import Price, agree, price_of, rate_unit
from kagura.pricing.rows import Clause, PriceRow, parse_trusted_rows, read_rows

BUNDLED = Path(__file__).with_name("prices.jsonl")
"""The price list that comes with kagura."""

CORRECTIONS = Path(__file__).with_name("corrections.jsonl")
"""Prices read by hand off the providers' own pages, where the sources are wrong or silent. The page is their source."""

ORIGINS = {"litellm": 0, "genai-prices": 1}
"""Whose word counts more where two sources state a price for the same days; a row from anywhere else counts most.

genai-prices reads the providers' pages by hand and dates its prices; LiteLLM's map is broad and undated."""

BROAD = "litellm"
"""The source that fills the gaps of the others: units and tiers that they say nothing about."""

OVERRIDE = "config"
"""The source of the user's own prices."""

DAY_US = 86_400_000_000
CACHE_SIZE = 20_000
"""Names of models come from clients: what is remembered about them must not grow for ever."""

Timeline = tuple[list[int], list[Price]]
"""Instants in rising order, and the price from each on."""


class Entry:
    """The rows of one model from one source."""

    __slots__ = ("origin", "rows")

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.rows: list[PriceRow] = []


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

    def exact(self, names: Sequence[str]) -> list[Entry]:
        """The model of the first of `names` that the book has, one entry a source."""
        return next((_settled(name, self.names[name]) for name in names if name in self.names), [])

    def similar(self, names: Sequence[str]) -> list[Entry]:
        """The model whose pattern is the first to fit one of `names`, one entry a source."""
        for name in names:
            found: dict[str, Entry] = {}
            for clause, entry in self.patterns:
                if entry.origin not in found and matches(clause, name):
                    found[entry.origin] = entry
            if found:
                return list(found.values())
        return []


class Catalog:
    """Every price known. Make it with `load`."""

    def __init__(
        self, rows: Iterable[PriceRow] = (), overrides: Mapping[str, Mapping[str, Decimal]] | None = None
    ) -> None:
        self._rows: dict[str, list[PriceRow]] = {}
        self._books: dict[str, Book] = {}
        self._overrides = _override_keys(overrides or {})
        self._found: dict[tuple[str, str], Timeline | None] = {}
        for row in rows:
            self._rows.setdefault(row.provider, []).append(row)

    @classmethod
    def load(
        cls, paths: Sequence[Path] = (), overrides: Mapping[str, Mapping[str, Decimal]] | None = None
    ) -> "Catalog":
        """The bundled prices, those of `paths` (absent files are empty), and the user's own above all.

        `overrides` are US dollars for a million tokens, or for one of any other unit, by `model` or `provider/model`;
        an override is the whole price of its model. Raises `PricingError` where a file is malformed.
        """
        rows = list(bundled_rows())
        for path in paths:
            rows += read_rows(path)
        return cls(rows, overrides)

    def find(self, provider: str, model: str, at_us: int) -> Price | None:
        """The price of a model at a provider at an instant; `None` where nobody states one."""
        key = (provider, model)
        try:
            timeline = self._found[key]
        except KeyError:
            if len(self._found) >= CACHE_SIZE:
                self._found.clear()
            timeline = self._found[key] = self._search(provider_name(provider), model)
        if timeline is None:
            return None
        starts, prices = timeline
        index = bisect_right(starts, at_us) - 1
        return prices[index] if index >= 0 else None

    def cost(
        self,
        provider: str,
        request_model: str | None,
        response_model: str | None,
        usage: Usage | None,
        at_us: int,
    ) -> Cost:
        """What a call cost: the model that answered is priced, and the one asked for where that has no price.

        A free model that another answered for says nothing of that one's price.
        """
        if usage is None:
            return UNKNOWN
        price = self.find(provider, response_model, at_us) if response_model else None
        if price is None and request_model:
            price = self.find(provider, request_model, at_us)
            if price is not None and response_model and price.free:
                price = None
        return cost_of(price, usage, at_us, self._rates_of_others(provider, usage, at_us))

    def _rates_of_others(self, provider: str, usage: Usage, at_us: int) -> dict[str, Decimal]:
        """The rates of tokens that another model spent on the call: units such as `claude-opus-4-6:input_tokens`."""
        rates: dict[str, Decimal] = {}
        for unit in usage.units:
            model, colon, kind = unit.rpartition(":")
            price = self.find(provider, model, at_us) if colon else None
            rate = price.rates.get(kind.removesuffix("_tokens")) if price else None
            if rate is not None:
                rates[unit] = rate
        return rates

    def show(self, model: str, at_us: int) -> list[Price]:
        """The price of a model at every provider that has it: `gpt-4o`, `azure/gpt-4o`; the user's own first.

        Names that only fit a pattern count where nobody has the exact one.
        """
        for search in (Book.exact, Book.similar):
            found = [price for provider in sorted(self._rows) for price in self._shown(provider, model, at_us, search)]
            if found:
                return sorted(found, key=lambda price: price.source != OVERRIDE)
        return []

    def _shown(
        self, provider: str, model: str, at_us: int, search: Callable[[Book, Sequence[str]], list[Entry]]
    ) -> Iterator[Price]:
        book, names = self._book(provider), spellings(model, provider)
        timeline = self._own(provider, names)
        if timeline is None and book is not None:
            timeline = _timeline(search(book, names))
        if timeline is not None and (index := bisect_right(timeline[0], at_us)):
            yield timeline[1][index - 1]

    def history(self, provider: str, model: str) -> list[Price]:
        """The prices of a model at a provider over time, the oldest first."""
        timeline = self._search(provider_name(provider), model)
        return [] if timeline is None else list(timeline[1])

    def rows_of(self, provider: str, model: str, origin: str) -> list[PriceRow]:
        """What one source has said about a model, in the order of recording."""
        book = self._book(provider)
        entry = book.entries.get((model.lower(), origin)) if book else None
        return list(entry.rows) if entry else []

    def _book(self, provider: str) -> Book | None:
        """The provider's book, made when it is first opened."""
        book = self._books.get(provider)
        if book is None and provider in self._rows:
            book = self._books[provider] = Book(self._rows[provider])
        return book

    def _search(self, provider: str, model: str) -> Timeline | None:
        names = spellings(model, provider)
        if own := self._own(provider, names):
            return own
        if provider in LOCAL_PROVIDERS:
            return None
        book = self._book(provider)
        if book is None:
            return self._makers(model)
        for entries in (book.exact(names), book.similar(names)):
            if entries:
                return _timeline(entries)
        return self._stand_in(provider, names)

    def _own(self, provider: str, names: Sequence[str]) -> Timeline | None:
        for name in names:
            for key in (f"{provider}/{name}", name):
                rates = self._overrides.get(key)
                if rates is not None:
                    return [start_us(None)], [override_price(provider, key, rates)]
        return None

    def _stand_in(self, provider: str, names: Sequence[str]) -> Timeline | None:
        for maker, prefix in STAND_INS.get(provider, ()):
            book, theirs = self._book(maker), [name for name in names if name.startswith(prefix)]
            entries = (book.exact(theirs) or book.similar(theirs)) if book else []
            if entries:
                return _timeline(entries)
        return None

    def _makers(self, model: str) -> Timeline | None:
        """The price of the only maker there is for a model of such a name, behind a gateway that nobody knows."""
        for maker, prefix in MAKERS:
            book, names = self._book(maker), spellings(model, maker)
            theirs = [name for name in names if name.startswith(prefix) and not name.startswith(OPEN_WEIGHTS)]
            if book and (entries := book.exact(theirs)):
                return _timeline(entries)
        return None


def override_price(provider: str, model: str, rates: Mapping[str, Decimal]) -> Price:
    """The price that the user set for a model: `rates` for a million tokens, for one of any other unit."""
    each = {unit: Decimal(rate) / rate_unit(unit) for unit, rate in rates.items()}
    return Price(provider=provider, model=model, rates=each, source=OVERRIDE, recorded="override")


def _override_keys(overrides: Mapping[str, Mapping[str, Decimal]]) -> dict[str, Mapping[str, Decimal]]:
    """The overrides by lower-case key; a provider goes by kagura's name for it as well."""
    keys = {key.lower(): rates for key, rates in overrides.items()}
    for key, rates in list(keys.items()):
        head, slash, rest = key.partition("/")
        if slash:
            keys.setdefault(f"{provider_name(head)}/{rest}", rates)
    return keys


@cache
def bundled_rows() -> tuple[PriceRow, ...]:
    """The rows of the price list that comes with kagura, read once."""
    return tuple(parse_trusted_rows(BUNDLED.read_bytes() + CORRECTIONS.read_bytes()))


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


def _timeline(entries: Sequence[Entry]) -> Timeline | None:
    best: dict[int, tuple[int, PriceRow]] = {}
    for entry in entries:
        rank = ORIGINS.get(entry.origin, len(ORIGINS))
        for row in entry.rows:
            start = start_us(row.valid_from)
            if start not in best or rank >= best[start][0]:
                best[start] = (rank, row)
    if not best:
        return None
    starts = sorted(best)
    broad = [entry.rows[-1] for entry in entries if entry.origin == BROAD]
    return starts, [price_of(best[start][1], *broad) for start in starts]
