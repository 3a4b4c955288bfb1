"""The worker process: `python -m kagura.proxy.translation FD` serves calls on an inherited listening socket.

It ends when its standard input closes, which is when its relay is gone.
"""

import os
import signal
import socket
import sys
import threading

import uvicorn

from kagura.proxy.translation.worker import create_worker

KEEP_ALIVE_SECONDS = 120
"""Longer than the relay keeps idle connections, so that the relay is the one to close them."""


def main() -> None:
    """Serve until the relay is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_until_relay_is_gone, daemon=True).start()
    listener = socket.socket(fileno=int(sys.argv[1]))
    config = uvicorn.Config(
        create_worker(),
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
    uvicorn.Server(config).run(sockets=[listener])


def _until_relay_is_gone() -> None:
    try:
        while os.read(0, 1024):
            pass
    except OSError:
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
