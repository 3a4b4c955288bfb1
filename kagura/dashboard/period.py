"""Days and instants as people write them, in their own time zone."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo

import msgspec

from kagura.errors import InputError
from kagura.model import now_us

FORMS = (
    "Accepted: 2025-10-10, 2025-10-10T17:45, 2025-10-10T17:45:23+02:00, today, yesterday, "
    "or an age such as 30m, 12h, 7d, 2w."
)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_AGE = re.compile(r"(\d{1,6})\s*([smhdw])")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


class LocalZone(tzinfo):
    """The machine's own time zone with its summer times, as the C library knows it."""

    def fromutc(self, moment: datetime) -> datetime:
        """The local wall clock of a moment whose fields are UTC."""
        local = datetime.fromtimestamp(moment.replace(tzinfo=UTC).timestamp() // 1)
        return local.replace(microsecond=moment.microsecond, tzinfo=self)

    def utcoffset(self, moment: datetime | None) -> timedelta:
        """What the wall clock is ahead of UTC."""
        if moment is None:
            return timedelta(0)
        wall = moment.replace(tzinfo=None, microsecond=0)
        return wall - datetime.fromtimestamp(wall.timestamp(), UTC).replace(tzinfo=None)

    def dst(self, moment: datetime | None) -> None:
        """Unknown: the offset already holds it."""

    def tzname(self, moment: datetime | None) -> str:
        """How users would call it."""
        return "local"


LOCAL = LocalZone()


class Clock:
    """The present instant and the time zone in which days begin."""

    def __init__(self, now: Callable[[], int] = now_us, zone: tzinfo = LOCAL) -> None:
        self._now, self.zone = now, zone

    def now(self) -> int:
        """Microseconds since the epoch."""
        return self._now()

    def moment(self, at: int) -> datetime:
        """An instant with the zone's offset on that day."""
        moment = datetime.fromtimestamp(at // 1_000_000, self.zone)
        return moment.replace(microsecond=at % 1_000_000)

    def time(self, at: int) -> str:
        """`17:45:23`."""
        return self.moment(at).strftime("%H:%M:%S")

    def stamp(self, at: int) -> str:
        """`2025-10-10 17:45:23`."""
        return self.moment(at).strftime("%Y-%m-%d %H:%M:%S")

    def day(self, at: int) -> date:
        """The calendar day of an instant."""
        return self.moment(at).date()

    def midnight(self, day: date) -> int:
        """The instant at which a calendar day begins."""
        return int(datetime(day.year, day.month, day.day, tzinfo=self.zone).timestamp()) * 1_000_000

    def today(self) -> int:
        """The instant at which the present day began."""
        return self.midnight(self.day(self.now()))

    def recent(self, at: int) -> str:
        """The time of an instant of today, with the date before it otherwise."""
        return self.time(at) if at >= self.today() else self.moment(at).strftime("%m-%d %H:%M")


class Window(msgspec.Struct, frozen=True):
    """A stretch of time in microseconds since the epoch, its end left out."""

    since: int | None
    until: int | None


def parse_window(clock: Clock, day: str | None, since: str | None, until: str | None, last: str | None) -> Window:
    """The stretch that `--date`, `--since`, `--until` and `--last` name; of `--until` a whole day is included.

    Raises InputError where they contradict one another or cannot be read.
    """
    given = [flag for flag, text in (("--date", day), ("--last", last), ("--since", since or until)) if text]
    if len(given) > 1:
        raise InputError(
            f"{' and '.join(given)} cannot stand together", "Give --date, or --last, or --since and --until."
        )
    if day:
        start = parse_day(day, clock, "--date")
        return Window(clock.midnight(start), clock.midnight(start + timedelta(days=1)))
    if last:
        return Window(clock.now() - parse_age(last, "--last"), None)
    window = Window(
        parse_instant(since, clock, "--since") if since else None,
        parse_instant(until, clock, "--until", end=True) if until else None,
    )
    if window.since is not None and window.until is not None and window.since >= window.until:
        raise InputError(f"--since {since} is not before --until {until}", FORMS)
    return window


def window_before(window: Window, clock: Clock) -> Window | None:
    """The stretch of the same length before a window, as far into it as the window has come; `None` without a start.

    Before whole days lie whole days, also where the clocks were changed.
    """
    if window.since is None:
        return None
    now = clock.now()
    until = now if window.until is None else window.until
    first, last = clock.day(window.since), clock.day(until)
    if clock.midnight(first) == window.since and clock.midnight(last) == until and last > first:
        since = clock.midnight(first - (last - first))
    else:
        since = window.since - (until - window.since)
    # Of a window that is not over, the part that is over is compared.
    return Window(since, window.since if until <= now else since + max(now - window.since, 0))


def parse_day(text: str, clock: Clock, flag: str) -> date:
    """A calendar day: `2025-10-10`, `today`, `yesterday`. Raises InputError that names the accepted forms."""
    today = clock.day(clock.now())
    named = {"today": today, "yesterday": today - timedelta(days=1)}.get(text.strip().lower())
    if named:
        return named
    try:
        if not _DAY.fullmatch(text.strip()):
            raise ValueError
        day = date.fromisoformat(text.strip())
        clock.midnight(day)
    except (ValueError, OverflowError, OSError):
        raise InputError(f"{flag} {text!r} is not a day", "Accepted: 2025-10-10, today, yesterday.") from None
    return day


def parse_instant(text: str, clock: Clock, flag: str, *, end: bool = False) -> int:
    """An instant in microseconds; of a whole day its beginning, or with `end` the beginning of the next.

    Raises InputError that names the accepted forms.
    """
    word = text.strip()
    age = _AGE.fullmatch(word.lower())
    try:
        if age:
            return clock.now() - parse_age(word, flag)
        if word.lower() in {"today", "yesterday"} or _DAY.fullmatch(word):
            day = parse_day(word, clock, flag)
            return clock.midnight(day + timedelta(days=1) if end else day)
        moment = datetime.fromisoformat(word)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=clock.zone)
        return int(moment.timestamp()) * 1_000_000 + moment.microsecond
    except (ValueError, OverflowError, OSError):
        raise InputError(f"{flag} {text!r} is not a date or time", FORMS) from None


def parse_age(text: str, flag: str) -> int:
    """An age such as `7d` in microseconds. Raises InputError that names the accepted forms."""
    age = _AGE.fullmatch(text.strip().lower())
    if not age or not int(age[1]):
        raise InputError(f"{flag} {text!r} is not a length of time", "Accepted: 30m, 12h, 7d, 2w.")
    return int(age[1]) * _UNITS[age[2]] * 1_000_000


def iso(at: int | None) -> str | None:
    """An instant as UTC, ISO 8601 with microseconds: `2025-10-10T17:45:23.000000Z`."""
    if at is None:
        return None
    moment = datetime.fromtimestamp(at // 1_000_000, UTC).replace(microsecond=at % 1_000_000)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
