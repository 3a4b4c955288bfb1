"""`kagura diff` for people: two columns, one for each run."""

from collections.abc import Iterable, Iterator
from itertools import islice

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from kagura.dashboard.amounts import NOTHING, count, duration, plural, tokens
from kagura.dashboard.comparison import Comparison, Figures, Side, Turn, change, same_prompt
from kagura.dashboard.document import document
from kagura.dashboard.frame import line, status_text
from kagura.dashboard.period import Clock
from kagura.dashboard.text import cell, safe
from kagura.model import JsonObject, Status

LISTED = 50
"""Turns that are shown."""

DIFF_STYLES = {"+": "green", "-": "red", "@": "cyan"}


def comparison_view(found: Comparison, clock: Clock) -> Group:
    """Figures, then turns, then tools."""
    parts: list[RenderableType] = [_figures(found, clock)]
    if found.a.turns or found.b.turns:
        parts += [line(""), line(("Turns:", "bold")), _turns(found)]
        left = max(len(found.a.turns), len(found.b.turns)) - LISTED
        parts += [line((f"… {plural(left, 'more turn')}: see --json", "dim"))] if left > 0 else []
    if found.tools():
        parts += [line(""), line(("Tools:", "bold")), _tools(found)]
    return Group(*parts)


def _table(label: int) -> Table:
    """A column for labels and one for each run."""
    table = Table.grid(padding=(0, 1), expand=True, pad_edge=False)
    table.add_column(no_wrap=True, width=label, style="dim")
    for _ in range(2):
        table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    return table


def _figures(found: Comparison, clock: Clock) -> Table:
    a, b = found.a, found.b
    table = _table(11)
    table.add_row("", Text("A", "bold"), Text("B", "bold"))
    table.add_row("Run", cell(a.run.id), cell(b.run.id))
    table.add_row("Agent", cell(a.run.agent), cell(b.run.agent))
    table.add_row("Started", clock.stamp(a.run.started_at), clock.stamp(b.run.started_at))
    table.add_row("Status", status_text(a.run.status), status_text(b.run.status))
    for label, left, right, by in _rows(a.figures, b.figures):
        changed = Text(right)
        changed.append(f"  {by}" if by else "", "dim")
        table.add_row(label, Text(left), changed)
    return table


def _rows(a: Figures, b: Figures) -> Iterator[tuple[str, str, str, str]]:
    yield "Duration", duration(a.duration), duration(b.duration), change(a.duration, b.duration)
    yield "Cost", str(a.cost), str(b.cost), change(a.cost.billed, b.cost.billed)
    for label, name in (("LLM calls", "llm_calls"), ("Tool calls", "tool_calls"), ("Errors", "errors")):
        left, right = getattr(a, name), getattr(b, name)
        yield label, count(left), count(right), f"{right - left:+,}" if right != left else ""
    for label, name in (("Tokens in", "input"), ("  cached", "cached"), ("Tokens out", "output")):
        left, right = getattr(a, name), getattr(b, name)
        yield label, tokens(left), tokens(right), change(left, right)


def _turns(found: Comparison) -> Table:
    table = _table(11)
    for number, (a, b) in enumerate(islice(found.turns(), LISTED), 1):
        table.add_row(f"#{number}", _head(a), _head(b))
        table.add_row("", _used(a), _used(b))
        for label, left, right in (
            (_prompts(a, b), a.question if a else None, b.question if b else None),
            ("  answer", a.answer if a else None, b.answer if b else None),
        ):
            if left or right or label.strip() in {"same", "differs"}:
                table.add_row(label, _words(left), _words(right))
    return table


def _prompts(a: Turn | None, b: Turn | None) -> str:
    """The row's label says whether both sent the same, where that is known."""
    same = same_prompt(a, b)
    return "  prompt" if same is None else "  same" if same else "  differs"


def _head(turn: Turn | None) -> Text:
    if turn is None:
        return Text(NOTHING, "dim")
    text = Text(safe(turn.model, 80), "bold")
    if turn.attempts > 1:
        text.append(f"  {plural(turn.attempts, 'attempt')}", "magenta")
    if turn.status is not Status.COMPLETED:
        text.append("  ").append_text(status_text(turn.status))
    return text


def _used(turn: Turn | None) -> Text:
    if turn is None:
        return Text("")
    return Text(f"{tokens(turn.input)} → {tokens(turn.output)}  {duration(turn.duration)}  {turn.cost}")


def _words(text: str | None) -> Text:
    return cell(text or "", "dim")


def _tools(found: Comparison) -> Table:
    table = Table.grid(padding=(0, 1), expand=True, pad_edge=False)
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=2)
    table.add_column(no_wrap=True, justify="right", ratio=1)
    table.add_column(no_wrap=True, justify="right", ratio=1)
    for name, a, b in found.tools():
        table.add_row(cell(name), plural(a, "call") if a else NOTHING, plural(b, "call") if b else NOTHING)
    return table


def diff_lines(lines: Iterable[str]) -> Iterator[Text]:
    """Lines of a diff in its colours."""
    return (line((text[:1] + safe(text[1:]), DIFF_STYLES.get(text[:1], "dim"))) for text in lines)


def comparison_document(found: Comparison) -> JsonObject:
    """`kagura diff --json`."""
    return {
        "a": _side(found.a),
        "b": _side(found.b),
        "turns": [{"a": _turn(a), "b": _turn(b), "same_prompt": same_prompt(a, b)} for a, b in found.turns()],
        "tools": [{"name": name, "a": a, "b": b} for name, a, b in found.tools()],
    }


def _side(side: Side) -> JsonObject:
    figures: JsonObject = document(side.figures)
    return {"execution": document(side.run), **figures}


def _turn(turn: Turn | None) -> JsonObject | None:
    return None if turn is None else {key: value for key, value in document(turn).items() if key != "prompt"}
