"""What agents, models, days, … cost: a tree of sums, the total, and what the month comes to at that rate."""

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from rich.text import Text

from kagura.dashboard.amounts import bill_text, money, plural
from kagura.dashboard.bill import Bill
from kagura.dashboard.frame import Leaders, line
from kagura.dashboard.period import Clock, Window
from kagura.dashboard.text import safe

if TYPE_CHECKING:
    from rich.console import RenderableType

    from kagura.store.views import CostRow

DAY = 86_400_000_000
MONTH_DAYS = 30

_NOBODY = "(none)"


def monthly(billed: Decimal, window: Window, now: int) -> Decimal | None:
    """What thirty days cost at the rate of the window; a day that has begun counts whole. `None` without a start."""
    if window.since is None:
        return None
    until = now if window.until is None else min(window.until, now)
    return billed / max(Decimal(until - window.since) / DAY, Decimal(1)) * MONTH_DAYS


def total(rows: "Sequence[CostRow]") -> Bill:
    """The sum of all rows."""
    return Bill(
        sum((row.cost.billed for row in rows), Decimal(0)),
        sum((row.cost.estimated for row in rows), Decimal(0)),
        sum(row.cost.unknown_calls for row in rows),
    )


def costs(rows: "Sequence[CostRow]", by: str, window: Window, clock: Clock) -> "list[RenderableType]":
    """The rows of `kagura monitor --cost`; dearest first, days and hours in their order."""
    head = line((f"{heading(window, clock)}:", "bold"))
    if not rows:
        return [head, Text("Nothing was called.", "dim")]
    if by not in {"day", "hour"}:
        rows = sorted(rows, key=lambda row: (-row.cost.billed, -row.cost.estimated, -row.calls, row.key or ""))
    tree = Leaders([(_label(row.key, by), _value(row)) for row in rows], tree=True)
    return [head, tree, line(""), *_totals(total(rows), window, clock)]


def heading(window: Window, clock: Clock) -> str:
    """`Daily Cost Summary (2025-10-10)`, or the stretch of days."""
    until = clock.now() if window.until is None else window.until
    last = clock.day(until - 1)
    if window.since is None:
        return f"Cost Summary (until {last})"
    first = clock.day(window.since)
    if first == last:
        return f"{'Daily ' if clock.midnight(first) == window.since else ''}Cost Summary ({first})"
    return f"Cost Summary ({first} to {last})"


def _label(key: str | None, by: str) -> str:
    """The key as people read it: an hour without the letter and the offset."""
    return key[:16].replace("T", " ") if key and by == "hour" else key or _NOBODY


def _value(row: "CostRow") -> str:
    runs = "" if row.executions is None or row.executions == row.calls else f", {plural(row.executions, 'run')}"
    cost = bill_text(row.cost.billed, row.cost.estimated, row.cost.unknown_calls)
    return f"{cost} ({plural(row.calls, 'call')}{runs})"


def _totals(sums: Bill, window: Window, clock: Clock) -> list[Text]:
    rows = [line(("Total: ", "bold"), money(sums.billed))]
    if sums.estimated:
        rows.append(line(("Estimated: ", "bold"), f"{money(sums.estimated, estimated=True)} (not in the total)"))
    if sums.unknown_calls:
        rows.append(
            line(("Unknown: ", "bold"), f"{plural(sums.unknown_calls, 'call')} without a price (not in the total)")
        )
    projected = monthly(sums.billed, window, clock.now())
    if projected:
        whole = f"~${projected:,.0f}" if projected >= 10 else money(projected, estimated=True)
        rows.append(line(("Projected monthly: ", "bold"), safe(whole)))
    return rows
