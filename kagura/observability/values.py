"""Any Python value as JSON that is small enough to be recorded."""

from collections.abc import Mapping, Set
from typing import Any

MAX_TEXT = 20_000
"""Characters of a text that are kept."""
MAX_ITEMS = 200
MAX_DEPTH = 6
_LARGEST_INTEGER = 1 << 63


def plain(value: Any, depth: int = MAX_DEPTH) -> Any:
    """The value as JSON: long ones are cut, objects become their fields or their `repr`. Never raises."""
    try:
        # What most values are, without a step for each: an agent waits for it.
        kind = type(value)
        if kind is str and len(value) <= MAX_TEXT:
            return value
        if kind is dict and len(value) <= MAX_ITEMS and depth > 0:
            return {
                (name if type(name) is str else str(name)): (
                    item if type(item) is str and len(item) <= MAX_TEXT else plain(item, depth - 1)
                )
                for name, item in value.items()
            }
        return _plain(value, depth)
    except Exception as error:
        return f"<{type(value).__name__}: {type(error).__name__}>"


def _plain(value: Any, depth: int) -> Any:
    kind = type(value)
    if value is None or kind is bool or kind is float:
        return value
    if isinstance(value, str):
        return str(value) if len(value) <= MAX_TEXT else f"{value[:MAX_TEXT]}…"
    if isinstance(value, int):
        return int(value) if -_LARGEST_INTEGER <= value < _LARGEST_INTEGER else str(value)
    if isinstance(value, float):
        return float(value)
    if depth <= 0:
        return _cut(repr(value))
    if isinstance(value, Mapping):
        items = list(value.items())[:MAX_ITEMS]
        return {key if type(key) is str else str(key): plain(item, depth - 1) for key, item in items}
    if isinstance(value, list | tuple | Set):
        return [plain(item, depth - 1) for item in list(value)[:MAX_ITEMS]]
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    dump = getattr(value, "model_dump", None)
    if callable(dump) and not isinstance(value, type):
        return plain(dump(), depth - 1)
    return _cut(repr(value))


def _cut(text: str) -> str:
    return text if len(text) <= 500 else f"{text[:500]}…"
