"""An upstream and a proxy that run for the whole session."""

from tests.clients.stage import proxy, upstream

__all__ = ["proxy", "upstream"]
