"""The ways to somebody: each says an event once and tells what came of it. None raises, none waits for ever."""

import html
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO
from urllib.parse import urlsplit

import msgspec

from kagura.alert_settings import AlertChannel, duration
from kagura.alerts.apprise import Order
from kagura.alerts.names import defanged
from kagura.alerts.programs import run_program
from kagura.alerts.telling import Event
from kagura.alerts.webhook import post
from kagura.config import Settings

Channel = Callable[[Event], str | None]
"""Says an event; `None` where it was taken, else what went wrong. Secrets are never part of that."""

LOG_FILE = "alerts.jsonl"
"""The file of the channel `log`, in the home folder: one event a line."""

_VARIABLE = re.compile(r"\$\{(\w+)\}")
_DESKTOP_SECONDS = 5.0
_APPRISE_LOADS_SECONDS = 20.0
"""How long a busy machine may take to load apprise; the configured timeout is for talking to the other side."""
_MARKS = {"firing": "ALERT", "resolved": "resolved", "test": "test"}


def channel(name: str, settings: Settings, environ: Mapping[str, str] = os.environ) -> Channel:
    """The channel of that name, built in or configured; one that is not there says so."""
    if name == "terminal":
        return lambda event: to_terminal(event, sys.stderr)
    if name == "log":
        return lambda event: to_log(event, settings.home / LOG_FILE)
    if name == "desktop":
        return to_desktop
    row = settings.alerts.channels.get(name)
    if row is None:
        return _gone
    return lambda event: _send(row, event, environ)


def _gone(_event: Event) -> str | None:
    return "no such channel is configured any more"


def address(name: str, settings: Settings) -> str:
    """Where a channel leads, with nothing secret in it."""
    row = settings.alerts.channels.get(name)
    if row is None:
        return {"terminal": "standard error", "log": str(settings.home / LOG_FILE), "desktop": "this desktop"}[name]
    if row.command:
        return row.command[0]
    url = row.webhook or row.apprise or ""
    if url.startswith("${"):
        return url.partition("}")[0] + "}"
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}" if row.webhook else f"{parts.scheme}://…"


def _send(row: AlertChannel, event: Event, environ: Mapping[str, str]) -> str | None:
    seconds = duration(row.timeout) / 1e6
    try:
        document = msgspec.json.encode(event.document())
        if row.command:
            return run_program([_filled(part, environ) for part in row.command], document + b"\n", seconds)
        if row.webhook:
            secret = None if row.secret is None else _filled(row.secret, environ)
            # The time of the try, not of the event: receivers refuse what is older than some minutes.
            return post(_filled(row.webhook, environ), event.id, document, int(time.time()), secret, seconds)
        return to_apprise(_filled(row.apprise or "", environ), event, seconds)
    except ValueError as error:
        return str(error)


def _filled(text: str, environ: Mapping[str, str]) -> str:
    """The text with the variables that it names. Raises ValueError for one that is not set."""

    def value(match: re.Match[str]) -> str:
        if not environ.get(match[1]):
            raise ValueError(f"the environment variable {match[1]} is not set where the collector runs")
        return environ[match[1]]

    return _VARIABLE.sub(value, text)


def title(event: Event) -> str:
    """The head of a message: `ALERT spend`."""
    return f"{_MARKS[event.kind]} {event.text.partition(':')[0]}"


def to_terminal(event: Event, file: TextIO) -> str | None:
    """A line on the terminal in which the proxy runs; a firing rings its bell."""
    colour, bell = ("\x1b[1;31m", "\a") if event.kind == "firing" else ("\x1b[32m", "")
    mark = _MARKS[event.kind]
    try:
        if not file.isatty():
            bell = ""
        elif not os.environ.get("NO_COLOR"):
            mark = f"{colour}{mark}\x1b[0m"
        file.write(f"{bell}kagura {mark} {event.text}\n")
        file.flush()
    except (OSError, ValueError) as error:
        return f"it cannot be written: {error}"
    return None


def to_log(event: Event, path: Path) -> str | None:
    """One line of JSON at the end of a file that nobody else can read."""
    line = msgspec.json.encode(event.document()) + b"\n"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            os.write(file, line)
        finally:
            os.close(file)
    except OSError as error:
        return f"{path} cannot be written: {error.strerror}"
    return None


_SCRIPT = (
    "on run argv",
    "display notification (item 2 of argv) with title (item 1 of argv)",
    "end run",
)


def to_desktop(event: Event) -> str | None:
    """A notification of the desktop, by notify-send or macOS."""
    head, body = f"kagura: {title(event)}", event.text
    if notify := shutil.which("notify-send"):
        urgency = "critical" if event.kind == "firing" else "normal"
        # Its body is markup to many desktops.
        command = [notify, "--app-name=kagura", f"--urgency={urgency}", "--", head, html.escape(body)]
    elif script := shutil.which("osascript"):
        command = [script, *(word for line in _SCRIPT for word in ("-e", line)), head, body]
    else:
        return "no desktop here: neither notify-send nor osascript is installed"
    return run_program(command, b"", _DESKTOP_SECONDS)


def to_apprise(url: str, event: Event, seconds: float) -> str | None:
    """A message through apprise, which knows Slack, mail and a hundred others."""
    order = Order(url, f"kagura: {defanged(title(event))}", defanged(event.text), event.kind == "firing")
    failed = run_program(
        [sys.executable, "-P", "-m", "kagura.alerts.apprise"],
        msgspec.json.encode(order),
        seconds + _APPRISE_LOADS_SECONDS,
    )
    return failed and failed.removeprefix(f"{sys.executable} ").removeprefix("ended with 1: ")
