"""What the relay tells the worker about a call, in one header line."""

import msgspec

from kagura.errors import ProxyError
from kagura.providers import Provider

HEADER = b"x-kagura-translation"
"""The relay takes lines of this name out of clients' requests, so that only the relay's own arrives."""


class Order(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which provider a call is for, and how it is reached."""

    provider: str
    """LiteLLM's name of the provider."""
    base_url: str | None = None
    """`None` where LiteLLM works the address out from the environment (regions, projects)."""
    headers: dict[str, str] = {}
    """Headers that every request to this provider carries."""
    signed: bool = False
    """No key is passed on: the cloud's own SDK finds credentials in the environment."""

    def line(self) -> tuple[bytes, bytes]:
        """The header line."""
        return HEADER, msgspec.json.encode(self)


def order_for(provider: Provider, *, signed: bool) -> Order:
    """The order for a call to the provider of this row."""
    return Order(
        provider=provider.litellm_name or provider.dialect,
        base_url=provider.base_url and provider.base_url.rstrip("/") + provider.litellm_path,
        headers=provider.headers,
        signed=signed,
    )


def read_order(headers: dict[bytes, bytes]) -> Order:
    """The order among a request's headers. Raises ProxyError where there is none."""
    try:
        return msgspec.json.decode(headers.get(HEADER, b""), type=Order)
    except msgspec.DecodeError as error:
        raise ProxyError(f"not a call of the relay's: {error}") from None
