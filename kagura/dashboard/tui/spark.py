"""Rates as a row of small bars."""

from collections.abc import Sequence

BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float]) -> str:
    """One character a value, as high as its share of the largest; a blank for nothing at all."""
    top = max(values, default=0)
    return "".join(_bar(value / top) if value > 0 else " " for value in values) if top > 0 else " " * len(values)


def _bar(share: float) -> str:
    return BARS[min(int(share * len(BARS)), len(BARS) - 1)]


def fitted(values: Sequence[float], width: int) -> list[float]:
    """The values in at most `width` places, neighbours added together where there are more."""
    if width <= 0:
        return []
    size = -(-len(values) // width) or 1
    first = len(values) % size
    groups = [values[:first]] if first else []
    groups += [values[at : at + size] for at in range(first, len(values), size)]
    return [sum(group) for group in groups]
