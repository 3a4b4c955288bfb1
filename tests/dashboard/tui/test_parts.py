"""The small parts: rates, windows, messages, bars."""

import json
from decimal import Decimal

import msgspec
import pytest
from rich.console import Console
from rich.text import Text

from kagura.dashboard.tui.messages import pretty, role_and_text
from kagura.dashboard.tui.spark import fitted, sparkline
from kagura.dashboard.tui.spending import projected, series
from kagura.dashboard.tui.strips import strip_of
from kagura.dashboard.tui.waterfall import RUN, Waterfall
from kagura.dashboard.tui.windows import DAY, HOUR, MINUTE, WINDOWS, look
from kagura.model import SpanKind, Status
from kagura.store.questions import Board, Kept, Pulse, RunsQuery, Spent
from kagura.store.views import CostTotals, Trace
from tests.dashboard.samples import SECOND, at, clock, my_run, my_spans, seen, span


def test_sparklines() -> None:
    assert sparkline([0, 1, 4, 8]) == " ▂▅█"
    assert sparkline([0, 0]) == "  "
    assert sparkline([]) == ""
    assert sparkline([1e-9, 1]) == "▁█"


def test_more_values_than_places_are_added_together() -> None:
    assert fitted([1, 2, 3, 4, 5], 3) == [1, 5, 9]
    assert fitted([1, 2], 10) == [1, 2]
    assert fitted([1, 2], 0) == []


def test_rates_have_their_place_in_time() -> None:
    window = next(window for window in WINDOWS if window.name == "hour")
    now = at(17, 45, 30)
    pulses = [
        Pulse(at=at(17, 45, 0), calls=1, tokens=10, cost=Decimal(2)),
        Pulse(at=at(16, 46, 0), calls=1, tokens=5, cost=Decimal(1)),
    ]
    cost, tokens = series(pulses, window, now)
    assert (len(cost), cost[-1], cost[0], sum(tokens)) == (60, 2.0, 1.0, 15.0)


def spent(dollars: str) -> Spent:
    return Spent(cost=CostTotals(billed=Decimal(dollars)))


def test_a_month_is_thirty_days_at_the_weeks_pace_from_the_first_recorded_day_on() -> None:
    noon = clock(at(12, 0, 0))
    long_ago, three_days_ago, just_now = at(0, 0, 0) - 90 * DAY, at(17, 45, 0) - 3 * DAY, at(11, 59, 0)
    board = Board(
        mark="", runs=[], total=seen(), today=spent("1"), week=spent("13"), first=long_ago, pulses=[], flights=[]
    )
    # 13 dollars in 6.5 days, in 3.5 days, in a day that has begun.
    assert projected(board, noon) == 60
    assert projected(msgspec.structs.replace(board, first=three_days_ago), noon) == 30 * Decimal(13) / Decimal("3.5")
    assert projected(msgspec.structs.replace(board, first=just_now), noon) == 390
    assert projected(msgspec.structs.replace(board, week=Spent()), noon) is None


def test_windows_begin_where_sums_are_kept() -> None:
    now = clock()
    starts = {window.name: window.since(now) for window in WINDOWS}
    assert starts["all"] is None
    assert starts["today"] == at(0, 0, 0)
    assert starts["hour"] == at(16, 45, 30)
    assert starts["24 h"] is not None
    assert starts["24 h"] % (15 * MINUTE) == 0
    asked = look(RunsQuery(), WINDOWS[0], now, "")
    assert (asked.today, asked.week) == (at(0, 0, 0), at(0, 0, 0) - 6 * DAY)


@pytest.mark.parametrize(
    ("message", "role", "text"),
    [
        ({"role": "user", "content": "hello"}, "user", "hello"),
        ({"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, "user", "a\nb"),
        ({"role": "user", "parts": [{"text": "gemini"}]}, "user", "gemini"),
        (
            {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]},
            "assistant",
            "→ f()",
        ),
        (
            {"role": "assistant", "content": [{"type": "tool_use", "name": "g", "input": {"q": 1}}]},
            "assistant",
            '→ g({\n  "q": 1\n})',
        ),
        ({"role": "user", "content": [{"type": "tool_result", "content": "found"}]}, "user", "found"),
        ({"type": "function_call", "name": "h", "arguments": "not json"}, "function_call", "→ h(not json)"),
        ({"type": "function_call_output", "call_id": "1", "output": "ok"}, "function_call_output", "ok"),
        ({"role": "model", "parts": [{"functionCall": {"name": "k", "args": {}}}]}, "model", "→ k()"),
        ({"role": "user", "parts": [{"functionResponse": {"name": "k", "response": 1}}]}, "user", "← k: 1"),
        ({"role": "user", "content": {"odd": True}}, "user", '{\n  "odd": true\n}'),
        ("plain", "", "plain"),
        (None, "", ""),
    ],
)  # fmt: skip
def test_messages_of_every_dialect(message: object, role: str, text: str) -> None:
    data = json.dumps(message).encode()
    assert role_and_text(Kept(data=data, size=len(data))) == (role, text)


def test_images_are_told_of_by_their_size() -> None:
    part = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:" + "A" * 10_000}}]}
    data = json.dumps(part).encode()
    assert "… (10,005 characters)" in role_and_text(Kept(data=data, size=len(data)))[1]


@pytest.mark.parametrize("data", [b"\xff\xfe", b"[" * 100_000, b'{"a": 1', b""])
def test_what_is_no_json_is_shown_as_it_is(data: bytes) -> None:
    kept = Kept(data=data, size=len(data))
    assert role_and_text(kept) == ("", data.decode("utf-8", "replace"))
    assert pretty(kept) == data.decode("utf-8", "replace")


def test_a_cut_content_tells_what_is_missing() -> None:
    assert pretty(Kept(data=b'{"a": "x\\ny', size=2011)) == '{"a": "x\ny\n… 2,000 bytes more: o reads all, s saves it'


@pytest.mark.parametrize("width", [0, 1, 5, 40])
def test_a_strip_is_exactly_as_wide_as_its_row(width: int) -> None:
    for text in ("", "plain", "日本語日本語", "👩‍👩‍👧‍👦🇯🇵", "a" * 100):
        assert strip_of(Text(text), width, Console()).cell_length == width


def test_bars_stay_within_the_axis_whatever_the_times_are() -> None:
    odd = [
        span("early", SpanKind.TOOL, "early", -100, 1),
        span("late", SpanKind.TOOL, "late", 100, 500),
        span("back", SpanKind.TOOL, "back", 5, -3),
        span("none", SpanKind.TOOL, "none", 1, None, status=Status.INTERRUPTED),
    ]
    fall = Waterfall(Trace(execution=my_run(), spans=[*my_spans(), *odd]), clock())
    for width in (20, 58, 80, 300):
        rows = [fall.line(number, width).plain for number in range(len(fall))]
        assert len({len(row) for row in rows}) == 1
        assert all("━" in row for row in rows)


def test_a_run_of_no_time_and_no_spans() -> None:
    empty = Waterfall(Trace(execution=my_run(ended_at=at(17, 45, 23)), spans=[]), clock())
    assert (len(empty), empty.key(0), empty.latest(), empty.broken()) == (1, RUN, 0, [])
    assert "━" in empty.line(0, 80).plain


def test_folded_rows_are_counted() -> None:
    inner = [span(f"t{n}", SpanKind.TOOL, f"t{n}", n, 1, parent_id=f"t{n - 1}" if n else None) for n in range(30)]
    trace = Trace(execution=my_run(), spans=inner)
    assert len(Waterfall(trace, clock())) == 31
    folded = Waterfall(trace, clock(), frozenset({"t2"}))
    assert len(folded) == 4
    assert "(+27)" in folded.line(3, 80).plain
    assert HOUR == 3600 * SECOND
