"""The real program in a real pseudo-terminal: how it begins, how it ends, and what it leaves behind."""

import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fcntl import ioctl
from pathlib import Path

import pytest

from tests.dashboard.samples import seed

ENTERED, LEFT = "\x1b[?1049h", "\x1b[?1049l"
SEQUENCE = re.compile(r"\x1b\[[0-9;?>$]*[a-zA-Z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class Terminal:
    """A program in a terminal of 80 × 24, and all that it wrote there."""

    def __init__(self, fd: int, process: subprocess.Popen[bytes]) -> None:
        self.fd, self.process, self.written = fd, process, ""

    def wait_for(self, text: str, seconds: float = 30) -> str:
        """All that was written, once `text` is in it, escape sequences aside."""
        end = time.monotonic() + seconds
        while text not in self.written and text not in SEQUENCE.sub("", self.written):
            assert time.monotonic() < end, f"{text!r} did not come; there was {self.written[-2000:]!r}"
            if select.select([self.fd], [], [], 0.05)[0]:
                with suppress(OSError):
                    self.written += os.read(self.fd, 65536).decode("utf-8", "replace")
        return self.written

    def type(self, keys: str) -> None:
        os.write(self.fd, keys.encode())

    def modes(self) -> list[object]:
        return termios.tcgetattr(self.fd)


@contextmanager
def in_terminal(home: Path, *args: str, **environment: str) -> Iterator[Terminal]:
    main, side = pty.openpty()
    ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environ = {k: v for k, v in os.environ.items() if k not in {"COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"}}
    environ |= {"TERM": "xterm-256color", "KAGURA_HOME": str(home), "TZ": "Asia/Tokyo", **environment}
    command = [sys.executable, "-m", "kagura", "monitor", *args]
    process = subprocess.Popen(command, stdin=side, stdout=side, stderr=side, env=environ, start_new_session=True)
    try:
        yield Terminal(main, process)
    finally:
        process.kill()
        process.wait()
        os.close(main)
        os.close(side)


def test_it_is_live_until_q(tmp_path: Path) -> None:
    seed(tmp_path)
    with in_terminal(tmp_path) as terminal:
        before = terminal.modes()
        assert ENTERED in terminal.wait_for("my_agent")
        assert terminal.modes() != before
        terminal.type("jd")
        terminal.wait_for("Timeline")
        terminal.type("q")
        terminal.wait_for(LEFT)
        assert terminal.process.wait(30) == 0
        assert terminal.modes() == before


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_signals_leave_the_terminal_as_it_was(tmp_path: Path, number: signal.Signals, code: int) -> None:
    seed(tmp_path)
    with in_terminal(tmp_path, "--agent", "my_agent") as terminal:
        before = terminal.modes()
        terminal.wait_for("LLM Usage")
        terminal.process.send_signal(number)
        terminal.wait_for(LEFT)
        assert terminal.process.wait(30) == code
        assert terminal.modes() == before


def test_it_ends_with_its_terminal(tmp_path: Path) -> None:
    seed(tmp_path)
    main, side = pty.openpty()
    environ = os.environ | {"TERM": "xterm-256color", "KAGURA_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "kagura", "monitor"]
    process = subprocess.Popen(command, stdin=side, stdout=side, stderr=side, env=environ, start_new_session=True)
    os.close(side)
    try:
        Terminal(main, process).wait_for("Recent Activity")
        os.close(main)
        process.send_signal(signal.SIGHUP)
        assert process.wait(20) == 129
    finally:
        process.kill()
        process.wait()


def written_by(process: subprocess.Popen[bytes]) -> int:
    """Bytes that a process has written, to its terminal and elsewhere."""
    counters = Path(f"/proc/{process.pid}/io")
    if not counters.exists():
        pytest.skip("this system does not count what a process writes")
    return int(dict(row.split(": ") for row in counters.read_text().splitlines())["wchar"])


def children(process: subprocess.Popen[bytes]) -> list[str]:
    tasks = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    if not tasks.exists():
        pytest.skip("this system does not list a process's children")
    return tasks.read_text().split()


def gone(process_id: str) -> bool:
    """Whether a process has ended, or has nothing left but its exit code."""
    try:
        return not Path(f"/proc/{process_id}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return True


def wait_until_gone(process_id: str) -> None:
    end = time.monotonic() + 30
    while not gone(process_id):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_it_and_its_reader_end_although_the_terminal_takes_no_more(tmp_path: Path) -> None:
    seed(tmp_path)
    with in_terminal(tmp_path) as terminal:
        terminal.wait_for("Recent Activity")
        (reader,) = children(terminal.process)
        calm = 0
        while calm < 4:  # a new theme draws the whole screen, some 10 kB, until no more goes into the terminal
            before = written_by(terminal.process)
            terminal.type("t")
            time.sleep(0.25)
            calm = calm + 1 if written_by(terminal.process) - before < 2000 else 0
        terminal.process.send_signal(signal.SIGHUP)
        assert terminal.process.wait(20) == 129
        wait_until_gone(reader)


def test_no_color_sends_no_colour_to_the_terminal(tmp_path: Path) -> None:
    seed(tmp_path)
    with in_terminal(tmp_path, NO_COLOR="1") as terminal:
        written = terminal.wait_for("my_agent")
    told = {number for found in COLOUR.findall(written) for number in found[2:-1].split(";")}
    assert told <= {"", "0", "1", "2", "3", "4", "7", "39", "49"}


def test_a_dumb_terminal_gets_the_view_once(tmp_path: Path) -> None:
    seed(tmp_path)
    with in_terminal(tmp_path, TERM="dumb") as terminal:
        written = terminal.wait_for("Success Rate")
        assert terminal.process.wait(30) == 0
    assert "\x1b" not in written


def test_the_reader_ends_with_a_monitor_that_is_killed(tmp_path: Path) -> None:
    seed(tmp_path)
    with in_terminal(tmp_path) as terminal:
        terminal.wait_for("my_agent")
        (reader,) = children(terminal.process)
        terminal.process.kill()
        terminal.process.wait()
        wait_until_gone(reader)
