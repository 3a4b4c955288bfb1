"""A program as a child process: signals reach it, and its exit code is ours."""

import os
import signal
import subprocess
from typing import Any

import typer

FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGQUIT)


def call(command: list[str], environment: dict[str, str], lifeline: int | None = None) -> int:
    """Run the program with the signals of this process passed on; gives the exit code a shell would.

    `lifeline` is a file descriptor that the program holds open as well.
    """
    try:
        process = subprocess.Popen(command, env=environment, pass_fds=() if lifeline is None else (lifeline,))
    except (OSError, ValueError) as error:
        typer.echo(f"kagura: {command[0]}: {getattr(error, 'strerror', None) or error}", err=True)
        return 127 if isinstance(error, FileNotFoundError) else 126
    previous = {number: signal.signal(number, _passer(process)) for number in FORWARDED}
    try:
        code = process.wait()
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    return 128 - code if code < 0 else code


def _passer(process: subprocess.Popen[bytes]) -> Any:
    def forward(number: int, _frame: Any) -> None:
        if number in (signal.SIGINT, signal.SIGQUIT) and _from_terminal():
            return
        process.send_signal(number)

    return forward


def _from_terminal() -> bool:
    """Whether this process group holds the terminal: then Ctrl-C reached the program as well."""
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False
