"""A provider's figures beside ours, as text and as JSON."""

from collections.abc import Iterator
from decimal import Decimal

from rich.console import RenderableType
from rich.table import Table

from kagura.dashboard.amounts import UNKNOWN, count, money, percent
from kagura.dashboard.frame import line
from kagura.dashboard.reconciling import Comparison, Figures, Reconciliation
from kagura.dashboard.text import cell
from kagura.model import JsonObject
from kagura.pricing.exports import Holds


def reconciliation_view(found: Reconciliation, file: str) -> Iterator[RenderableType]:
    """A table by day and model, causes below the rows that differ, the sums at the end."""
    export = found.export
    first, last = export.days
    yield line((f"{cell(file).plain}: {export.form.name}", "bold"), (f"  {first} to {last}, days of UTC", "dim"))
    if not export.complete:
        yield line(("The last page says that there is more: fetch the following pages too.", "red"))
    if export.form.holds is Holds.USAGE:
        yield line(("The export counts tokens; they are priced with kagura's catalogue.", "dim"))
    day = None
    for row in found.rows:
        if row.day != day:
            day = row.day
            yield ""
            yield line((str(day), "bold"))
        yield _row(row)
        for cause in row.causes:
            yield line(("     ↳ ", "dim"), (cause, "dim"))
    theirs, ours = found.totals
    yield ""
    yield line(
        ("Total: ", "bold"),
        f"provider {money(theirs)}, kagura {money(ours)}, difference {_signed(ours - theirs)}",
        (f" ({percent(float(abs(ours - theirs)), float(theirs))})" if theirs else "", "dim"),
    )


def _row(row: Comparison) -> Table:
    table = Table.grid(padding=(0, 1), pad_edge=False)
    for width, right in ((28, False), (21, True), (19, True), (14, True), (16, False)):
        table.add_column(width=width, no_wrap=True, overflow="ellipsis", justify="right" if right else "left")
    same = not row.causes
    table.add_row(
        cell(f"  {row.model or '(no model)'}"),
        f"provider {_cost(row.theirs)}",
        f"kagura {_cost(row.ours)}",
        "agrees" if same else _signed(row.difference),
        cell(_calls(row), "dim"),
    )
    return table


def _calls(row: Comparison) -> str:
    theirs, ours = (side.calls if side else None for side in (row.theirs, row.ours))
    return f"{count(theirs)} / {count(ours or 0)} calls" if theirs is not None else f"{count(ours or 0)} calls"


def _cost(side: Figures | None) -> str:
    if side is None:
        return "-"
    return UNKNOWN if side.cost is None else money(side.cost)


def _signed(amount: Decimal | None) -> str:
    if amount is None:
        return UNKNOWN
    return f"+{money(amount)}" if amount > 0 else money(amount)


def reconciliation_document(found: Reconciliation) -> JsonObject:
    """The comparison as JSON; amounts are decimal strings in US dollars."""
    export = found.export
    theirs, ours = found.totals
    return {
        "form": export.form.name,
        "provider": export.form.provider,
        "holds": export.form.holds.value,
        "first_day": export.days[0].isoformat(),
        "last_day": export.days[1].isoformat(),
        "complete": export.complete,
        "provider_usd": _text(theirs),
        "kagura_usd": _text(ours),
        "difference_usd": _text(ours - theirs),
        "rows": [
            {
                "day": row.day.isoformat(),
                "model": row.model,
                "provider": _figures(row.theirs),
                "kagura": _figures(row.ours),
                "difference_usd": _text(row.difference),
                "causes": row.causes,
            }
            for row in found.rows
        ],
    }


def _figures(side: Figures | None) -> JsonObject | None:
    if side is None:
        return None
    return {
        "calls": side.calls,
        "input_tokens": side.input_tokens,
        "output_tokens": side.output_tokens,
        "cost_usd": _text(side.cost),
        "estimated_usd": _text(side.estimated),
        "unknown": side.unknown_calls,
        "errors": side.errors,
        "service_tiers": sorted(side.tiers),
    }


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount.normalize():f}"
