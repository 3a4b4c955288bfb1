"""What an agent imports. Importing it has no effects: no files, no network, no threads, and nothing of LiteLLM."""

from typing import Any

__all__ = ["litellm_callback"]


def __getattr__(name: str) -> Any:
    """`litellm_callback`, for `litellm.callbacks = [litellm_callback]`: made, and LiteLLM imported, when asked for."""
    if name == "litellm_callback":
        from kagura.observability.litellm_logger import callback

        return callback()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
