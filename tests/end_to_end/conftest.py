"""An upstream and a proxy that run for the whole session."""

import pytest

from tests.clients.installed import Proxy
from tests.clients.stage import proxy, upstream

__all__ = ["proxy", "upstream"]


@pytest.fixture
def env(proxy: Proxy) -> dict[str, str]:
    """The environment of a user whose proxy listens."""
    proxy.forget()
    return proxy.env | {"OPENAI_API_KEY": "sk-test"} | {"KAGURA_PROXY_PORT": str(proxy.port)}
