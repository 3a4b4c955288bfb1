"""The command line as a user types it, on a store of the dashboard's samples."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from kagura.cli import main
from tests.dashboard.samples import seed


class Ran(NamedTuple):
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)


Run = Callable[..., Ran]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Runs `kagura ARGS…` in this process: Tokyo time, 80 columns, an empty home."""
    for name in ("KAGURA_DB", "KAGURA_CONFIG", "FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KAGURA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()

    def run_command(*args: str) -> Ran:
        with pytest.raises(SystemExit) as ended:
            main(list(args))
        printed = capsys.readouterr()
        return Ran(int(ended.value.code or 0), printed.out, printed.err)

    yield run_command
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def seeded(run: Run, tmp_path: Path) -> Run:
    """The same with two runs of 2025-10-10 in the store."""
    seed(tmp_path / "home")
    return run
