"""What is said of an error that nobody foresaw: one line, and a private file with the details."""

import os
import platform
import sys
import tempfile
import traceback
from pathlib import Path

from kagura import __version__

NAME = "last-error.txt"


def report(error: Exception, arguments: list[str]) -> None:
    """Write the details to a file and say on stderr where it is; with `KAGURA_DEBUG` the traceback is shown."""
    details = "".join(traceback.format_exception(error))
    if os.environ.get("KAGURA_DEBUG"):
        sys.stderr.write(details)
        return
    command = next((word for word in arguments if not word.startswith("-")), "")
    head = f"kagura {__version__} {command}, Python {platform.python_version()}, {platform.platform()}\n\n"
    sys.stderr.write(f"kagura: this should not have happened: {type(error).__name__}: {_one_line(error)}\n")
    place = _kept(head + details)
    sys.stderr.write(f"  Details are in {place}; please report it with them.\n" if place else f"  {_SHOW}\n")


_SHOW = "KAGURA_DEBUG=1 shows where; please report it."


def _one_line(error: Exception) -> str:
    return harmless(" ".join(str(error).split())[:300])


def harmless(text: str) -> str:
    """A message without characters that a terminal would obey: names and ids in it come from outside."""
    return "".join(char if char.isprintable() or char == "\n" else "\ufffd" for char in text)


def _kept(text: str) -> Path | None:
    """The private file that holds the details: in kagura's folder if there is one, else a temporary one."""
    home = Path(os.environ.get("KAGURA_HOME") or "~/.kagura").expanduser()
    try:
        if home.is_dir() and os.access(home, os.W_OK):
            handle, name = tempfile.mkstemp(prefix=".last-error.", dir=home)
            target = home / NAME
        else:
            handle, name = tempfile.mkstemp(prefix="kagura-error-", suffix=".txt")
            target = Path(name)
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
        Path(name).replace(target)
    except OSError:
        return None
    return target
