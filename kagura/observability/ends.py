"""The end of a program: what still ran is told, what waits is sent."""

import atexit
import os
import signal
import threading
from types import FrameType

from kagura.observability.recorder import recorder

EXIT_SECONDS = 2.0
"""How long the end of a program waits for a proxy elsewhere."""

_installed = False


def install() -> None:
    """Have the end of the program noticed: its last line, `sys.exit`, and SIGTERM unless it is handled already."""
    global _installed
    if _installed:
        return
    _installed = True
    atexit.register(_exiting)
    main = threading.current_thread() is threading.main_thread()
    if main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _terminated)


def _exiting() -> None:
    recorder.close_down("the program ended", EXIT_SECONDS)


def _terminated(number: int, _frame: FrameType | None) -> None:
    """Die of the signal all the same."""
    recorder.close_down("SIGTERM", EXIT_SECONDS)
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
