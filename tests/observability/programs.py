"""Programs that are run apart from the tests."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path


def environment(home: Path, **variables: str) -> dict[str, str]:
    """This process's environment with a home of its own, and recording on."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("KAGURA_")}
    return env | {"KAGURA_HOME": str(home), "KAGURA_ENABLED": "1"} | variables


def run(home: Path, source: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(source)],
        env=environment(home, **variables),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
