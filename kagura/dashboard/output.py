"""The way out: a console that never interprets data, and JSON that is safe to look at."""

import io
import json
import re
import sys
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, TextIO

import msgspec
from rich.console import Console, Group, RenderableType
from rich.text import Text

_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
"""Characters that terminals act upon or that cannot be encoded; JSON allows most of them as they are."""


def console(file: TextIO | None = None) -> Console:
    """A console on standard output: no markup, no emoji codes, no highlighting; `NO_COLOR` and `COLUMNS` hold."""
    file = file or sys.stdout
    if isinstance(file, io.TextIOWrapper):
        file.reconfigure(errors="replace")
    return Console(file=file, markup=False, emoji=False, highlight=False)


def print_lines(rows: Iterable[RenderableType | str]) -> None:
    """Rows on standard output, each cut to the width at hand.

    As one group: a Text that is printed alone loses that it must not wrap.
    """
    console().print(Group(*(Text(row) if isinstance(row, str) else row for row in rows)))


def json_text(document: Any, *, indent: int | None = 2) -> str:
    """A document as JSON; amounts are decimal strings, characters that a terminal would obey are escaped."""
    plain = msgspec.to_builtins(document, enc_hook=str, builtin_types=(Decimal,), str_keys=True)
    text = json.dumps(plain, indent=indent, ensure_ascii=not _utf8(), default=_amount)
    return _escaped(text)


def for_eyes(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Rows on their way to a terminal, with the characters that it would obey escaped as in JSON."""
    for chunk in chunks:
        yield _escaped(chunk.decode()).encode()


def print_chunks(chunks: Iterable[bytes]) -> None:
    """Rows on standard output as they are, but for the eyes where that is a terminal."""
    for chunk in for_eyes(chunks) if sys.stdout.isatty() else chunks:
        sys.stdout.write(chunk.decode())


def _escaped(text: str) -> str:
    return _OBEYED.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def print_json(document: Any) -> None:
    """A document as JSON on standard output."""
    sys.stdout.write(json_text(document) + "\n")


def _utf8() -> bool:
    return (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "") == "utf8"


def _amount(value: Any) -> str:
    return format(value, "f") if isinstance(value, Decimal) else str(value)
