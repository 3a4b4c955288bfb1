"""Opening a store soon: what is spared, and that nobody else notices."""

import subprocess
import sys
from pathlib import Path

import pytest

from kagura.errors import StoreError
from kagura.store import Batch, Store
from kagura.store.opening import open_to_look
from tests.store.things import T, llm

AFTERWARDS = """
import gc, sys
from kagura.store.opening import open_to_look, quick_imports
store = open_to_look({url!r})
assert store.executions(limit=5)
assert "asyncio" not in sys.modules and "importlib.metadata" not in sys.modules
assert gc.isenabled()
import asyncio, importlib.metadata
async def answer():
    await asyncio.sleep(0)
    return 42
assert asyncio.run(answer()) == 42
assert importlib.metadata.version("sqlalchemy")
from sqlalchemy.util import concurrency
pending = answer()
assert concurrency.iscoroutine(pending) and not concurrency.iscoroutine(store)
pending.close()
assert concurrency.asyncio.TimeoutError is asyncio.TimeoutError
store.close()
"""


def test_what_was_spared_is_there_for_who_uses_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/telemetry.db"
    with Store.open(url) as store:
        store.write(Batch(spans=[llm(1, T)]))
    ran = subprocess.run(
        [sys.executable, "-c", AFTERWARDS.format(url=url)], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")


def test_a_store_that_is_not_there_yet_is_none(tmp_path: Path) -> None:
    assert open_to_look(f"sqlite:///{tmp_path}/telemetry.db") is None
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_store_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "telemetry.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError, match="is not a SQLite database"):
        open_to_look(f"sqlite:///{tmp_path}/telemetry.db")
