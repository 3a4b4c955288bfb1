"""An upstream and a proxy that run for the whole session."""

from tests.clients.stage import both, proxy, upstream

__all__ = ["both", "proxy", "upstream"]
