"""The table of providers, the user's rows over the built-in ones, and how an address of theirs is made."""

from collections.abc import Mapping
from functools import cache

import msgspec

from kagura.errors import ConfigError
from kagura.providers.builtin import ROWS
from kagura.providers.row import Provider


@cache
def builtin() -> Mapping[str, Provider]:
    """The rows that kagura brings along, by name."""
    return {row.name: row for row in ROWS}


def load(overrides: Mapping[str, Mapping[str, object]]) -> dict[str, Provider]:
    """The whole table: the user's rows, field by field, over the built-in ones; new names make new rows.

    Raises ConfigError, which names row and field, where a field is unknown or has the wrong type.
    """
    table = dict(builtin())
    for name, fields in overrides.items():
        base = msgspec.structs.asdict(table[name]) if name in table else {}
        try:
            table[name] = msgspec.convert({**base, **fields, "name": name}, Provider)
        except msgspec.ValidationError as error:
            known = ", ".join(field for field in Provider.__struct_fields__ if field != "name")
            raise ConfigError(f"providers.{name}: {error}", f"Known fields: {known}.") from None
    return table


def upstream_url(base_url: str, rest: str) -> str:
    """The address of `rest` (path and query, verbatim) below `base_url`.

    Where `rest` repeats the path of the base, as when a client's own base URL held it, it is not doubled.
    """
    base = base_url.rstrip("/")
    rest = rest if rest.startswith(("/", "?")) or not rest else "/" + rest
    scheme_end = base.find("://") + 3
    path_at = base.find("/", scheme_end)
    if path_at != -1:
        path = base[path_at:]
        if rest.startswith(path) and rest[len(path) : len(path) + 1] in ("", "/", "?"):
            return base[:path_at] + rest
    return base + rest
