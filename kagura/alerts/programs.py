"""Runs a program with an event on its standard input: never through a shell, never for longer than it may."""

import os
import signal
import subprocess
import tempfile
from collections.abc import Sequence

from kagura.alerts.names import plain

_READ = 2000
"""Bytes of what a program complained about that are looked at."""


def run_program(command: Sequence[str], standard_input: bytes, seconds: float) -> str | None:
    """Run a program and give it the bytes; `None` where it ended with 0, else what went wrong.

    What takes longer is killed with everything that it started.
    """
    with tempfile.TemporaryFile() as complaints:
        try:
            process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=complaints,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            return f"{command[0]} cannot be started: {getattr(error, 'strerror', None) or error}"
        try:
            process.communicate(standard_input, timeout=seconds)
        except subprocess.TimeoutExpired:
            return f"{command[0]} took longer than {seconds:g} s"
        except OSError as error:
            return f"{command[0]} took no input: {error.strerror}"
        finally:
            _end(process)
        if process.returncode == 0:
            return None
        return f"{command[0]} ended with {process.returncode}{_complaint(complaints.fileno())}"


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Let nothing of a program's run on that should have ended with it."""
    if process.poll() is None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()


def _complaint(file: int) -> str:
    size = os.fstat(file).st_size
    text = os.pread(file, _READ, max(size - _READ, 0)).decode("utf-8", "replace")
    lines = [plain(line) for line in text.splitlines() if line.strip()]
    return f": {lines[-1]}" if lines else ""
