"""Parquet: the types that tools for data expect, made without holding more than a group of rows."""

import builtins
import io
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from kagura.dashboard import parquet
from kagura.dashboard.parquet import parquet_file
from kagura.errors import InputError
from kagura.model import JsonObject
from kagura.store.export import CONTENT_FIELDS, EXECUTION_FIELDS, SPAN_FIELDS, content_object, span_object
from tests.store.things import T, asks, cost, llm, running


def table(rows: list[JsonObject], fields: tuple[str, ...] = SPAN_FIELDS, *, of_spans: bool = True) -> Any:
    data = b"".join(parquet_file(iter(rows), fields, of_spans=of_spans))
    return pyarrow.parquet.read_table(io.BytesIO(data))


def test_a_span_has_real_types() -> None:
    call = llm(1, tool_calls=asks("search"), tags={"team": "red"}, attributes={"step": 1}, cost=cost("0.000000000001"))
    found = table([span_object(call), span_object(running(2))])
    assert found.column_names == list(SPAN_FIELDS)
    first, second = found.to_pylist()
    assert first["started_at"] == datetime.fromtimestamp(T / 1_000_000, UTC)
    assert (first["cost_usd"], first["input_tokens"], first["duration_ms"]) == (Decimal("1e-12"), 100, 2000.0)
    assert (first["tool_calls"], first["tags"], first["inferred"]) == (["search"], [("team", "red")], False)
    assert first["attributes"] == '{"step":1}'
    assert (second["ended_at"], second["cost_usd"], second["input_tokens"]) == (None, None, None)
    types = {field.name: str(field.type) for field in found.schema}
    assert types["started_at"] == "timestamp[us, tz=UTC]"
    assert types["cost_usd"] == "decimal128(38, 12)"
    assert types["http_status"] == types["reasoning_tokens"] == types["attempt"] == "int64"
    assert types["stream"] == types["cost_estimated"] == "bool"


def test_nothing_is_a_table_too() -> None:
    assert table([]).num_rows == 0
    runs = table([], EXECUTION_FIELDS, of_spans=False)
    types = {field.name: str(field.type) for field in runs.schema}
    assert types["tool_calls"] == types["llm_calls"] == types["unknown_cost_calls"] == "int64"
    assert types["estimated_cost_usd"] == "decimal128(38, 12)"


def test_contents_are_json_text() -> None:
    row = span_object(llm(1)) | content_object(llm(1, input_preview="Hi"), None)
    (found,) = table([row], SPAN_FIELDS + CONTENT_FIELDS).to_pylist()
    assert (found["input_messages"], found["parameters"], found["input_preview"]) == ("[]", None, "Hi")


def rows(number: int) -> Iterator[JsonObject]:
    for index in range(number):
        yield span_object(llm(index, T + index, name=f"call {index}", tags={"n": str(index)}))


def peak(number: int) -> int:
    """The most memory that Python needs to write so many rows."""
    tracemalloc.start()
    try:
        written = sum(map(len, parquet_file(rows(number), SPAN_FIELDS, of_spans=True)))
        assert written > number
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_more_rows_need_no_more_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "GROUP", 250)
    table([])
    assert peak(4000) < 1.5 * peak(500)


def test_large_rows_make_small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "GROUP_BYTES", 1000)
    large = [span_object(llm(number, attributes={"words": "x" * 400})) for number in range(9)]
    data = b"".join(parquet_file(large, SPAN_FIELDS, of_spans=True))
    file = pyarrow.parquet.ParquetFile(io.BytesIO(data))
    assert file.metadata.num_row_groups == 3
    assert file.read().column("id").to_pylist() == [row["id"] for row in large]


def test_without_pyarrow_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match=r"pip install \"kagura\[parquet\]\""):
        next(parquet_file([], SPAN_FIELDS, of_spans=True))
