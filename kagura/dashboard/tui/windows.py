"""Stretches of time that the monitor can look back."""

from typing import NamedTuple

from kagura.dashboard.period import Clock
from kagura.store.questions import Look, RunsQuery

MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
_QUARTER = 15 * MINUTE


class TimeWindow(NamedTuple):
    """One of them: its name, its length (`None` for all there is, 0 for the present day), and how rates are drawn."""

    name: str
    length: int | None
    rate_over: int
    rate_step: int

    def since(self, clock: Clock) -> int | None:
        """The instant at which it begins; long ones begin with a quarter of an hour, for which sums are kept."""
        if self.length is None:
            return None
        if self.length == 0:
            return clock.today()
        start = clock.now() - self.length
        return start if self.length <= HOUR else start // _QUARTER * _QUARTER


WINDOWS = (
    TimeWindow("all", None, 15 * MINUTE, MINUTE // 4),
    TimeWindow("15 min", 15 * MINUTE, 15 * MINUTE, MINUTE // 4),
    TimeWindow("hour", HOUR, HOUR, MINUTE),
    TimeWindow("today", 0, DAY, 2 * _QUARTER),
    TimeWindow("24 h", DAY, DAY, 2 * _QUARTER),
    TimeWindow("7 days", 7 * DAY, 7 * DAY, 3 * HOUR),
    TimeWindow("30 days", 30 * DAY, 30 * DAY, 12 * HOUR),
)


def look(query: RunsQuery, window: TimeWindow, clock: Clock, seen: str) -> Look:
    """The question of the first screen, for this person's midnight."""
    today = clock.today()
    start = (clock.now() - window.rate_over) // window.rate_step * window.rate_step
    return Look(
        query=query,
        window=window.name,
        today=today,
        week=today - 6 * DAY,
        pulse_since=start,
        pulse_width=window.rate_step,
        seen=seen,
    )
