"""What reading and pricing stored calls again changes."""

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.table import Table

from kagura.dashboard.amounts import money, plural
from kagura.dashboard.frame import line
from kagura.dashboard.text import cell, safe
from kagura.model import JsonObject

if TYPE_CHECKING:
    from kagura.collector.reprocessing import ModelChange, Report


def report_view(report: "Report") -> Iterator[RenderableType]:
    """Counts, the cost before and after by model, and which prices changed."""
    yield line(
        (f"{plural(report.calls, 'call')}, {report.read:,} read again from the stored answer: ", ""),
        (f"{report.changed:,} would change" if report.changed else "nothing changes", "bold"),
    )
    if not report.changed:
        return
    yield line(", ".join(f"{number:,} {reason.value}" for reason, number in report.reasons.most_common()))
    yield ""
    models = sorted(report.models.items(), key=lambda item: -abs(item[1].after - item[1].before))
    yield _table(models)
    yield ""
    for name, model in models:
        yield from _prices(name, model)
    before = sum((model.before for model in report.models.values()), Decimal(0))
    after = sum((model.after for model in report.models.values()), Decimal(0))
    yield line(("Total of these calls: ", "bold"), f"{money(before)} → {money(after)}")


def _table(models: "list[tuple[str, ModelChange]]") -> Table:
    table = Table.grid(padding=(0, 2), pad_edge=False)
    for right in (False, True, True, False, True, False):
        table.add_column(no_wrap=True, overflow="ellipsis", justify="right" if right else "left")
    for name, model in models:
        found = f"{model.found:,} without a cost before" if model.found else ""
        table.add_row(
            *(cell(name), plural(model.calls, "call"), money(model.before), "→", money(model.after)), cell(found, "dim")
        )
    return table


def _prices(name: str, model: "ModelChange") -> Iterator[RenderableType]:
    """The versions of the price that calls of a model went from and to."""
    for (before, after), calls in model.versions.most_common():
        if before != after:
            yield line(
                (f"{safe(name)}: {safe(before or 'no price')} → {safe(after or 'no price')}", "dim"), f" ({calls:,})"
            )


def report_document(report: "Report", *, recorded: bool) -> JsonObject:
    """The report as JSON; amounts are decimal strings in US dollars."""
    return {
        "calls": report.calls,
        "read": report.read,
        "changed": report.changed,
        "recorded": recorded,
        "reasons": {reason.value: number for reason, number in report.reasons.items()},
        "models": [
            {
                "model": name,
                "calls": model.calls,
                "before_usd": f"{model.before.normalize():f}",
                "after_usd": f"{model.after.normalize():f}",
                "without_cost_before": model.found,
                "prices": [
                    {"before": before or None, "after": after or None, "calls": calls}
                    for (before, after), calls in model.versions.most_common()
                ],
            }
            for name, model in sorted(report.models.items())
        ],
    }
