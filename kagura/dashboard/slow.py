"""The runs that took longest, and the calls that failed last."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.text import Text

from kagura.dashboard.amounts import duration
from kagura.dashboard.frame import ERROR_STYLE, columns, panel
from kagura.dashboard.period import Clock
from kagura.dashboard.text import cell

if TYPE_CHECKING:
    from kagura.store.views import ExecutionRow, SpanError


def slow_requests(runs: "Sequence[ExecutionRow]", clock: Clock) -> RenderableType:
    """Start, duration and first words of the longest finished runs."""
    table = columns()
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, justify="right")
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    for run in runs:
        table.add_row(Text(clock.recent(run.started_at)), Text(duration(run.duration)), cell(run.preview or run.id))
    return panel("Slow Requests", table if runs else Text("No run has finished.", "dim"))


def errors(failed: "Sequence[SpanError]", clock: Clock) -> RenderableType:
    """Time, name and reason of the latest failures."""
    table = columns()
    table.add_column(no_wrap=True, min_width=8)
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=2)
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=3)
    for span in failed:
        status = f"HTTP {span.http_status} " if span.http_status and span.http_status >= 300 else ""
        reason = cell(f"{status}{span.error or span.error_type or ''}", ERROR_STYLE)
        table.add_row(Text(clock.recent(span.at)), cell(span.name), reason)
    return panel("Errors", table)
