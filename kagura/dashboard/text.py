"""Foreign strings made harmless for a terminal.

Prompts, names, errors and tool arguments come from outside. `safe` turns them into one line that a terminal shows
and never obeys; what it returns goes into `rich.text.Text`, never into Rich markup.
"""

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.text import Text

_LONGEST = 2_000
"""Characters of a foreign string that are looked at: no terminal row holds more."""

_BIDI = range(0x202A, 0x202F), range(0x2066, 0x206A)
_INVISIBLE = frozenset("\u00ad\u061c\u180e\u200b\u200e\u200f\u2060\u2061\u2062\u2063\u2064\ufeff")
_UNUSUAL = re.compile("[^ -~]")
_REPLACEMENT = "\ufffd"


def safe(text: object, limit: int = _LONGEST) -> str:
    """`text` as one line without control, direction or invisible characters, at most `limit` characters of it.

    Runs of white space become one space, control characters their visible pictures (ESC is ␛, NUL is ␀), direction
    overrides and broken surrogates �; invisible characters are dropped.
    """
    line = " ".join(visible(str(text)[: limit * 2]).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def visible(text: str) -> str:
    """The same for text that keeps its blanks: each white space character becomes one blank."""
    return _UNUSUAL.sub(_visible, text)


def _visible(match: re.Match[str]) -> str:
    char = match[0]
    code = ord(char)
    if char.isspace():
        return " "
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    if any(code in span for span in _BIDI) or unicodedata.category(char) in {"Cc", "Cs", "Co"}:
        return _REPLACEMENT
    return "" if char in _INVISIBLE or 0xE0000 <= code < 0xE1000 else char


def cell(text: object, style: str = "", *, right: bool = False) -> "Text":
    """A foreign string as the text of one row: cut with an ellipsis where it does not fit."""
    from rich.text import Text

    return Text(safe(text), style=style, no_wrap=True, overflow="ellipsis", justify="right" if right else None)


def cut(text: object, width: int) -> str:
    """A foreign string in at most `width` terminal cells; wide characters count two."""
    from rich.cells import cell_len, set_cell_size

    line = safe(text)
    if cell_len(line) <= width:
        return line
    return set_cell_size(line, width - 1).rstrip() + "…" if width > 0 else ""


def quoted(text: str) -> str:
    """A preview between quotation marks."""
    return f'"{safe(text)}"'
