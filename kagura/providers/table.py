"""The table of providers: what is peculiar to each, as data, and how an address of theirs is made."""

from collections.abc import Mapping
from functools import cache
from typing import Literal

import msgspec

from kagura.errors import ConfigError

Auth = Literal["authorization", "x-api-key", "x-goog-api-key", "api-key"]
"""The header that carries the key; under `authorization` it is a bearer token."""


class Provider(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row: an API that calls can go to."""

    name: str
    base_url: str | None = None
    """Where calls go, without the version that a path brings along; `None` where it depends on the customer."""
    dialect: str = "openai"
    """What its own paths speak where a path alone does not say: `openai`, `anthropic`, `gemini`, `bedrock`, …"""
    api_key_env: str | None = None
    """The environment variable that usually holds the key."""
    auth: Auth = "authorization"
    headers: dict[str, str] = {}
    """Headers that every request needs."""
    include_usage: bool = False
    """Whether the API accepts `stream_options.include_usage`."""
    openai_root: str = "/v1"
    """Where the OpenAI-style API lives below `base_url`: it takes the place of the `/v1` of a client's path."""
    translate: list[str] = []
    """OpenAI-style endpoints that the API does not have, or has only in part: LiteLLM answers calls to them whose
    `model` names this provider. Such as `chat/completions`, `responses`, `embeddings`."""
    litellm_name: str | None = None
    """LiteLLM's name of the provider where it is not that of the dialect."""
    litellm_path: str = ""
    """What LiteLLM wants behind `base_url`."""
    cloud_credentials: list[str] = []
    """Environment variables of which any one says that the cloud's own SDK finds credentials on the proxy's machine."""
    cost_header: str | None = None
    """The answer's header that says what the provider bills, in US dollars."""
    vendor_models: bool = False
    """Model ids of this API themselves begin with `vendor/`, so that such a prefix names no other provider."""
    reasoning_outside_output: bool = False
    """Chat usage counts reasoning beside `completion_tokens`, not inside."""
    reasoning_in_total_only: bool = False
    """Chat usage shows reasoning only as what `total_tokens` exceeds its parts by."""
    audio_outside_input: bool = False
    """Usage counts audio beside `prompt_tokens`, not inside."""


@cache
def builtin() -> Mapping[str, Provider]:
    """The rows that kagura brings along, by name."""
    from kagura.providers.builtin import ROWS

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
