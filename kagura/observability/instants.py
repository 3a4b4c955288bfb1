"""Instants as people give them."""

from datetime import UTC, date, datetime, time, timedelta

from kagura.errors import InputError

When = str | float | date | datetime
"""ISO 8601 (`2025-10-10`, `2025-10-10T17:45:23+02:00`), seconds since the epoch, a date or a datetime.

What names no zone is local time; a date is its first moment.
"""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_us(when: When | None) -> int | None:
    """Microseconds since the epoch. Raises InputError for text that is no time."""
    if when is None:
        return None
    if isinstance(when, int | float):
        return round(when * 1_000_000)
    moment = _moment(when)
    return (moment.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1)


def day_bounds(day: When) -> tuple[int, int]:
    """The first instants of the local day that holds a moment, and of the next."""
    us = to_us(day) or 0
    start = datetime.combine((_EPOCH + timedelta(microseconds=us)).astimezone().date(), time.min)
    return to_us(start) or 0, to_us(start + timedelta(days=1)) or 0


def _moment(when: str | date | datetime) -> datetime:
    if isinstance(when, datetime):
        return when
    if isinstance(when, date):
        return datetime.combine(when, time.min)
    try:
        return datetime.fromisoformat(when.strip())
    except ValueError:
        raise InputError(f"{when!r} is no time", "Such as 2025-10-10 or 2025-10-10T17:45.") from None
