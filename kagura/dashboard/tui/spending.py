"""What was spent today and in seven days, what a month comes to at that pace; how fast money and tokens flow."""

from collections.abc import Sequence
from decimal import Decimal

from rich.console import RenderableType
from rich.text import Text

from kagura.dashboard.amounts import NOTHING, about, least_text, tokens
from kagura.dashboard.frame import facts, line, panel
from kagura.dashboard.period import Clock
from kagura.dashboard.tui.spark import fitted, sparkline
from kagura.dashboard.tui.windows import DAY, TimeWindow
from kagura.store.projection import monthly
from kagura.store.questions import Board, Pulse, Spent

SPARK_STYLE = "cyan"


def projected(board: Board, clock: Clock) -> Decimal | None:
    """What thirty days cost at the pace of the last seven; `None` where nothing was billed in these."""
    first = None if board.first is None else clock.midnight(clock.day(board.first))
    billed = board.week.cost.billed
    return monthly(billed, clock.today() - 6 * DAY, None, first=first, now=clock.now()) if billed else None


def month_text(board: Board, clock: Clock) -> str:
    """The projection in one cell."""
    amount = projected(board, clock)
    return NOTHING if amount is None else about(amount)


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
