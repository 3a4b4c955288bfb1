"""Careful looks at JSON that others wrote: whatever the value is, the answer has the type that was asked for."""

from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from kagura.model import JsonObject

MAX_COUNT = 10**12
"""No single call counts this many of anything; a larger number is a mistake or an attack."""

_NOTHING: JsonObject = {}


def obj(value: Any) -> JsonObject:
    """`value` where it is a JSON object, else an empty one (shared: never write to it)."""
    return value if type(value) is dict else _NOTHING


def first_obj(value: Any) -> JsonObject:
    """`value` where it is a JSON object, or the first one of an array of them."""
    return obj(value) or next(iter(objects(value)), _NOTHING)


def objects(value: Any) -> list[JsonObject]:
    """The JSON objects in `value` where it is an array, else nothing."""
    return [item for item in value if type(item) is dict] if type(value) is list else []


def text(value: Any) -> str | None:
    """`value` where it is a non-empty string."""
    return value if type(value) is str and value else None


def count(value: Any) -> int | None:
    """`value` where it can be a number of tokens: a whole number, neither negative nor absurd.

    Some servers write it as a float (Amazon Titan behind a guardrail), others as text (64-bit numbers of protobuf).
    """
    if type(value) is str:
        return digits(value)
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value < MAX_COUNT else None


def first_count(source: JsonObject, *names: str) -> int | None:
    """The first count that `source` holds under one of `names`."""
    for name in names:
        if (found := count(source.get(name))) is not None:
            return found
    return None


def digits(value: Any) -> int | None:
    """A count that is written as text, as in HTTP headers."""
    return count(int(value)) if type(value) is str and len(value) < 20 and value.isascii() and value.isdigit() else None


def quantity(value: Any) -> Decimal | None:
    """A finite, non-negative number as a Decimal with the digits that were written, or `None`."""
    if type(value) not in (int, float, str):
        return None
    try:
        number = Decimal(str(value)[:64])
    except (InvalidOperation, ValueError):
        return None
    return number if number.is_finite() and 0 <= number < MAX_COUNT else None


def total(*parts: int | None) -> int | None:
    """The sum of the known parts; unknown where none is known."""
    known = [part for part in parts if part is not None]
    return sum(known) if known else None


def parsed(source: Any) -> Any:
    """A tool's arguments: the JSON value that the text holds, or the value itself where it holds none."""
    if type(source) is not str:
        return source
    try:
        return msgspec.json.decode(source)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return source
