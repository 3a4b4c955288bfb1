"""Values as text for a terminal: foreign strings made harmless, money, durations, counts.

Prompts, names, errors and tool arguments come from outside. `safe` turns them into one line that a terminal shows
and never obeys; what it returns goes into `rich.text.Text`, never into Rich markup.
"""

import re
import unicodedata
from decimal import Decimal

from rich.cells import cell_len, set_cell_size
from rich.text import Text

UNKNOWN = "unknown"
NOTHING = "-"

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
    head = str(text)[: limit * 2]
    line = " ".join(_UNUSUAL.sub(_visible, head).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


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


def cell(text: object, style: str = "", *, right: bool = False) -> Text:
    """A foreign string as the text of one row: cut with an ellipsis where it does not fit."""
    return Text(safe(text), style=style, no_wrap=True, overflow="ellipsis", justify="right" if right else None)


def cut(text: object, width: int) -> str:
    """A foreign string in at most `width` terminal cells; wide characters count two."""
    line = safe(text)
    if cell_len(line) <= width:
        return line
    return set_cell_size(line, width - 1).rstrip() + "…" if width > 0 else ""


def quoted(text: str) -> str:
    """A preview between quotation marks."""
    return f'"{safe(text)}"'


def money(amount: Decimal | None, *, estimated: bool = False) -> str:
    """US dollars: `$0.0044`, `$2.45`, `~$0.0010` where estimated, `unknown` for `None`.

    A cost that is not zero never looks like zero: below a tenth of a cent two digits that count are shown.
    """
    if amount is None:
        return UNKNOWN
    size = abs(amount)
    if size == 0 or size >= 1:
        number = f"{size:,.2f}"
    elif size >= Decimal("0.1"):
        number = f"{size:.4f}"
        number = number[:-2] if number.endswith("00") else number
    elif size >= Decimal("0.001"):
        number = f"{size:.4f}"
    else:
        number = f"{size:.{1 - size.adjusted()}f}"
    return ("~" if estimated else "") + ("-" if amount < 0 else "") + "$" + number


def duration(micros: int | None) -> str:
    """A span of time, shortest readable form: `1.4ms`, `45ms`, `7.2s`, `3m 12s`, `2h 05m`, `3d 04h`."""
    if micros is None:
        return NOTHING
    seconds = max(micros, 0) / 1_000_000
    if seconds < 0.00995:
        return f"{seconds * 1000:.1f}ms"
    if seconds < 0.0995:
        return f"{seconds * 1000:.0f}ms"
    if seconds < 59.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    if whole < 86400:
        return f"{whole // 3600}h {whole % 3600 // 60:02d}m"
    return f"{whole // 86400}d {whole % 86400 // 3600:02d}h"


def count(number: int | None) -> str:
    """A count with thousands separators; `-` where nobody said."""
    return NOTHING if number is None else f"{number:,}"


def tokens(number: int | None) -> str:
    """A number of tokens: exact to ten million, `12.3M` and `1.2B` beyond."""
    if number is None or number < 10_000_000:
        return count(number)
    return f"{number / 1e6:,.1f}M" if number < 1_000_000_000 else f"{number / 1e9:,.1f}B"


def plural(number: int, noun: str) -> str:
    """`1 call`, `2 calls`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def percent(part: float, whole: float) -> str:
    """A share as whole percent; `-` of nothing."""
    return f"{100 * part / whole:.0f}%" if whole else NOTHING
