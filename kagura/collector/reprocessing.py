"""Reads stored answers again and prices them again, after a reader or a price was mended.

What was asked and answered stays; what it meant and what it cost is made anew, and the store keeps the former figures.
A price that a call had stays the price of its day: it changes only where the catalogue states another one for that day.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import msgspec

from kagura.config import Settings
from kagura.model import Body, Call, Cost, Exchange, Outcome, Span, Usage, UsageSource
from kagura.pricing import Catalog
from kagura.pricing.catalog import OVERRIDE
from kagura.pricing.facts import REQUEST_FACTS, facts_of
from kagura.providers import Provider, load, read
from kagura.store import Batch, Revision, SpanContents, Store
from kagura.store.values import to_pico

_ASKED = frozenset(name for name, _ in REQUEST_FACTS)
_COUNTED = tuple(name for name in Usage.__struct_fields__ if name not in ("raw", "source"))
_READ = ("response_model", "response_id", "finish_reason", "kind", "endpoint")


class Reason(StrEnum):
    """Why a call's figures change."""

    READ_ANEW = "read anew"
    """The stored answer is understood otherwise."""
    PRICE_FOUND = "price found"
    """Its cost was unknown, and the catalogue has a price for its day now."""
    PRICE_CORRECTED = "price corrected"
    """The catalogue states another price for its day."""
    TERMS_CHANGED = "prices or discounts of the configuration changed"
    """The list price is the same, or the user's own took its place."""


class Change(NamedTuple):
    """A call before and after."""

    before: Span
    after: Span
    reason: Reason


class ModelChange(msgspec.Struct):
    """What changes for one model."""

    calls: int = 0
    before: Decimal = Decimal(0)
    after: Decimal = Decimal(0)
    found: int = 0
    """Calls whose cost was unknown."""
    versions: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter)
    """Price versions before and after, and how many calls went from one to the other."""


class Report(msgspec.Struct):
    """What a run changes, or would change."""

    calls: int = 0
    """Looked at."""
    read: int = 0
    """Of these, read again from their stored answers."""
    reasons: Counter[Reason] = msgspec.field(default_factory=Counter)
    models: dict[str, ModelChange] = msgspec.field(default_factory=dict)

    @property
    def changed(self) -> int:
        """How many calls change."""
        return self.reasons.total()

    def add(self, change: Change) -> None:
        """Count a change."""
        before, after = change.before, change.after
        self.reasons[change.reason] += 1
        name = f"{after.provider}/{after.response_model or after.request_model or 'no model'}"
        model = self.models.setdefault(name, ModelChange())
        old, new = (span.cost or Cost() for span in (before, after))
        model.calls += 1
        model.before += old.total or 0
        model.after += new.total or 0
        model.found += old.total is None
        model.versions[old.price_version or "", new.price_version or ""] += 1


class Reprocessor:
    """Makes the figures of stored calls anew."""

    def __init__(self, store: Store, providers: Mapping[str, Provider], catalog: Catalog) -> None:
        self._store, self._providers, self._catalog = store, providers, catalog

    @classmethod
    def from_settings(cls, store: Store, settings: Settings) -> "Reprocessor":
        """One with the providers and prices of the settings."""
        store.queues_exports = settings.otlp.endpoint is not None
        providers = load({name: row.given() for name, row in settings.providers.items()})
        prices = [path for path in (settings.prices_file,) if Path(path).exists()]
        return cls(store, providers, Catalog.load(prices, settings.prices, settings.discounts))

    def preview(self, since: int | None = None, until: int | None = None) -> Report:
        """What would change for calls that began in [since, until)."""
        report = Report()
        for page in self._pages(report, since, until):
            for change in page:
                report.add(change)
        return report

    def apply(self, now: int, since: int | None = None, until: int | None = None) -> Report:
        """Change it, a page in a transaction; the former figures are kept as of `now`. Doing it again does nothing."""
        report = Report()
        for page in self._pages(report, since, until):
            if not page:
                continue
            revisions = [
                Revision(span_id=before.id, revised_at=now, reason=reason.value, usage=before.usage, cost=before.cost)
                for before, _, reason in page
            ]
            self._store.write(Batch(spans=[change.after for change in page], revisions=revisions))
            for change in page:
                report.add(change)
        return report

    def _pages(self, report: Report, since: int | None, until: int | None) -> Iterator[list[Change]]:
        for spans in self._store.ended_calls(since, until):
            report.calls += len(spans)
            yield [change for span in spans if (change := self._change(span, report)) is not None]

    def _change(self, span: Span, report: Report) -> Change | None:
        contents = self._store.span_contents(span.id)
        call = self._read(span, contents)
        report.read += call is not None
        after = _with_reading(span, call)
        if after.usage is None:
            return None
        cost = self._cost(after, call, contents)
        if cost is None or (cost.total is None and span.cost is not None and span.cost.total is not None):
            return None
        after.cost = cost
        reason = _reason(span, after)
        return None if reason is None else Change(span, after, reason)

    def _read(self, span: Span, contents: SpanContents | None) -> Call | None:
        """The stored answer read again; `None` where it was not kept or bills nothing by itself."""
        if contents is None or not contents.raw_response:
            return None
        exchange = _exchange(span, contents, self._providers.get(span.provider or ""))
        call = read(exchange, self._providers.get(exchange.provider))
        return call if call.billable and call.usage is not None else None

    def _cost(self, span: Span, call: Call | None, contents: SpanContents | None) -> Cost | None:
        """What the call cost by the catalogue.

        `None` where its price depends on what was not kept: a request, the day on which a batch was worked off.
        """
        provider = span.provider or ""
        row = self._providers.get(provider)
        if call is None:
            asked = contents.parameters if contents else None
            known = span.cost is not None and span.cost.total is not None
            if known and (span.attributes.get("fetched") or (asked is None and self._asks(span))):
                return None
            call = Call(endpoint=span.endpoint or "", kind=span.kind, parameters=_object(asked))
        call.usage = span.usage
        facts = facts_of(call, _text(span, "target"), (row.base_url if row else None) or "")
        return self._catalog.cost(provider, span.request_model, span.response_model, span.usage, span.started_at, facts)

    def _asks(self, span: Span) -> bool:
        """Whether a call's price depends on what was asked (a picture's size, a search's depth)."""
        for model in (span.response_model, span.request_model):
            price = self._catalog.find(span.provider or "", model, span.started_at) if model else None
            if price is not None:
                return any(_ASKED & variant.context.keys() for variant in price.variants)
        return False


def _exchange(span: Span, contents: SpanContents, provider: Provider | None) -> Exchange:
    """The exchange as far as the store has kept it: the answer decoded, the request without its messages."""
    raw, asked = contents.raw_response or b"", contents.parameters or b""
    size = span.attributes.get("response_bytes")
    headers = span.attributes.get("headers")
    return Exchange(
        id=span.id,
        provider=span.provider or "",
        dialect=provider.dialect if provider else "openai",
        method=_text(span, "method") or "POST",
        target=_text(span, "target"),
        received_at=span.started_at,
        request_headers=[("content-type", "application/json")],
        request_body=Body(asked, len(asked)),
        done_at=span.ended_at,
        status=span.http_status,
        response_headers=[(str(key), str(value)) for key, value in headers.items()]
        if isinstance(headers, dict)
        else [],
        response_body=Body(raw, max(len(raw), size if isinstance(size, int) else 0)),
        outcome=Outcome.COMPLETED,
    )


def _with_reading(span: Span, call: Call | None) -> Span:
    """The span with what a new reading says; what it does not say stays."""
    after = msgspec.structs.replace(span)
    if call is None or call.usage is None:
        return after
    estimated = span.usage is not None and span.usage.source is UsageSource.ESTIMATED
    if not (estimated and call.usage_partial):
        after.usage = call.usage
    for name in _READ:
        setattr(after, name, getattr(call, name) or getattr(span, name))
    if [tool.name for tool in call.tool_calls] != [tool.name for tool in span.tool_calls]:
        after.tool_calls = call.tool_calls or span.tool_calls
    return after


def _reason(before: Span, after: Span) -> Reason | None:
    if _counts(before.usage) != _counts(after.usage) or any(
        getattr(before, name) != getattr(after, name) for name in (*_READ, "tool_calls")
    ):
        return Reason.READ_ANEW
    old, new = (to_pico(span.cost.total) if span.cost else None for span in (before, after))
    if old == new:
        return None
    if old is None:
        return Reason.PRICE_FOUND
    versions = [span.cost.price_version if span.cost else None for span in (before, after)]
    own = any(version is not None and version.startswith(f"{OVERRIDE} ") for version in versions)
    return Reason.TERMS_CHANGED if own or versions[0] == versions[1] else Reason.PRICE_CORRECTED


def _counts(usage: Usage | None) -> tuple[object, ...] | None:
    return None if usage is None else tuple(getattr(usage, name) for name in _COUNTED)


def _text(span: Span, name: str) -> str:
    value = span.attributes.get(name)
    return value if isinstance(value, str) else ""


def _object(data: bytes | None) -> dict[str, object]:
    try:
        value = msgspec.json.decode(data or b"{}")
    except msgspec.DecodeError:
        return {}
    return value if isinstance(value, dict) else {}
