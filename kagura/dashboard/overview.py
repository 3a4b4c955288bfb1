"""The head of the monitor: what runs now, how much was called, what it cost."""

from typing import TYPE_CHECKING

from rich.console import RenderableType

from kagura.dashboard.amounts import NOTHING, bill_text, count, tokens
from kagura.dashboard.frame import facts, panel

if TYPE_CHECKING:
    from kagura.store.views import CostTotals, Overview


def overview(total: "Overview", today: "Overview") -> RenderableType:
    """Active agents, calls, cost and tokens since ever, with today's share beside them."""
    both = f"{tokens(total.tokens.input)} in, {tokens(total.tokens.output)} out"
    return panel(
        "Kagura Agent Monitor",
        facts(
            ("Active Agents", count(total.active_executions)),
            ("Total Calls", count(total.llm_calls) + today_text(count(total.llm_calls), count(today.llm_calls))),
            ("Total Cost", totals_text(total.cost) + today_text(totals_text(total.cost), totals_text(today.cost))),
            ("Total Tokens", both),
        ),
    )


def today_text(whole: str, part: str) -> str:
    """Today's part behind a whole: ` (12 today)`; empty where it is all of it or nothing."""
    return "" if whole == part or part in {"0", NOTHING} else f" ({part} today)"


def totals_text(cost: "CostTotals") -> str:
    """A sum of the store in one cell, its three parts apart."""
    return bill_text(cost.billed, cost.estimated, cost.unknown_calls)
