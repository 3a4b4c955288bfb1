"""Journal → spans: reads, prices, finds the execution, redacts, writes. The only writer of the store.

The service, with the libraries of the store, is imported when it is first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kagura.collector.service import Collector, drain, run

__all__ = ["Collector", "drain", "run"]


def __getattr__(name: str) -> Any:
    """Import what was not imported yet."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module("kagura.collector.service"), name)
    return value
