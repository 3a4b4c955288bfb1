"""A run as a tree with a bar for each part on a time axis."""

from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.text import Text

from kagura.dashboard.amounts import duration, least_text
from kagura.dashboard.bill import Bill
from kagura.dashboard.frame import STATUS_STYLES
from kagura.dashboard.period import Clock
from kagura.dashboard.runs import all_spans
from kagura.dashboard.text import cut, safe
from kagura.dashboard.timeline import title
from kagura.dashboard.tree import Node, nodes
from kagura.dashboard.tui.strips import steady
from kagura.model import Execution, Span, SpanKind, Status
from kagura.store.views import Trace

RUN = "run"
"""The key of the first row, which is the run itself."""

KIND_STYLES = {
    SpanKind.AGENT: "bold",
    SpanKind.LLM: "cyan",
    SpanKind.EMBEDDING: "blue",
    SpanKind.TOOL: "yellow",
    SpanKind.MEMORY: "magenta",
    SpanKind.RETRIEVAL: "magenta",
    SpanKind.SPAN: "",
}
BROKEN = frozenset({Status.FAILED, Status.INTERRUPTED})
_COST_FROM = 100
"""Columns from which each row tells its cost."""
_SOLID, _WAITING, _INFERRED = "━", "─", "╍"


class Branch(NamedTuple):
    """A row of the tree: a span, and the lines that lead to it."""

    node: Node
    stem: str
    folded: int
    """Rows below it that are not shown."""


class Waterfall:
    """The rows; those below a folded one are left out."""

    def __init__(self, trace: Trace, clock: Clock, folded: frozenset[str] = frozenset()) -> None:
        self.run: Execution = trace.execution
        self.spans: list[Span] = all_spans(trace)
        self._clock = clock
        self._branches = _branches(list(nodes(self.spans)), folded)

    def __len__(self) -> int:
        return len(self._branches) + 1

    def key(self, number: int) -> str:
        """The span's id; the run itself comes first."""
        return RUN if number == 0 else self._branches[number - 1].node.span.id

    def span(self, number: int) -> Span | None:
        """The span of a row; `None` for the run itself."""
        return self._branches[number - 1].node.span if 0 < number <= len(self._branches) else None

    def moving(self, number: int, width: int) -> tuple[int, int] | None:
        """While the run goes on, the axis grows, and all bars with it."""
        return (0, width) if self.run.status is Status.RUNNING else None

    def fit(self, width: int) -> None:
        """Every width is fine."""

    def broken(self) -> list[int]:
        """The rows that failed or were cut."""
        return [number for number, branch in enumerate(self._branches, 1) if branch.node.span.status in BROKEN]

    def latest(self) -> int:
        """The row that began last."""
        starts = [(branch.node.span.started_at, number) for number, branch in enumerate(self._branches, 1)]
        return max(starts, default=(0, 0))[1]

    @property
    def end(self) -> int:
        """Where the axis ends."""
        now = self._clock.now()
        if self.run.ended_at is None:
            return max(now, self.run.started_at + 1)
        return max([self.run.ended_at, self.run.started_at + 1, *(span.ended_at or 0 for span in self.spans)])

    def head(self, width: int) -> Text:
        """The axis: offsets from the start of the run."""
        label, bar = _shares(width)
        axis = [" "] * bar
        for tick in range(ticks := max(bar // 12, 1)):
            at = tick * bar // ticks
            text = duration((self.end - self.run.started_at) * tick // ticks) if tick else "0s"
            axis[at : at + len(text) + 1] = f"╷{text}"[: bar - at]
        return Text(" " * label + " " + "".join(axis), "dim", no_wrap=True)

    def line(self, number: int, width: int) -> Text:
        """The tree, the bar, the time and, where there is room, the cost."""
        label, bar = _shares(width)
        now = self._clock.now()
        if number == 0:
            run = self.run
            row = _label("", f"{safe(run.agent, 200)} {safe(run.id, 200)}", label, "bold", 0)
            span_bar = _bar(run.started_at, run.started_at, run.ended_at or now, self, bar, _SOLID)
            row.append(span_bar, STATUS_STYLES[run.status])
            return _tail(row, (run.ended_at or now) - run.started_at, _bill(self.spans), width)
        branch = self._branches[number - 1]
        span = branch.node.span
        style = STATUS_STYLES[span.status] if span.status in BROKEN else KIND_STYLES[span.kind]
        mark = "✗ " if span.status in BROKEN else ""
        row = _label(branch.stem, mark + title(branch.node), label, style, branch.folded)
        end = span.ended_at or (now if span.status is Status.RUNNING else span.started_at)
        flowing = span.started_at + (span.time_to_first_chunk or 0)
        row.append(_bar(span.started_at, flowing, end, self, bar, _INFERRED if span.inferred else _SOLID), style)
        return _tail(row, end - span.started_at, _bill([span]), width)


def _shares(width: int) -> tuple[int, int]:
    """Cells for the tree and for the bars."""
    right = 10 + (10 if width >= _COST_FROM else 0)
    label = max(22, min(width * 2 // 5, 56))
    return label, max(width - label - 1 - right, 4)


def _label(stem: str, text: str, width: int, style: str, folded: int) -> Text:
    more = f" (+{folded})" if folded else ""
    room = max(width - cell_len(stem) - len(more), 6)
    row = Text(no_wrap=True).append(stem, "dim")
    row.append(cut(steady(text), room), style).append(more, "dim")
    return row.append(" " * max(width + 1 - row.cell_len, 1))


def _bar(start: int, flowing: int, end: int, fall: Waterfall, cells: int, solid: str) -> str:
    """A thin line until the first token, a thick one from then on; at least one cell."""
    origin, whole = fall.run.started_at, fall.end - fall.run.started_at

    def cell(at: int) -> int:
        return max(0, min((at - origin) * cells // whole, cells))

    first = min(cell(start), cells - 1)
    thick = max(first, min(cell(flowing), cells - 1))
    last = max(cell(end), thick + 1)
    return " " * first + _WAITING * (thick - first) + solid * (last - thick) + " " * (cells - last)


def _bill(spans: Sequence[Span]) -> str:
    bill = Bill.of(spans)
    return least_text(bill.billed, bill.estimated, bill.unknown_calls)


def _tail(row: Text, took: int, bill: str, width: int) -> Text:
    row.append(f" {duration(took):>8}")
    return row.append(f" {bill:>9}" if width >= _COST_FROM else "", "dim")


def _branches(found: Sequence[Node], folded: frozenset[str]) -> list[Branch]:
    """The rows with their stems; what is below a folded row is counted, not shown."""
    shown: list[tuple[Node, int]] = []
    hidden_below: int | None = None
    for node in found:
        if hidden_below is not None and node.depth > hidden_below:
            shown[-1] = (shown[-1][0], shown[-1][1] + 1)
            continue
        hidden_below = node.depth if node.span.id in folded else None
        shown.append((node, 0))
    lasts = _lasts([node.depth for node, _ in shown])
    rows, lines = [], list[bool]()
    for (node, count), last in zip(shown, lasts, strict=True):
        del lines[node.depth :]
        stem = "".join("│  " if goes_on else "   " for goes_on in lines[-_DEEPEST:])
        rows.append(Branch(node, stem + ("└─ " if last else "├─ "), count))
        lines.append(not last)
    return rows


_DEEPEST = 8
"""Levels of a tree that are drawn; deeper ones would leave no room for names."""


def _lasts(depths: Sequence[int]) -> list[bool]:
    """Which rows are the last ones below their parents."""
    lasts, open_depths = [], set[int]()
    for depth in reversed(depths):
        lasts.append(depth not in open_depths)
        open_depths = {other for other in open_depths if other <= depth} | {depth}
    return lasts[::-1]
