"""What a month comes to: the one meaning that all screens, JSON and `telemetry_db` give to the word."""

from decimal import Decimal

DAY = 86_400_000_000
MONTH_DAYS = 30


def monthly(billed: Decimal, since: int | None, until: int | None, *, first: int | None, now: int) -> Decimal | None:
    """What thirty days cost at the pace of [since, until), of which `billed` is the sum.

    The time before the first recorded day (`first` is its midnight), and that which is still to come, are not part of
    the stretch; less than a day counts as a whole one. `None` where nothing is recorded.
    """
    if first is None:
        return None
    begins = first if since is None else max(since, first)
    ends = now if until is None else min(until, now)
    return billed / max(Decimal(ends - begins) / DAY, Decimal(1)) * MONTH_DAYS
