"""What an agent asked of each model."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from kagura.dashboard.amounts import NOTHING, UNKNOWN, count, plural
from kagura.dashboard.frame import Leaders, facts, panel
from kagura.dashboard.overview import totals_text
from kagura.dashboard.text import safe

if TYPE_CHECKING:
    from kagura.store.views import ModelUsage


IN_FULL = 3
LISTED = 12
"""Models that are shown as blocks, and those after them that are shown as rows."""


def llm_usage(models: "Sequence[ModelUsage]") -> RenderableType:
    """Calls, calls a run, average tokens and cost: blocks of the models called most, rows of further ones."""
    blocks: list[RenderableType] = []
    for model in models[:IN_FULL]:
        blocks += [_block(model), Text("")]
    rows = [
        (model.model or UNKNOWN, f"{totals_text(model.cost)} ({plural(model.calls, 'call')})")
        for model in models[IN_FULL : IN_FULL + LISTED]
    ]
    left = len(models) - IN_FULL - LISTED
    if left > 0:
        rows.append((f"{plural(left, 'more model')}", "see --cost --by model"))
    if rows:
        blocks += [Leaders(rows), Text("")]
    return panel("LLM Usage", Group(*blocks[:-1]) if blocks else Text("No model was called.", "dim"))


def _block(model: "ModelUsage") -> RenderableType:
    rows = [
        ("Model", safe(model.model or UNKNOWN)),
        ("Total Calls", count(model.calls) + _per_run(model.calls_per_execution)),
        ("Avg Tokens", _average(model.average_input_tokens, model.average_output_tokens)),
        ("Cost", totals_text(model.cost)),
    ]
    if model.errors:
        rows.append(("Errors", plural(model.errors, "call")))
    return facts(*rows)


def _per_run(calls: float | None) -> str:
    if calls is None:
        return ""
    number = f"{calls:.1f}".removesuffix(".0") if calls >= 0.1 else "<0.1"
    return f" ({number} per agent call)"


def _average(prompt: float | None, completion: float | None) -> str:
    if not prompt and not completion:
        return NOTHING
    return f"{prompt or 0:,.0f} prompt, {completion or 0:,.0f} completion"
