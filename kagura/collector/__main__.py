"""The collector as a process of its own, beside a relay: `python -m kagura.collector`.

It ends when it is told to (SIGTERM, SIGINT) or when its standard input closes, which is when its relay is gone; what
waits in the journal is stored before that. Settings come from the environment, as for every command.
"""

import gc
import logging
import os
import signal
import sys
import threading

from kagura.collector.standby import stand_by
from kagura.config import load
from kagura.errors import KaguraError


def main() -> None:
    """Follow the journal until told to stop."""
    logging.basicConfig(level=logging.INFO, format="kagura collector: %(message)s", stream=sys.stderr)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    threading.Thread(target=_until_parent_is_gone, args=(stop,), daemon=True).start()
    try:
        settings = load()
        release = stand_by(settings, stop)
        if release is not None:
            from kagura.collector.service import serve

            look_for_cycles_seldom()
            serve(settings, stop, release, read=load)
    except KaguraError as error:
        sys.stderr.write(f"kagura collector: {error}\n")
        sys.exit(error.exit_code)


def look_for_cycles_seldom() -> None:
    """A batch makes many objects that all die with it: looking for cycles among them at each turn costs a tenth."""
    gc.freeze()
    gc.set_threshold(1_000_000, 10, 10)


def _until_parent_is_gone(stop: threading.Event) -> None:
    try:
        while os.read(0, 1024):
            pass
    except OSError:
        pass
    stop.set()


if __name__ == "__main__":
    main()
