"""What an agent imports: `telemetry`, `tracker`, `telemetry_db`, `TelemetryCollector`, `EventStore`.

Importing it has no effects (no files, no network, no threads) and loads nothing that is not asked for: the trace store
comes with `telemetry_db`, `TelemetryCollector` and `EventStore`, LiteLLM with `litellm_callback`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kagura.observability import telemetry, telemetry_db, tracker
    from kagura.observability.collector import TelemetryCollector
    from kagura.observability.store import EventStore

__all__ = ["EventStore", "TelemetryCollector", "litellm_callback", "telemetry", "telemetry_db", "tracker"]

_MODULES = ("telemetry", "telemetry_db", "tracker")
_CLASSES = {"TelemetryCollector": "collector", "EventStore": "store"}


def __getattr__(name: str) -> Any:
    """Load what is asked for; `litellm_callback` is for `litellm.callbacks = [litellm_callback]`."""
    if name == "litellm_callback":
        from kagura.observability.litellm_logger import callback

        return callback()
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name in _CLASSES:
        return getattr(import_module(f"{__name__}.{_CLASSES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
