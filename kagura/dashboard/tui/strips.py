"""Rows of text as strips of terminal cells: never wider than the row, whatever is in them."""

from collections.abc import Iterable

from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.strip import Strip

_FLAGS = {0x1F1E6 + letter: chr(ord("A") + letter) for letter in range(26)}
_JOINERS = dict.fromkeys((0x200D, *range(0xFE00, 0xFE10), *range(0x1F3FB, 0x1F400)))
_STEADY: dict[int, str | None] = {**_FLAGS, **_JOINERS}
"""Terminals disagree about the width of joined emoji, skin tones and flags: the parts are shown by themselves."""


def steady(text: str) -> str:
    """The same text with a width that all terminals agree about."""
    return text if text.isascii() else text.translate(_STEADY)


def strip_of(text: Text, width: int, console: Console, style: Style | None = None) -> Strip:
    """One row of `width` cells; what does not fit is cut with an ellipsis."""
    text.rstrip()
    # A text without spans renders without its own style.
    strip = Strip(_steady(text.render(console))).apply_style(console.get_style(text.style))
    if strip.cell_length > width:
        strip = Strip([*strip.crop(0, max(width - 1, 0)), Segment("…" if width else "")])
    base = style or Style.null()
    return strip.apply_style(base).adjust_cell_length(width, base)


def _steady(segments: Iterable[Segment]) -> Iterable[Segment]:
    for text, style, control in segments:
        yield Segment(steady(text), style, control)
