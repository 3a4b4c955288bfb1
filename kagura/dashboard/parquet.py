"""Rows as a Parquet file, in chunks of bytes: one row group at a time is in memory."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from kagura.errors import InputError
from kagura.model import JsonObject

GROUP = 5000
"""Rows of a row group, unless they are large."""
GROUP_BYTES = 32 << 20

_INSTANTS = ("started_at", "ended_at")
_DOLLARS = ("cost_usd", "estimated_cost_usd")
_FLAGS = ("inferred", "stream", "cost_estimated")
_COUNTS = ("http_status", "attempt", "llm_calls", "retries", "errors", "unknown_cost_calls")
_WORDS = ("input_messages", "parameters", "output_messages", "attributes")
"""Fields of any shape, which are JSON text."""


class _Buffer:
    """What a writer has written and nobody has taken yet."""

    closed = False

    def __init__(self) -> None:
        self._data = bytearray()

    def write(self, data: Any) -> int:
        """Take more."""
        self._data += memoryview(data).cast("B")
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Nothing more comes."""

    def take(self) -> bytes:
        """All that was written since the last time."""
        taken, self._data = bytes(self._data), bytearray()
        return taken


def parquet_file(rows: Iterable[JsonObject], fields: Sequence[str], *, of_spans: bool) -> Iterator[bytes]:
    """A Parquet file with these columns: instants in UTC, money as decimals, tags as a map, all else as it is in JSON.

    Raises InputError where pyarrow is not installed.
    """
    pyarrow, parquet = _library()
    columns = {name: _column(pyarrow, name, of_spans) for name in fields}
    schema = pyarrow.schema([(name, kind) for name, (kind, _) in columns.items()])
    out = _Buffer()
    with parquet.ParquetWriter(pyarrow.PythonFile(out, mode="w"), schema, compression="zstd") as writer:
        for group in _groups(rows):
            arrays = [
                pyarrow.array([read(row[name]) for row in group], type=kind) for name, (kind, read) in columns.items()
            ]
            writer.write_table(pyarrow.Table.from_arrays(arrays, schema=schema), row_group_size=len(group))
            yield out.take()
    yield out.take()


def _library() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise InputError("Parquet needs pyarrow", 'Install it: pip install "kagura[parquet]"') from None
    return pyarrow, pyarrow.parquet


def _groups(rows: Iterable[JsonObject]) -> Iterator[list[JsonObject]]:
    """Rows in groups that fit into memory, also with prompts in them."""
    group: list[JsonObject] = []
    size = 0
    for row in rows:
        for name in _WORDS:
            if name in row:
                row[name] = _json(row[name])
                size += len(row[name] or "")
        group.append(row)
        if len(group) >= GROUP or size >= GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _column(pyarrow: Any, name: str, of_spans: bool) -> tuple[Any, Callable[[Any], Any]]:
    """The type of a column, and how a value of JSON becomes one of it."""
    if name in _INSTANTS:
        return pyarrow.timestamp("us", tz="UTC"), _instant
    if name in _DOLLARS:
        return pyarrow.decimal128(38, 12), _dollars
    if name in _FLAGS:
        return pyarrow.bool_(), _same
    if name.endswith("_ms"):
        return pyarrow.float64(), _same
    if name == "tool_calls" and of_spans:
        return pyarrow.list_(pyarrow.string()), _same
    if name in _COUNTS or name.endswith(("_tokens", "_calls")):
        return pyarrow.int64(), _same
    if name == "tags":
        return pyarrow.map_(pyarrow.string(), pyarrow.string()), _pairs
    return pyarrow.string(), _same


def _same(value: Any) -> Any:
    return value


def _instant(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


def _dollars(value: str | None) -> Decimal | None:
    return None if value is None else Decimal(value)


def _pairs(value: dict[str, str]) -> list[tuple[str, str]]:
    return list(value.items())


def _json(value: Any) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()
