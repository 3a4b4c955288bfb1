"""Rows in the formats of `kagura export`, as chunks of bytes."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec

from kagura.model import JsonObject

_encode = msgspec.json.Encoder().encode
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What makes spreadsheets take text for a formula (OWASP, CSV injection)."""
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")


def json_lines(rows: Iterable[JsonObject]) -> Iterator[bytes]:
    """One object a line."""
    for row in rows:
        yield _encode(row) + b"\n"


def json_array(rows: Iterable[JsonObject]) -> Iterator[bytes]:
    """One array, an object a line."""
    opening = b"[\n"
    for row in rows:
        yield opening + _encode(row)
        opening = b",\n"
    yield b"[]\n" if opening == b"[\n" else b"\n]\n"


def csv_table(rows: Iterable[JsonObject], fields: Sequence[str] = ()) -> Iterator[bytes]:
    """A table with a head; lists and objects as JSON, text that looks like a formula behind an apostrophe.

    The head is that of the first row where no `fields` are given.
    """
    if fields:
        yield _line(fields)
    for number, row in enumerate(rows):
        if number == 0 and not fields:
            yield _line(row)
        yield _line(_cell(value) for value in row.values())


def _line(cells: Iterable[Any]) -> bytes:
    # The writer puts into quotes what holds a character of its own line end: a lone CR would end a line elsewhere.
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue().removesuffix("\r\n").encode() + b"\n"


def _cell(value: Any) -> Any:
    if isinstance(value, list | dict):
        value = json.dumps(value, ensure_ascii=False) if value else ""
    if isinstance(value, bool):
        return str(value).lower()
    is_formula = isinstance(value, str) and value.lstrip(" ").startswith(_FORMULA) and not _NUMBER.fullmatch(value)
    return f"'{value}" if is_formula else value


FORMATS: dict[str, Callable[[Iterable[JsonObject]], Iterator[bytes]]] = {
    "jsonl": json_lines,
    "json": json_array,
    "csv": csv_table,
}
