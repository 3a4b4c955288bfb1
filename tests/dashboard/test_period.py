import time
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from kagura.dashboard.period import Clock, Window, iso, parse_age, parse_day, parse_instant, window_before
from kagura.errors import InputError

BERLIN = ZoneInfo("Europe/Berlin")
NOON = int(datetime(2025, 10, 10, 12, 0, tzinfo=BERLIN).timestamp()) * 1_000_000
CLOCK = Clock(lambda: NOON, BERLIN)


def local(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=BERLIN).timestamp()) * 1_000_000  # type: ignore[arg-type, misc]


def test_a_day_begins_in_the_local_zone() -> None:
    assert parse_instant("2025-10-10", CLOCK, "--since") == local(2025, 10, 10)
    assert CLOCK.today() == int(datetime(2025, 10, 9, 22, tzinfo=UTC).timestamp()) * 1_000_000


def test_until_a_day_includes_it_even_when_the_clocks_change() -> None:
    start, end = (parse_instant("2025-10-26", CLOCK, "--until", end=end) for end in (False, True))
    assert end - start == 25 * 3_600_000_000


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("today", local(2025, 10, 10)),
        ("Yesterday", local(2025, 10, 9)),
        ("2025-10-10T08:30", local(2025, 10, 10, 8, 30)),
        ("2025-10-10 08:30:15", local(2025, 10, 10, 8, 30, 15)),
        ("2025-10-10T08:30:00Z", local(2025, 10, 10, 10, 30)),
        ("2h", local(2025, 10, 10, 10)),
        ("7d", NOON - 7 * 86_400_000_000),
    ],
)
def test_instants_are_read_as_people_write_them(text: str, at: int) -> None:
    assert parse_instant(text, CLOCK, "--since") == at


@pytest.mark.parametrize("text", ["", "tomorow", "2025-13-01", "2025-02-30", "10/10/2025", "7y", "-3d", "99999999d"])
def test_what_is_no_instant_is_refused_with_the_accepted_forms(text: str) -> None:
    with pytest.raises(InputError, match="--since") as caught:
        parse_instant(text, CLOCK, "--since")
    assert "2025-10-10" in caught.value.remedy


@pytest.mark.parametrize("text", ["2025-10", "20251010", "7d", "0001-01-01x"])
def test_a_day_is_only_a_day(text: str) -> None:
    with pytest.raises(InputError, match="--date"):
        parse_day(text, CLOCK, "--date")


def test_days_have_names() -> None:
    assert parse_day("yesterday", CLOCK, "--date") == date(2025, 10, 9)


@pytest.mark.parametrize("text", ["0d", "week", "7", "d7"])
def test_what_is_no_age_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="--last"):
        parse_age(text, "--last")


def test_times_of_other_days_show_their_date() -> None:
    assert CLOCK.recent(local(2025, 10, 10, 8, 5, 9)) == "08:05:09"
    assert CLOCK.recent(local(2025, 10, 9, 8, 5, 9)) == "10-09 08:05"


@pytest.mark.parametrize("hour", [0, 1, 2, 3, 12])
def test_the_machines_zone_knows_when_clocks_change(hour: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        moment = datetime(2025, 10, 26, hour, 30, 5, 7, tzinfo=UTC)
        at = round(moment.timestamp()) * 1_000_000 + 7
        here = Clock(lambda: at)
        assert here.moment(at).isoformat() == moment.astimezone(BERLIN).isoformat()
        assert here.today() == local(2025, 10, 26)
        assert here.midnight(date(2025, 10, 27)) == local(2025, 10, 27)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_iso_has_microseconds_in_utc() -> None:
    assert iso(local(2025, 10, 10, 2) + 7) == "2025-10-10T00:00:00.000007Z"
    assert iso(None) is None


@pytest.mark.parametrize(
    ("window", "before"),
    [
        ((local(2025, 10, 8), local(2025, 10, 9)), (local(2025, 10, 7), local(2025, 10, 8))),
        ((local(2025, 10, 10), local(2025, 10, 11)), (local(2025, 10, 9), local(2025, 10, 9, 12))),
        ((local(2025, 10, 10, 6), None), (local(2025, 10, 10), local(2025, 10, 10, 6))),
        ((local(2025, 9, 1), local(2025, 10, 1)), (local(2025, 8, 2), local(2025, 9, 1))),
        ((local(2025, 3, 31), local(2025, 4, 1)), (local(2025, 3, 30), local(2025, 3, 31))),
    ],
    ids=["a past day", "a day that is not over", "an age", "a month of days", "after a short day"],
)
def test_the_stretch_before(window: tuple[int, int | None], before: tuple[int, int]) -> None:
    assert window_before(Window(*window), CLOCK) == Window(*before)


def test_before_a_stretch_without_a_beginning_there_is_nothing() -> None:
    assert window_before(Window(None, NOON), CLOCK) is None
