"""The fixtures of the client tests; each folder's conftest.py takes what it needs."""

from collections.abc import Iterator

import pytest

from tests.clients.comparison import Both
from tests.clients.installed import Proxy, running_proxy
from tests.clients.upstream import Upstream, running_upstream


@pytest.fixture(scope="session")
def upstream() -> Iterator[Upstream]:
    """A provider that does what the test says."""
    with running_upstream() as provider:
        yield provider


@pytest.fixture(scope="session")
def proxy(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """A real proxy, its providers all pointed at the upstream."""
    with running_proxy(tmp_path_factory.mktemp("proxy") / "home", upstream.url) as proxy:
        yield proxy


@pytest.fixture
def both(upstream: Upstream, proxy: Proxy) -> Both:
    """Runs a client straight and through kagura."""
    return Both(upstream, proxy)
