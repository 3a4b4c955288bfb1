"""Which tools an agent used, and how often."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.text import Text

from kagura.dashboard.amounts import percent, plural
from kagura.dashboard.frame import Leaders, panel

if TYPE_CHECKING:
    from kagura.store.views import ToolUsage


LISTED = 12


def tools(used: "Sequence[ToolUsage]") -> RenderableType:
    """Calls of each tool and their share of all."""
    rows = [
        (tool.name, f"{plural(tool.calls, 'call')} ({percent(tool.share, 1)})" + _errors(tool))
        for tool in used[:LISTED]
    ]
    if len(used) > LISTED:
        rest = sum(tool.calls for tool in used[LISTED:])
        rows.append((plural(len(used) - LISTED, "more tool"), plural(rest, "call")))
    return panel("Tools Used", Leaders(rows) if rows else Text("No tool was used.", "dim"))


def _errors(tool: "ToolUsage") -> str:
    return f", {plural(tool.errors, 'error')}" if tool.errors else ""
