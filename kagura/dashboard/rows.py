"""Rows in the formats of `kagura export`, as chunks of bytes."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from kagura.model import JsonObject

_encode = msgspec.json.Encoder().encode
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What makes spreadsheets take text for a formula (OWASP, CSV injection)."""


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


def csv_table(rows: Iterable[JsonObject]) -> Iterator[bytes]:
    """A table with a head; lists and objects as JSON, text that looks like a formula behind an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for number, row in enumerate(rows):
        if number == 0:
            writer.writerow(row)
        writer.writerow([_cell(value) for value in row.values()])
        yield out.getvalue().encode()
        out.seek(0)
        out.truncate()


def _cell(value: Any) -> Any:
    if isinstance(value, list | dict):
        value = json.dumps(value, ensure_ascii=False) if value else ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


FORMATS: dict[str, Callable[[Iterable[JsonObject]], Iterator[bytes]]] = {
    "jsonl": json_lines,
    "json": json_array,
    "csv": csv_table,
}
