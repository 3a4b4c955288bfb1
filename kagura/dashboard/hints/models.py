"""The rule on models: what a smaller one of the same family would have cost."""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal

import msgspec

from kagura.dashboard.amounts import money
from kagura.dashboard.hints.evidence import Evidence, Rule, Said, llm_calls, model_of
from kagura.dashboard.text import safe
from kagura.model import CostSource, Execution, Span
from kagura.pricing import Catalog

WORTH = Decimal("0.01")
"""US dollars below which a run's model is not talked about."""
AT_MOST = Decimal("0.5")
"""The share of the cost at which another model is worth a word."""

SIZES = frozenset({"mini", "nano", "pro", "flash", "lite", "haiku", "sonnet", "opus", "small", "medium", "large"})
"""Words by which makers tell the sizes of one family and version apart."""

_DATE = re.compile(r"-(\d{4}-\d\d-\d\d|\d{8}|latest)$")


def family(model: str) -> tuple[str, ...]:
    """What a model's name says beside size and date: `gpt-5-mini-2025-08-07` is of the family `("gpt", "5")`."""
    return tuple(word for word in _DATE.sub("", model.lower()).split("-") if word not in SIZES)


def _cheaper_model(run: Execution, spans: list[Span], seen: Evidence) -> Iterator[Said]:
    calls = llm_calls(spans)
    asked = {(span.provider, model_of(span)) for span in calls}
    priced = all(span.cost and span.cost.source is CostSource.CATALOG and not span.cost.estimated for span in calls)
    if len(asked) != 1 or not priced or seen.catalog is None:
        return
    [(provider, model)] = asked
    spent = sum((span.cost.total or Decimal(0) for span in calls if span.cost), Decimal(0))
    if provider is None or model is None or spent < WORTH:
        return
    found = _dearest_below(calls, spent * AT_MOST, provider, model, seen.catalog)
    if found:
        other, cost = found
        yield Said(
            f"On {safe(other, 80)} the same tokens would have cost {money(cost)} instead of {money(spent)}",
            f"Whether it serves as well, a trial tells: kagura replay {safe(run.id, 80)} --model {safe(other, 80)}",
            spent - cost,
        )


def _dearest_below(
    calls: Sequence[Span], most: Decimal, provider: str, model: str, catalog: Catalog
) -> tuple[str, Decimal] | None:
    """The model of the same family that comes nearest below a sum, and what the calls cost there."""
    own = catalog.find(provider, model, calls[0].started_at)
    if own is None:
        return None
    kin = {
        price.model
        for price in catalog.listed(calls[0].started_at, provider)
        if price.model != own.model and family(price.model) == family(own.model)
    }
    costs = [(total, name) for name in kin if (total := _cost_on(name, calls, provider, catalog)) is not None]
    total, name = max((row for row in costs if 0 < row[0] <= most), default=(Decimal(0), ""))
    return (name, total) if name else None


def _cost_on(model: str, calls: Sequence[Span], provider: str, catalog: Catalog) -> Decimal | None:
    total = Decimal(0)
    for span in calls:
        usage = span.usage and msgspec.structs.replace(span.usage, provider_cost=None)
        cost = catalog.cost(provider, model, model, usage, span.started_at)
        if cost.total is None or cost.unpriced:
            return None
        total += cost.total
    return total


CHEAPER_MODEL = Rule(
    "cheaper_model",
    f"a run of {money(WORTH)} or more asks one model alone, and a smaller one of the same family and version would "
    f"have cost {AT_MOST:.0%} or less for the same tokens",
    "Try it: kagura replay RUN --model NAME",
    _cheaper_model,
)
