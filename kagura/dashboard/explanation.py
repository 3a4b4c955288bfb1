"""A call's bill, line by line, with where each rate comes from."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from rich.console import RenderableType
from rich.table import Table

from kagura.dashboard.amounts import UNKNOWN
from kagura.dashboard.frame import facts, line
from kagura.dashboard.output import json_text
from kagura.dashboard.period import Clock, iso
from kagura.dashboard.prices import exact
from kagura.dashboard.text import cell, safe
from kagura.model import Cost, CostLine, JsonObject, Span

if TYPE_CHECKING:
    from kagura.pricing.explanation import Explanation, NameFound
    from kagura.store import Revision


class Proof(NamedTuple):
    """Everything that is known of a call's cost."""

    span: Span
    explanation: "Explanation"
    revisions: "Sequence[Revision]"
    """The figures that the call had before, the oldest first."""


def proof_view(proof: Proof, clock: Clock) -> Iterator[RenderableType]:
    """The bill as text."""
    span, found = proof.span, proof.explanation
    yield line((f"Call {safe(span.id)}", "bold"), (f"  {clock.stamp(span.started_at)}  {iso(span.started_at)}", "dim"))
    yield facts(
        ("Model", _models(span)),
        ("Provider", f"{safe(span.provider)}, {safe(span.endpoint or '')}, {span.status.value}"),
        ("Run", f"{safe(span.execution_id)} of {safe(span.agent)}"),
    )
    yield ""
    if found.lines:
        yield _bill(found.lines)
    yield from _totals(span.cost, found)
    yield from _sources(span.cost, found.lines)
    for name in (name for name in found.names if name.match is not None):
        yield facts((name.asked.replace("_", " ").capitalize(), _found(name)))
    if found.unpriced and not found.reasons:
        yield facts(("Without a rate", safe(", ".join(found.unpriced))))
    for reason in found.reasons:
        yield line(safe(reason))
    if span.usage is not None and span.usage.raw is not None:
        yield ""
        yield line(("Usage as the provider sent it:", "dim"))
        yield from (line(safe_line) for safe_line in json_text(span.usage.raw).split("\n"))
    if proof.revisions:
        yield ""
        yield line(("Before:", "dim"))
        yield from (_revision(revision, clock) for revision in proof.revisions)


def _models(span: Span) -> str:
    asked, answered = span.request_model, span.response_model
    if asked and answered and asked != answered:
        return f"{safe(asked)} → {safe(answered)}"
    return safe(answered or asked or UNKNOWN)


def _bill(lines: Sequence[CostLine]) -> Table:
    table = Table.grid(padding=(0, 1), pad_edge=False)
    for right in (False, True, False, True, False, False, True):
        table.add_column(no_wrap=True, justify="right" if right else "left")
    table.add_column(no_wrap=True, overflow="ellipsis", style="dim")
    for row in lines:
        per, unit = _per(row.unit)
        factor = "" if row.factor is None else f"× {row.factor.normalize():f}"
        table.add_row(
            *(
                cell(row.unit.replace("_", " ")),
                f"{row.quantity.normalize():,f}",
                "×",
                f"${exact(row.rate * per)}{unit}",
            ),
            *(factor, "=", f"${exact(row.amount)}", cell(row.tier or "")),
        )
    return table


def _per(unit: str) -> tuple[int, str]:
    from kagura.pricing.units import rate_unit

    per = rate_unit(unit)
    return per, "/1M" if per > 1 else " each"


def _totals(cost: Cost | None, found: "Explanation") -> Iterator[RenderableType]:
    total = cost.total if cost else None
    mark = "~" if cost and cost.estimated else ""
    shown = UNKNOWN if total is None else f"{mark}${exact(total)}"
    said = "" if cost is None or cost.source is None else _SAID[cost.source.value]
    estimated = ("  (tokens counted by kagura)", "dim") if mark else ""
    yield line(("Total: ", "bold"), (shown, "bold"), (said, "dim"), estimated)
    if found.provider_total is not None and found.catalog_total is not None and found.difference is not None:
        sign = "-" if found.difference < 0 else "+"
        yield facts(
            ("By the price list", f"${exact(found.catalog_total)}"),
            ("By the provider", f"${exact(found.provider_total)} ({sign}${exact(abs(found.difference))})"),
        )


_SAID = {"provider": "  as the provider billed it", "catalog": "  by the price list"}


def _sources(cost: Cost | None, lines: Sequence[CostLine]) -> Iterator[RenderableType]:
    if cost is None or cost.price_version is None:
        return
    yield facts(("Price", f"{safe(cost.price_model or '')}, {safe(cost.price_version)}"))
    others: dict[str, list[str]] = {}
    for row in lines:
        if row.source is not None:
            others.setdefault(row.source, []).append(row.unit)
    for source, units in others.items():
        yield facts((f"Rate of {safe(', '.join(units))}", safe(source)))


def _found(name: "NameFound") -> str:
    assert name.match is not None
    shown = name.price or name.match.prices[1][0]
    spelled = "" if name.match.name == name.name.lower() else f" as {safe(name.match.name)}"
    return f"{safe(name.name)}: {name.match.how.value}{spelled}, {safe(shown.provider)}/{safe(shown.model)}"


def _revision(revision: "Revision", clock: Clock) -> RenderableType:
    cost = revision.cost
    total = UNKNOWN if cost is None or cost.total is None else f"${exact(cost.total)}"
    version = f", {safe(cost.price_version)}" if cost and cost.price_version else ""
    return line(f"until {clock.stamp(revision.revised_at)}: {total}{version} ", (f"({safe(revision.reason)})", "dim"))


def proof_document(proof: Proof) -> JsonObject:
    """The bill as JSON; amounts and rates are decimal strings, rates for one of their unit."""
    span, found, cost = proof.span, proof.explanation, proof.span.cost
    return {
        "id": span.id,
        "execution_id": span.execution_id,
        "agent": span.agent,
        "started_at": iso(span.started_at),
        "provider": span.provider,
        "endpoint": span.endpoint,
        "status": span.status.value,
        "request_model": span.request_model,
        "response_model": span.response_model,
        **_cost_document(cost),
        "lines": [_line_document(row, cost) for row in found.lines],
        "catalog_usd": _text(found.catalog_total),
        "provider_usd": _text(found.provider_total),
        "difference_usd": _text(found.difference),
        "unpriced": found.unpriced,
        "reasons": found.reasons,
        "names": [_name_document(name) for name in found.names],
        "usage": None if span.usage is None else msgspec.to_builtins(span.usage),
        "history": [
            {"until": iso(was.revised_at), "reason": was.reason, **_cost_document(was.cost)} for was in proof.revisions
        ],
    }


def _cost_document(cost: Cost | None) -> JsonObject:
    return {
        "cost_usd": _text(cost.total if cost else None),
        "cost_source": cost.source.value if cost and cost.source else None,
        "estimated": bool(cost and cost.estimated),
        "price_model": cost.price_model if cost else None,
        "price_version": cost.price_version if cost else None,
    }


def _line_document(row: CostLine, cost: Cost | None) -> JsonObject:
    return {
        "unit": row.unit,
        "quantity": _text(row.quantity),
        "rate_usd": _text(row.rate),
        "factor": _text(row.factor),
        "condition": row.tier,
        "amount_usd": _text(row.amount),
        "source": row.source or (cost.price_version if cost else None),
    }


def _name_document(name: "NameFound") -> JsonObject:
    return {
        "asked": name.asked,
        "name": name.name,
        "found": None if name.match is None else name.match.name,
        "how": None if name.match is None else name.match.how.value,
        "price_model": None if name.price is None else f"{name.price.provider}/{name.price.model}",
        "price_version": None if name.price is None else name.price.version,
    }


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount.normalize():f}"
