import io
import json
from decimal import Decimal

from rich.text import Text

from kagura.dashboard.output import console, for_eyes, json_text
from tests.dashboard.samples import HOSTILE


def test_json_stays_json_and_harmless() -> None:
    text = json_text({"text": HOSTILE, "cost": Decimal("0.00000012"), "kana": "神社"})
    assert json.loads(text)["text"] == HOSTILE
    assert json.loads(text)["cost"] == "0.00000012"
    assert "神社" in text
    assert not set(text) & set("\x1b\x00\x9b\u202e\u2066\ud800\x7f")


def test_a_console_that_cannot_encode_replaces() -> None:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding="ascii")
    console(file).print(Text("神社 ok"))
    file.flush()
    assert raw.getvalue().strip() == b"?? ok"


def test_a_console_takes_nothing_for_markup() -> None:
    file = io.StringIO()
    console(file).print("[bold]x[/bold] :smile:")
    assert file.getvalue() == "[bold]x[/bold] :smile:\n"


def test_rows_on_a_terminal_are_only_looked_at() -> None:
    row = "a,\x1b[2J\x9b31m\u202e神社\n".encode()
    assert b"".join(for_eyes([row])).decode() == "a,\\u001b[2J\\u009b31m\\u202e神社\n"
