from decimal import Decimal

import pytest
from rich.cells import cell_len

from kagura.dashboard.amounts import duration, money, percent, plural
from kagura.dashboard.text import cut, safe


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (None, "unknown"),
        ("0", "$0.00"),
        ("0.0044", "$0.0044"),
        ("0.0010", "$0.0010"),
        ("0.00014", "$0.00014"),
        ("0.89", "$0.89"),
        ("0.1234", "$0.1234"),
        ("2.45", "$2.45"),
        ("1234.5", "$1,234.50"),
        ("0.00004", "$0.000040"),
        ("0.0000000123", "$0.000000012"),
        ("0.00009999", "$0.000100"),
        ("-0.5", "-$0.50"),
    ],
)
def test_money_shows_digits_that_count(amount: str | None, shown: str) -> None:
    assert money(None if amount is None else Decimal(amount)) == shown


@pytest.mark.parametrize("exponent", range(1, 30))
def test_a_cost_that_is_not_zero_never_looks_like_zero(exponent: int) -> None:
    assert set(money(Decimal(3).scaleb(-exponent))) & set("123456789")


def test_estimated_money_is_marked() -> None:
    assert money(Decimal("0.001"), estimated=True) == "~$0.0010"


@pytest.mark.parametrize(
    ("micros", "shown"),
    [
        (None, "-"),
        (0, "0.0ms"),
        (400, "0.4ms"),
        (9_940, "9.9ms"),
        (9_960, "10ms"),
        (45_000, "45ms"),
        (99_400, "99ms"),
        (99_600, "0.1s"),
        (7_200_000, "7.2s"),
        (59_940_000, "59.9s"),
        (59_960_000, "1m 00s"),
        (192_000_000, "3m 12s"),
        (3_599_900_000, "1h 00m"),
        (7_500_000_000, "2h 05m"),
        (273_600_000_000, "3d 04h"),
        (-5, "0.0ms"),
    ],
)
def test_durations_take_their_shortest_readable_form(micros: int | None, shown: str) -> None:
    assert duration(micros) == shown


def test_escape_sequences_become_visible() -> None:
    assert safe("\x1b[31mred\x1b]0;title\x07") == "␛[31mred␛]0;title␇"
    assert safe("a\x00b\x7fc") == "a␀b␡c"


def test_c1_controls_and_direction_overrides_become_replacement_characters() -> None:
    assert safe("a\x9b31mb") == "a\ufffd31mb"
    assert safe("user\u202egpj.exe\u2066") == "user\ufffdgpj.exe\ufffd"


def test_invisible_characters_and_tags_vanish() -> None:
    assert safe("pay\u200b\u200fpal\ufeff\U000e0041") == "paypal"


def test_white_space_of_every_kind_is_one_space() -> None:
    assert safe(" one\r\n\ttwo\u2028three\u0085four ") == "one two three four"


def test_broken_surrogates_can_be_printed() -> None:
    assert safe("a\ud800b").encode() == "a\ufffdb".encode()


def test_words_of_every_script_and_joined_emoji_stay() -> None:
    text = "naïve 日本語 العربية 👩‍👩‍👧‍👦 🇯🇵"
    assert safe(text) == text


def test_a_long_text_is_cut_without_being_walked_through() -> None:
    assert safe("x" * 10_000_000, 50) == "x" * 49 + "…"


@pytest.mark.parametrize("width", range(1, 12))
def test_a_cut_text_fits_its_cells(width: int) -> None:
    assert cell_len(cut("日本語テキスト", width)) <= width


def test_what_fits_is_not_cut() -> None:
    assert cut("日本語", 6) == "日本語"
    assert cut("日本語", 5) == "日本…"
    assert cut("x", 0) == ""


def test_counts_have_words() -> None:
    assert [plural(0, "call"), plural(1, "call"), plural(1200, "call")] == ["0 calls", "1 call", "1,200 calls"]
    assert [percent(3, 4), percent(1, 0)] == ["75%", "-"]
