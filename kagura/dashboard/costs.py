"""What agents, models, days, … cost: a tree of sums, the total, and what it means for the month."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from rich.text import Text

from kagura.dashboard.amounts import about, bill_text, money, plural
from kagura.dashboard.bill import Bill
from kagura.dashboard.frame import Leaders, line
from kagura.dashboard.period import Clock, Window
from kagura.store.projection import monthly

if TYPE_CHECKING:
    from rich.console import RenderableType

    from kagura.store.views import CacheSavings, CostRow

LISTED = 50
"""Rows that are shown, except of days and hours; the others are one row together, and all are in JSON and CSV."""

_NOBODY = "(none)"


@dataclass(frozen=True)
class CostReport:
    """What a stretch of time cost."""

    rows: "Sequence[CostRow]"
    by: str
    window: Window
    before: tuple[Window, Bill] | None = None
    """The stretch of the same length before it, and its sum; `None` where the stretch has no beginning."""
    cache: "CacheSavings | None" = None
    first: int | None = None
    """The midnight of the first day of which calls are recorded."""

    @property
    def total(self) -> Bill:
        """The sum of all rows."""
        return total(self.rows)

    def monthly(self, now: int) -> Decimal | None:
        """What thirty days cost at this pace, of what was billed."""
        return monthly(self.total.billed, self.window.since, self.window.until, first=self.first, now=now)


def total(rows: "Sequence[CostRow]") -> Bill:
    """The sum of all rows."""
    return Bill(
        sum((row.cost.billed for row in rows), Decimal(0)),
        sum((row.cost.estimated for row in rows), Decimal(0)),
        sum(row.cost.unknown_calls for row in rows),
    )


def costs(report: CostReport, clock: Clock) -> "list[RenderableType]":
    """The rows of `kagura monitor --cost`; dearest first, days and hours in their order."""
    head = line((f"{heading(report.window, clock)}:", "bold"))
    if not report.rows:
        return [head, Text("Nothing was called.", "dim")]
    rows = list(report.rows)
    if report.by not in {"day", "hour"}:
        rows.sort(key=lambda row: (-row.cost.billed, -row.cost.estimated, -row.calls, row.key or ""))
    listed, left = (rows, []) if report.by in {"day", "hour"} else (rows[:LISTED], rows[LISTED:])
    shown = [(_label(row.key, report.by), _value(row)) for row in listed]
    most = max(_known(row) for row in listed)
    bars = [float(_known(row) / most) for row in listed] if most > 0 else []
    if left:
        shown.append((f"{len(left):,} more", f"{total(left)} ({plural(sum(row.calls for row in left), 'call')})"))
        bars += [0.0] * bool(bars)
    return [head, Leaders(shown, tree=True, bars=bars), line(""), *_totals(report, clock)]


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


def _known(row: "CostRow") -> Decimal:
    return row.cost.billed + row.cost.estimated


def _label(key: str | None, by: str) -> str:
    """The key as people read it: an hour without the letter and the offset."""
    return key[:16].replace("T", " ") if key and by == "hour" else key or _NOBODY


def _value(row: "CostRow") -> str:
    runs = "" if row.executions is None or row.executions == row.calls else f", {plural(row.executions, 'run')}"
    cost = bill_text(row.cost.billed, row.cost.estimated, row.cost.unknown_calls)
    return f"{cost} ({plural(row.calls, 'call')}{runs})"


def _totals(report: CostReport, clock: Clock) -> list[Text]:
    sums = report.total
    rows = [line(("Total: ", "bold"), money(sums.billed))]
    if sums.estimated:
        rows.append(line(("Estimated: ", "bold"), f"{money(sums.estimated, estimated=True)} (not in the total)"))
    if sums.unknown_calls:
        rows.append(
            line(("Unknown: ", "bold"), f"{plural(sums.unknown_calls, 'call')} without a price (not in the total)")
        )
    if projected := report.monthly(clock.now()):
        rows.append(line(("Projected monthly: ", "bold"), about(projected)))
    if report.before and report.before[1] != Bill():
        rows.append(line(("Before: ", "bold"), _compared(sums.billed, *report.before, clock)))
    if report.cache and (report.cache.saved or report.cache.extra):
        rows.append(line(("Saved by caches: ", "bold"), _cached(report.cache)))
    return rows


def _compared(billed: Decimal, window: Window, sums: Bill, clock: Clock) -> str:
    """What the stretch before cost, and by how much this one is more or less."""
    stretch = _stretch(window, clock)
    if not sums.billed:
        return f"nothing billed ({stretch})"
    change = 100 * (billed - sums.billed) / sums.billed
    return f"{money(sums.billed)} ({stretch}), now {change:+,.0f}%"


def _stretch(window: Window, clock: Clock) -> str:
    """`2025-10-09`, `2025-10-09 until 17:45`, `2025-09-26 to 2025-10-02`."""
    since, until = window.since or 0, window.until or 0
    first, last = clock.day(since), clock.day(until - 1)
    if first != last:
        return f"{first} to {last}"
    return f"{first}" if clock.day(until) != first else f"{first} until {clock.time(until)[:5]}"


def _cached(cache: "CacheSavings") -> str:
    written = f" (writing to them cost {money(cache.extra)} more)" if cache.extra > 0 else ""
    left_out = f"; {plural(cache.left_out, 'call')} left out" if cache.left_out else ""
    return f"{money(cache.saved)}{written}{left_out}"
