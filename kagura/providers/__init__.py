"""What a wire format means: the table of providers, endpoints, framings, and one reader a dialect."""

from kagura.providers.endpoints import Endpoint, find
from kagura.providers.errors import error_body
from kagura.providers.reader import read
from kagura.providers.table import Provider, load, upstream_url

__all__ = ["Endpoint", "Provider", "error_body", "find", "load", "read", "upstream_url"]
