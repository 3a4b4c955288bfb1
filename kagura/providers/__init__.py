"""What a wire format means: the table of providers, endpoints, framings, and one reader a dialect."""

from kagura.model import Call, Exchange
from kagura.providers.endpoints import Endpoint, find
from kagura.providers.errors import error_body
from kagura.providers.row import Provider
from kagura.providers.table import load, upstream_url

__all__ = ["Endpoint", "Provider", "error_body", "find", "load", "read", "upstream_url"]


def read(exchange: Exchange, provider: Provider | None = None) -> Call:
    """Say what an exchange meant (see `kagura.providers.reader.read`); never raises.

    The readers are imported with the first call, since the relay needs the table and the endpoints alone.
    """
    from kagura.providers.reader import read as read_now

    return read_now(exchange, provider)
