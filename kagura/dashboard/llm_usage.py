"""What an agent asked of each model."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from kagura.dashboard.frame import facts, panel
from kagura.dashboard.overview import totals_text
from kagura.dashboard.text import NOTHING, count, plural, safe

if TYPE_CHECKING:
    from kagura.store.views import ModelUsage


def llm_usage(models: "Sequence[ModelUsage]") -> RenderableType:
    """Calls, calls a run, average tokens and cost, a block a model."""
    blocks: list[RenderableType] = []
    for model in models:
        blocks += [_block(model), Text("")]
    return panel("LLM Usage", Group(*blocks[:-1]) if blocks else Text("No model was called.", "dim"))


def _block(model: "ModelUsage") -> RenderableType:
    rows = [
        ("Model", safe(model.model or "unknown")),
        ("Total Calls", count(model.calls) + _per_run(model.calls_per_execution)),
        ("Avg Tokens", _average(model.average_input_tokens, model.average_output_tokens)),
        ("Cost", totals_text(model.cost)),
    ]
    if model.errors:
        rows.append(("Errors", plural(model.errors, "call")))
    return facts(*rows)


def _per_run(calls: float | None) -> str:
    return "" if calls is None else f" ({calls:.1f} per agent call)".replace(".0 ", " ")


def _average(prompt: float | None, completion: float | None) -> str:
    if prompt is None or completion is None:
        return NOTHING
    return f"{prompt:,.0f} prompt, {completion:,.0f} completion"
