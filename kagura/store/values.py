"""Values as the databases can hold them: exact money, bounded integers, clean text, JSON text."""

import hashlib
import json
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

KEY_LENGTH = 200
"""Characters of text that is indexed; an index row of PostgreSQL holds 2,704 bytes, and a key up to three texts."""

_PICO = 12
_EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)
_LARGEST_COST = Decimal(1_000_000)
_LARGEST_INTEGER = 1 << 53


def to_pico(dollars: Decimal | None) -> int | None:
    """US dollars as whole pico-dollars; `None` for what is no plausible cost of one call.

    The bound keeps a sum of millions of calls within 64 bits.
    """
    if dollars is None or not dollars.is_finite() or abs(dollars) > _LARGEST_COST:
        return None
    return int(dollars.scaleb(_PICO, _EXACT).to_integral_value(ROUND_HALF_EVEN, _EXACT))


def from_pico(pico: int | Decimal | None) -> Decimal:
    """Whole pico-dollars as US dollars without trailing zeros."""
    if not pico:
        return Decimal(0)
    return Decimal(f"{Decimal(int(pico)).scaleb(-_PICO, _EXACT).normalize(_EXACT):f}")


def to_decimal(text: str | None) -> Decimal | None:
    """A stored decimal; `None` where there is none or it cannot be read."""
    if text is None:
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def to_integer(value: int | None) -> int | None:
    """An integer as sent by a provider; `None` where it is too large to be a count."""
    return value if value is None or -_LARGEST_INTEGER <= value <= _LARGEST_INTEGER else None


def to_text(value: str | None) -> str | None:
    """Text without what databases refuse: null characters and lone surrogates become U+FFFD."""
    if value is None or (value.isascii() and "\x00" not in value):
        return value
    return clean(value)


def clean(value: str) -> str:
    """`to_text` for text that is there."""
    if not value.isascii():
        value = value.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    return value.replace("\x00", "\ufffd")


def to_key(value: str) -> str:
    """Clean text that is short enough for an index; longer text keeps its beginning and stays distinct by a digest."""
    if not value.isascii() or "\x00" in value:
        value = clean(value)
    if len(value) <= KEY_LENGTH:
        return value
    return f"{value[: KEY_LENGTH - 17]}~{hashlib.blake2b(value.encode(), digest_size=8).hexdigest()}"


def to_optional_key(value: str | None) -> str | None:
    """`to_key` for text that may be missing."""
    return value if value is None else to_key(value)


def to_json(value: Any) -> str | None:
    """JSON text; `None` for empty containers and `None`, which read back as the default."""
    if value is None or value == {} or value == []:
        return None
    try:
        return msgspec.json.encode(value).decode()
    except (TypeError, ValueError, OverflowError, RecursionError):
        return _forgiving_json(value)


def _forgiving_json(value: Any) -> str | None:
    try:
        return clean(json.dumps(msgspec.to_builtins(value), default=str, skipkeys=True, ensure_ascii=False))
    except (TypeError, ValueError, OverflowError, RecursionError):
        return None


def from_json(text: str | None, kind: type[T], default: T) -> T:
    """What the text says; `default` where there is none or it is damaged."""
    if text is None:
        return default
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return default
