import csv
import io
import json

from kagura.dashboard.rows import FORMATS, csv_table
from kagura.model import JsonObject

ROWS: list[JsonObject] = [
    {"id": "a", "name": '=HYPERLINK("http://evil")', "tokens": -5, "tags": {"k": "=1"}, "tools": [], "ok": True},
    {"id": "b", "name": 'two\n"lines", 日本', "tokens": None, "tags": {}, "tools": ["x"], "ok": False},
]


def written(form: str, rows: list[JsonObject] = ROWS) -> str:
    return b"".join(FORMATS[form](iter(rows))).decode()


def test_json_lines_are_one_object_a_line() -> None:
    lines = written("jsonl").splitlines()
    assert [json.loads(line) for line in lines] == ROWS


def test_json_is_one_array_even_of_nothing() -> None:
    assert json.loads(written("json")) == ROWS
    assert json.loads(written("json", [])) == []
    assert written("jsonl", []) == ""


def test_csv_cells_are_no_formulas() -> None:
    rows = list(csv.DictReader(io.StringIO(written("csv"), newline="")))
    assert rows[0]["name"] == '\'=HYPERLINK("http://evil")'
    assert rows[0]["tokens"] == "-5"
    assert rows[0]["tags"] == '{"k": "=1"}'
    assert rows[1]["name"] == 'two\n"lines", 日本'
    assert (rows[1]["tokens"], rows[1]["tools"], rows[1]["ok"]) == ("", '["x"]', "false")


def test_numbers_stay_numbers_however_they_are_written() -> None:
    cells = ["-0.5", "+1", "1e-7", "-", "-1+1", " =1", "＝1", "@x", "\tx", "\rx"]
    (row,) = csv.DictReader(io.StringIO(written("csv", [dict(zip("abcdefghij", cells, strict=True))]), newline=""))
    assert list(row.values()) == ["-0.5", "+1", "1e-7", "'-", "'-1+1", "' =1", "'＝1", "'@x", "'\tx", "'\rx"]


def test_a_table_of_nothing_has_a_head_where_its_fields_are_known() -> None:
    assert b"".join(csv_table([], ["id", "name"])) == b"id,name\n"
    assert b"".join(csv_table([{"id": "a", "name": "b"}], ["id", "name"])) == b"id,name\na,b\n"
    assert b"".join(csv_table([])) == b""
