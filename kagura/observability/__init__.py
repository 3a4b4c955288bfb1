"""What an agent imports: `telemetry`, `tracker`, `litellm_callback`.

Importing it has no effects (no files, no network, no threads) and loads nothing that is not asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kagura.observability import telemetry, tracker

__all__ = ["litellm_callback", "telemetry", "tracker"]


def __getattr__(name: str) -> Any:
    """Load what is asked for; `litellm_callback`, for `litellm.callbacks = [litellm_callback]`, imports LiteLLM."""
    if name == "litellm_callback":
        from kagura.observability.litellm_logger import callback

        return callback()
    if name in ("telemetry", "tracker"):
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
