"""What is loaded when: Textual for the live view alone, the database for its reader alone."""

import subprocess
import sys

import pytest


def loaded(code: str) -> set[str]:
    """Which of the heavy libraries a program loads."""
    heavy = "{'textual', 'sqlalchemy', 'kagura.pricing', 'kagura.collector'}"
    program = f"import sys\ntry:\n    {code}\nfinally:\n    print(*sorted({heavy} & set(sys.modules)), file=sys.stderr)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    return set(ran.stderr.strip().rpartition("\n")[2].split())


@pytest.mark.parametrize(
    "arguments", [["--help"], ["monitor", "--help"], ["monitor", "--home", "/nonexistent"], ["monitor", "--json"]]
)
def test_textual_is_for_the_live_view(arguments: list[str]) -> None:
    assert "textual" not in loaded(f"import kagura.cli; kagura.cli.main({arguments})")


def test_the_first_screen_loads_textual_alone() -> None:
    assert loaded("import kagura.dashboard.tui.app, kagura.dashboard.tui.child_feed") == {"textual"}


@pytest.mark.parametrize("screen", ["run", "agent", "help"])
def test_no_screen_loads_a_database(screen: str) -> None:
    assert "sqlalchemy" not in loaded(f"import kagura.dashboard.tui.{screen}")


def test_the_reader_loads_no_screen_and_no_collector() -> None:
    assert loaded("import kagura.dashboard.tui.reader, kagura.store.live") == {"sqlalchemy"}
