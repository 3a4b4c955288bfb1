"""The catalogue: every price known, found by provider, model and day."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from kagura.model import Cost, Usage
from kagura.pricing.billing import UNKNOWN, cost_of
from kagura.pricing.book import Book, Hit, Timeline, start_us, timeline
from kagura.pricing.facts import REGION
from kagura.pricing.names import LOCAL_PROVIDERS, MAKERS, OPEN_WEIGHTS, STAND_INS, provider_name, spellings
from kagura.pricing.price import NO_LABELS, Factor, Price
from kagura.pricing.rows import PriceRow, parse_trusted_rows, read_rows
from kagura.pricing.surcharges import surcharges
from kagura.pricing.units import rate_unit

V = TypeVar("V")

BUNDLED = Path(__file__).with_name("prices.jsonl")
"""The price list that comes with kagura."""

CORRECTIONS = Path(__file__).with_name("corrections.jsonl")
"""Prices read by hand off the providers' own pages, where the sources are wrong or silent. The page is their source."""

OVERRIDE = "config"
"""The source of the user's own prices."""

CACHE_SIZE = 20_000
"""Names of models come from clients: what is remembered about them must not grow for ever."""

Overrides = Mapping[str, Mapping[str, Decimal]]
"""The user's own prices by `model` or `provider/model`: US dollars for a million tokens, for one of any other unit."""

Discounts = Mapping[str, Decimal]
"""Percent off the list price, by `provider` or `provider/model`; a surcharge is negative."""


class How(StrEnum):
    """Why a price holds for a model."""

    OWN = "set in the configuration"
    EXACT = "the name in the price list"
    SIMILAR = "a pattern of the price list"
    MAKER_AT_HOST = "the maker's price, which the host charges"
    ONLY_MAKER = "the price of the only maker of such models"


class Match(NamedTuple):
    """What was found for a model, and why."""

    how: How
    name: str
    """The spelling of the model's name that was found."""
    prices: Timeline


class Catalog:
    """Every price known. Make it with `load`."""

    def __init__(
        self,
        rows: Iterable[PriceRow] = (),
        overrides: Overrides | None = None,
        discounts: Discounts | None = None,
        packed: Mapping[str, bytes] = MappingProxyType({}),
    ) -> None:
        """`packed` are rows by provider that stand before `rows`, not yet read: most providers are never asked for."""
        self._packed = packed
        self._rows: dict[str, list[PriceRow]] = {}
        self._books: dict[str, Book] = {}
        self._overrides = _by_provider_name(overrides or {})
        self._discounts = _by_provider_name(discounts or {})
        self._found: dict[tuple[str, str, str | None], Match | None] = {}
        for row in rows:
            self._rows.setdefault(row.provider, []).append(row)

    @classmethod
    def load(
        cls, paths: Sequence[Path] = (), overrides: Overrides | None = None, discounts: Discounts | None = None
    ) -> "Catalog":
        """The bundled prices, those of `paths` (absent files are empty), and the user's own above all.

        An override is the whole price of its model, and no discount is taken off it. Raises `PricingError` where a
        file is malformed.
        """
        rows = [row for path in paths for row in read_rows(path)]
        return cls(rows, overrides, discounts, bundled_by_provider())

    def find(self, provider: str, model: str, at_us: int, region: str | None = None) -> Price | None:
        """The price of a model at a provider (in a region) at an instant; `None` where nobody states one."""
        match = self.match(provider, model, region)
        if match is None:
            return None
        starts, prices = match.prices
        index = bisect_right(starts, at_us) - 1
        return prices[index] if index >= 0 else None

    def match(self, provider: str, model: str, region: str | None = None) -> Match | None:
        """What the catalogue has for a model's name, and why; `None` where it has nothing."""
        key = (provider, model, region)
        try:
            return self._found[key]
        except KeyError:
            if len(self._found) >= CACHE_SIZE:
                self._found.clear()
            found = self._found[key] = self._search(provider_name(provider), model, region)
            return found

    def cost(
        self,
        provider: str,
        request_model: str | None,
        response_model: str | None,
        usage: Usage | None,
        at_us: int,
        facts: Mapping[str, str] = NO_LABELS,
        prompt_tokens: int | None = None,
    ) -> Cost:
        """What a call cost: the model that answered is priced, and the one asked for where that has no price.

        `facts` come from `kagura.pricing.facts`. `prompt_tokens` is a prompt's length where `usage` is the sum of many
        calls. A free model that another answered for says nothing of that one's price.
        """
        if usage is None:
            return UNKNOWN
        region = facts.get(REGION)
        price = self.find(provider, response_model, at_us, region) if response_model else None
        if price is None and request_model:
            price = self.find(provider, request_model, at_us, region)
            if price is not None and response_model and price.free:
                price = None
        factors = self._factors(provider, price, (response_model, request_model), facts) if price is not None else ()
        others = self._rates_of_others(provider, usage, at_us) if usage.units else None
        return cost_of(price, usage, at_us, facts, factors, others, prompt_tokens)

    def _factors(
        self, provider: str, price: Price, models: Sequence[str | None], facts: Mapping[str, str]
    ) -> Iterator[Factor]:
        """Surcharges of the provider, and the user's discount."""
        if price.source == OVERRIDE:
            return
        name = provider_name(provider)
        yield from surcharges(name, facts)
        percent = self._discount(name, price, models) if self._discounts else None
        if percent:
            word = "discount" if percent > 0 else "surcharge"
            yield Factor(1 - percent / 100, f"{abs(percent):f}% {word}", tokens_only=False)

    def _discount(self, provider: str, price: Price, models: Sequence[str | None]) -> Decimal | None:
        """Percent off for a model by any of its names, else for its provider."""
        names = [price.model.lower(), *(name for model in models if model for name in spellings(model, provider))]
        keys = [*(f"{provider}/{name}" for name in names), provider]
        return next((self._discounts[key] for key in keys if key in self._discounts), None)

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
            found = [price for provider in self.providers for price in self._shown(provider, model, at_us, search)]
            if found:
                return sorted(found, key=lambda price: price.source != OVERRIDE)
        return []

    def _shown(
        self, provider: str, model: str, at_us: int, search: Callable[[Book, Sequence[str]], Hit | None]
    ) -> Iterator[Price]:
        book, names = self._book(provider), spellings(model, provider)
        match = self._own(provider, names)
        if match is None and book is not None and (hit := search(book, names)):
            match = _matched(How.EXACT, hit)
        if match is not None and (index := bisect_right(match.prices[0], at_us)):
            yield match.prices[1][index - 1]

    def listed(self, at_us: int, provider: str | None = None) -> Iterator[Price]:
        """The price of every model of the price lists at an instant, by provider and name."""
        wanted = provider_name(provider) if provider is not None else None
        for name in self.providers:
            book = self._book(name) if wanted in (None, name) else None
            seen: set[str] = set()
            for model in sorted({model for model, _ in book.entries} if book else ()):
                price = self.find(name, model, at_us)
                if price is not None and price.model not in seen:
                    seen.add(price.model)
                    yield price

    def changed(self, since_us: int, until_us: int, provider: str | None = None) -> Iterator[tuple[Price, Price]]:
        """Prices that were others at `since_us` than at `until_us`, each as it was and as it is."""
        for new in self.listed(until_us, provider):
            old = self.find(new.provider, new.model, since_us)
            if old is not None and (old.rates, old.variants) != (new.rates, new.variants):
                yield old, new

    @property
    def providers(self) -> list[str]:
        """The names of all providers with a price."""
        return sorted(self._rows.keys() | self._packed.keys())

    def has_provider(self, name: str) -> bool:
        """Whether a provider, by any of its names, has a price."""
        return self._has_rows(provider_name(name))

    def history(self, provider: str, model: str) -> list[Price]:
        """The prices of a model at a provider over time, the oldest first."""
        match = self.match(provider, model)
        return [] if match is None else list(match.prices[1])

    def rows_of(self, provider: str, model: str, origin: str) -> list[PriceRow]:
        """What one source has said about a model, in the order of recording."""
        book = self._book(provider)
        entry = book.entries.get((model.lower(), origin)) if book else None
        return list(entry.rows) if entry else []

    def _book(self, provider: str) -> Book | None:
        """The provider's book, made when it is first opened."""
        book = self._books.get(provider)
        if book is None and self._has_rows(provider):
            packed = parse_trusted_rows(self._packed.get(provider, b""))
            book = self._books[provider] = Book([*packed, *self._rows.get(provider, ())])
        return book

    def _has_rows(self, provider: str) -> bool:
        return provider in self._rows or provider in self._packed

    def _search(self, provider: str, model: str, region: str | None) -> Match | None:
        names = spellings(model, provider)
        if own := self._own(provider, names):
            return own
        if provider in LOCAL_PROVIDERS:
            return None
        book = self._book(provider)
        if book is None:
            return self._makers(model)
        if region is not None and (hit := book.exact([f"{region}/{name}" for name in names])):
            return _matched(How.EXACT, hit)
        if hit := book.exact(names):
            return _matched(How.EXACT, hit)
        if hit := book.similar(names):
            return _matched(How.SIMILAR, hit)
        return self._stand_in(provider, names)

    def _own(self, provider: str, names: Sequence[str]) -> Match | None:
        for name in names:
            for key in (f"{provider}/{name}", name):
                rates = self._overrides.get(key)
                if rates is not None:
                    return Match(How.OWN, key, ([start_us(None)], [override_price(provider, key, rates)]))
        return None

    def _stand_in(self, provider: str, names: Sequence[str]) -> Match | None:
        for maker, prefix in STAND_INS.get(provider, ()):
            book, theirs = self._book(maker), [name for name in names if name.startswith(prefix)]
            hit = (book.exact(theirs) or book.similar(theirs)) if book else None
            if hit:
                return _matched(How.MAKER_AT_HOST, hit)
        return None

    def _makers(self, model: str) -> Match | None:
        """The price of the only maker there is for a model of such a name, behind a gateway that nobody knows."""
        for maker, prefix in MAKERS:
            book, names = self._book(maker), spellings(model, maker)
            theirs = [name for name in names if name.startswith(prefix) and not name.startswith(OPEN_WEIGHTS)]
            if book and (hit := book.exact(theirs)):
                return _matched(How.ONLY_MAKER, hit)
        return None


def _matched(how: How, hit: Hit) -> Match:
    return Match(how, hit.name, timeline(hit.entries))


def override_price(provider: str, model: str, rates: Mapping[str, Decimal]) -> Price:
    """The price that the user set for a model: `rates` for a million tokens, for one of any other unit."""
    each = {unit: Decimal(rate) / rate_unit(unit) for unit, rate in rates.items()}
    return Price(provider=provider, model=model, rates=each, source=OVERRIDE, recorded="override")


def _by_provider_name(settings: Mapping[str, V]) -> dict[str, V]:
    """What the user set by `provider`, `model` or `provider/model`, in lower case; a provider goes by kagura's name
    for it as well."""
    keys = {key.lower(): value for key, value in settings.items()}
    for key, value in list(keys.items()):
        head, slash, rest = key.partition("/")
        keys.setdefault(f"{provider_name(head)}{slash}{rest}", value)
    return keys


@cache
def bundled_by_provider() -> Mapping[str, bytes]:
    """The lines of the price list that comes with kagura, by provider; a line begins with the provider's name."""
    lines: dict[str, list[bytes]] = {}
    for line in (BUNDLED.read_bytes() + CORRECTIONS.read_bytes()).splitlines():
        name = line[len(_PROVIDER_FIRST) : line.index(b'"', len(_PROVIDER_FIRST))]
        lines.setdefault(name.decode(), []).append(line)
    return {name: b"\n".join(some) for name, some in lines.items()}


_PROVIDER_FIRST = b'{"provider":"'


@cache
def bundled_rows() -> tuple[PriceRow, ...]:
    """The rows of the price list that comes with kagura, read once."""
    return tuple(parse_trusted_rows(BUNDLED.read_bytes() + CORRECTIONS.read_bytes()))
