"""What was spent today, in seven days, and what the month comes to; how fast money and tokens flow."""

from calendar import monthrange
from collections.abc import Sequence
from decimal import Decimal

from rich.console import RenderableType
from rich.text import Text

from kagura.dashboard.amounts import least_text, money, tokens
from kagura.dashboard.frame import facts, line, panel
from kagura.dashboard.period import Clock
from kagura.dashboard.tui.spark import fitted, sparkline
from kagura.dashboard.tui.windows import DAY, TimeWindow
from kagura.store.questions import Board, Pulse, Spent

SPARK_STYLE = "cyan"


def projected(board: Board, clock: Clock) -> Decimal | None:
    """What the month comes to: what it cost so far, and the rest of it at the pace of the last seven days.

    `None` where nothing was billed in these days.
    """
    billed = board.week.cost.billed
    if not billed:
        return None
    now = clock.now()
    day = clock.day(now)
    last = day.replace(day=monthrange(day.year, day.month)[1])
    left = max(clock.midnight(last) + DAY - now, 0)
    days = Decimal(now - (clock.today() - 6 * DAY)) / DAY
    return board.month.cost.billed + billed / days * Decimal(left) / DAY


def month_text(board: Board, clock: Clock) -> str:
    """The projection in one cell."""
    amount = projected(board, clock)
    if amount is None:
        return "-"
    return f"~${amount:,.0f}" if amount >= 10 else money(amount, estimated=True)


def spent_text(spent: Spent) -> str:
    """A sum in few cells."""
    return least_text(spent.cost.billed, spent.cost.estimated, spent.cost.unknown_calls)


def series(pulses: Sequence[Pulse], window: TimeWindow, now: int) -> tuple[list[float], list[float]]:
    """Money and tokens of each stretch of the window, oldest first."""
    step = window.rate_step
    last = now // step
    first = (now - window.rate_over) // step + 1
    found = {pulse.at // step: pulse for pulse in pulses}
    rows = [found.get(number) for number in range(first, last + 1)]
    return [float(row.cost) if row else 0.0 for row in rows], [float(row.tokens) if row else 0.0 for row in rows]


def spending_panel(board: Board, window: TimeWindow, clock: Clock, width: int) -> RenderableType:
    """The panel for `width` columns."""
    cost, token = series(board.pulses, window, clock.now())
    room = max(min(width - 20, 60), 0)
    return panel(
        "Cost",
        facts(
            (
                "Today",
                f"{spent_text(board.today)} ({tokens(board.today.tokens.input + board.today.tokens.output)} tok)",
            ),
            ("7 days / Month", f"{spent_text(board.week)} / {month_text(board, clock)}"),
            ("Cost rate", Text(sparkline(fitted(cost, room)), SPARK_STYLE)),
            ("Token rate", Text(sparkline(fitted(token, room)), SPARK_STYLE)),
        ),
    )


def spending_line(board: Board, window: TimeWindow, clock: Clock, width: int) -> Text:
    """The same in one row, for screens that have no room for the panel."""
    cost, token = series(board.pulses, window, clock.now())
    row = line(
        (" Today ", "dim"),
        spent_text(board.today),
        ("  7 days ", "dim"),
        spent_text(board.week),
        ("  Month ", "dim"),
        month_text(board, clock),
    )
    room = (width - row.cell_len - 14) // 2
    if room >= 6:
        row.append_text(line(("  $ ", "dim"), (sparkline(fitted(cost, min(room, 60))), SPARK_STYLE)))
        row.append_text(line(("  tok ", "dim"), (sparkline(fitted(token, min(room, 60))), SPARK_STYLE)))
    return row
