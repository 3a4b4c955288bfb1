"""Words of a command line that already are what a command wants, read without Typer's converter.

Typer has pydantic convert every value, the absent ones too. Loading pydantic takes a tenth of a second, more than all
else that happens before a command begins; so it is asked only about what this module does not know for certain.
"""

from collections.abc import Sequence
from enum import Enum
from typing import Any

UNSURE = object()
"""Says that Typer's converter is to be asked."""


def spare(parameter: Any) -> None:
    """Let a Typer parameter take plain values as they are; a Typer without this converter is left alone."""
    descriptor = getattr(parameter, "type_descriptor", None)
    if descriptor is None or getattr(descriptor.parameter_info, "parser", None) or "process_value" in vars(parameter):
        return
    convert = parameter.process_value

    def process_value(context: Any, value: Any) -> Any:
        known = UNSURE if parameter.required and not value else plain(parameter, descriptor.annotation, value)
        if known is UNSURE:
            return convert(context, value)
        return parameter.callback(context, parameter, known) if parameter.callback else known

    parameter.process_value = process_value


def plain(parameter: Any, wanted: Any, value: Any) -> Any:
    """The value as the command gets it, or `UNSURE`."""
    if parameter.multiple or parameter.nargs == -1:
        return _plain_list(wanted, value)
    if value is None or (wanted is str and type(value) is str):
        return value
    if isinstance(wanted, type) and issubclass(wanted, Enum):
        return next((member for member in wanted if value is member or value == member.value), UNSURE)
    # A default needs no check against the limits of what may be typed.
    return value if type(value) is wanted and value == parameter.default else UNSURE


def _plain_list(wanted: Any, value: Sequence[Any] | None) -> Any:
    if value is None:
        return ()
    if wanted == list[str] and isinstance(value, tuple | list) and all(type(word) is str for word in value):
        return list(value)
    return UNSURE
