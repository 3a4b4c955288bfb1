"""Answers what is asked of a store from elsewhere: one of its reading methods, by name."""

import inspect
from functools import cache
from typing import Any, get_type_hints

import msgspec

from kagura.errors import KaguraError
from kagura.store.questions import Ask, Failed, Told
from kagura.store.reads import RETURNS, decode, encode
from kagura.store.store import Store

LARGEST = 48 << 20
"""Bytes of an answer."""


def told(store: Store, question: Ask) -> Told | Failed:
    """What the method returns. Raises msgspec.ValidationError where there is no such method, or not with these."""
    if question.method not in RETURNS:
        raise msgspec.ValidationError(f"there is no {question.method}")
    signature, hints = _form(question.method)
    try:
        given = signature.bind(None, *question.arguments, **question.named).arguments
    except TypeError as error:
        raise msgspec.ValidationError(str(error)) from None
    arguments = {name: decode(value, hints[name]) for name, value in given.items() if name != "self"}
    try:
        value = encode(getattr(store, question.method)(**arguments))
    except KaguraError as error:
        return Failed(message=error.message, remedy=error.remedy)
    except (ValueError, ArithmeticError) as error:
        raise msgspec.ValidationError(str(error)) from None
    if len(value) > LARGEST:
        return Failed(message=f"the answer has {len(value):,} bytes, more than are sent", remedy="Ask for less.")
    return Told(value=msgspec.Raw(value))


@cache
def _form(method: str) -> tuple[inspect.Signature, dict[str, Any]]:
    function = getattr(Store, method)
    return inspect.signature(function), get_type_hints(function)
