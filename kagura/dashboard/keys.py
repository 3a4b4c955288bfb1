"""Single key presses from a terminal, without echo, with the terminal always put back as it was."""

import contextlib
import os
import select
import signal
import sys
from collections.abc import Iterator
from types import FrameType

_SEQUENCES = {
    "\x1b": "esc",
    "\x1b[A": "up",
    "\x1bOA": "up",
    "\x1b[B": "down",
    "\x1bOB": "down",
    "\x1b[5~": "page_up",
    "\x1b[6~": "page_down",
    "\x1b[H": "home",
    "\x1b[F": "end",
    "\r": "enter",
    "\n": "enter",
    " ": "page_down",
    "\x7f": "esc",
}


class Keys:
    """Reads keys from a terminal that is in cbreak mode."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def read(self, timeout: float) -> str | None:
        """The next key (`q`, `up`, `esc`, …), or `None` after `timeout` seconds; `eof` when the terminal is gone."""
        ready, _, _ = select.select([self._fd], [], [], max(timeout, 0))
        if not ready:
            return None
        try:
            pressed = os.read(self._fd, 1)
            if pressed == b"\x1b" and select.select([self._fd], [], [], 0.02)[0]:
                pressed += os.read(self._fd, 7)
        except OSError:
            return "eof"
        if not pressed:
            return "eof"
        text = pressed.decode("utf-8", "replace")
        return _SEQUENCES.get(text, text)


@contextlib.contextmanager
def terminal_keys() -> Iterator[Keys]:
    """Keys from standard input; on leaving, by whatever way, the terminal's modes are restored.

    Suspension (Ctrl-Z) is switched off meanwhile, because it would leave the shell in the alternate screen, and
    SIGTERM and SIGHUP unwind the program instead of killing it on the spot.
    """
    import termios
    import tty

    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    handlers = {number: signal.signal(number, _leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        tty.setcbreak(fd)
        modes = termios.tcgetattr(fd)
        modes[6][termios.VSUSP] = b"\x00"
        termios.tcsetattr(fd, termios.TCSANOW, modes)
        yield Keys(fd)
    finally:
        with contextlib.suppress(termios.error):
            termios.tcsetattr(fd, termios.TCSADRAIN, before)
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
