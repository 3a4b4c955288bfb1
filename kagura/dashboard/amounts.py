"""Amounts as text: money, durations, counts, shares. Needs the standard library's decimals and nothing else."""

from decimal import Decimal

UNKNOWN = "unknown"
NOTHING = "-"


def money(amount: Decimal | None, *, estimated: bool = False) -> str:
    """US dollars: `$0.0044`, `$2.45`, `~$0.0010` where estimated, `unknown` for `None`.

    A cost that is not zero never looks like zero: below a tenth of a cent two digits that count are shown.
    """
    if amount is None:
        return UNKNOWN
    size = abs(amount)
    if size == 0 or size >= 1:
        number = f"{size:,.2f}"
    elif size >= Decimal("0.1"):
        number = f"{size:.4f}"
        number = number[:-2] if number.endswith("00") else number
    elif size >= Decimal("0.001"):
        number = f"{size:.4f}"
    else:
        number = f"{size:.{1 - size.adjusted()}f}"
    return ("~" if estimated else "") + ("-" if amount < 0 else "") + "$" + number


def about(amount: Decimal) -> str:
    """US dollars that were computed ahead, whole from ten on: `~$137`, `~$4.20`."""
    return f"~${amount:,.0f}" if amount >= 10 else money(amount, estimated=True)


def duration(micros: int | None) -> str:
    """A span of time, shortest readable form: `1.4ms`, `45ms`, `7.2s`, `3m 12s`, `2h 05m`, `3d 04h`."""
    if micros is None:
        return NOTHING
    seconds = max(micros, 0) / 1_000_000
    if seconds < 0.00995:
        return f"{seconds * 1000:.1f}ms"
    if seconds < 0.0995:
        return f"{seconds * 1000:.0f}ms"
    if seconds < 59.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    if whole < 86400:
        return f"{whole // 3600}h {whole % 3600 // 60:02d}m"
    return f"{whole // 86400}d {whole % 86400 // 3600:02d}h"


def count(number: int | None) -> str:
    """A count with thousands separators; `-` where nobody said."""
    return NOTHING if number is None else f"{number:,}"


def tokens(number: int | None) -> str:
    """A number of tokens: exact to ten million, `12.3M` and `1.2B` beyond."""
    if number is None or number < 10_000_000:
        return count(number)
    return f"{number / 1e6:,.1f}M" if number < 1_000_000_000 else f"{number / 1e9:,.1f}B"


def plural(number: int, noun: str) -> str:
    """`1 call`, `2 calls`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def percent(part: float, whole: float) -> str:
    """A share as whole percent; `-` of nothing."""
    return f"{100 * part / whole:.0f}%" if whole else NOTHING


def bill_text(billed: Decimal, estimated: Decimal, unknown_calls: int) -> str:
    """The three parts of a sum in one cell; `~` marks what was estimated."""
    parts = [money(billed)] if billed else []
    if estimated:
        parts.append(money(estimated, estimated=True))
    if unknown_calls:
        parts.append(f"{unknown_calls} {UNKNOWN}" if parts else UNKNOWN)
    return " + ".join(parts) or NOTHING


def least_text(billed: Decimal, estimated: Decimal, unknown_calls: int) -> str:
    """The same in few cells: the certain part, with `+` where there is more."""
    if billed and (estimated or unknown_calls):
        return f"{money(billed)}+"
    if estimated and unknown_calls:
        return f"{money(estimated, estimated=True)}+"
    return bill_text(billed, estimated, unknown_calls)
