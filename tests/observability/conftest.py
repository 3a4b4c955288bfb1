"""An upstream and a proxy that run for the whole session, and a recording of the test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.stage import proxy, upstream
from tests.observability.recording import Recording, recording
from tests.store.conftest import empty_postgres_url

__all__ = ["empty_postgres_url", "proxy", "recorded", "upstream"]


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recording]:
    """Recording is on, into a folder of the test's own."""
    for name in ("KAGURA_EXECUTION_ID", "KAGURA_AGENT", "KAGURA_PROXY", "KAGURA_ENABLED"):
        monkeypatch.delenv(name, raising=False)
    with recording(tmp_path / "home") as found:
        yield found
