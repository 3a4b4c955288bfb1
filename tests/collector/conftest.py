from pathlib import Path

import pytest

from tests.collector.recorded import Recorder


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    """A journal and a store that are empty."""
    return Recorder(tmp_path)
