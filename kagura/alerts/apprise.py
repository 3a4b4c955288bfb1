"""Chats, mail and the rest through apprise, in a process of its own: `python -m kagura.alerts.apprise`.

apprise loads a hundred services and talks to each in its own time; none of that belongs into the collector. The URL,
which holds tokens, comes on standard input and so stands in no list of processes.
"""

import io
import logging
import re
import sys
from typing import Any

import msgspec

INSTALL = "apprise is not installed: pip install 'kagura[alerts]'"


class Order(msgspec.Struct, frozen=True):
    """What to send where."""

    url: str
    title: str
    text: str
    is_problem: bool


def main() -> None:
    """Send the order on standard input; a complaint goes to standard error, and the exit code is 1."""
    try:
        import apprise
    except ModuleNotFoundError:
        sys.exit(INSTALL)
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    handler.setLevel(logging.WARNING)
    log = logging.getLogger("apprise")
    log.addHandler(handler)
    log.propagate = False
    sender = apprise.Apprise()
    if not sender.add(order.url):
        sys.exit("apprise does not know this kind of URL, or a part of it is missing")
    if not sender.notify(**_message(apprise, order)):
        sys.exit(scrubbed(" ".join(said.getvalue().split()), order.url) or "it was not taken")


def _message(apprise: Any, order: Order) -> dict[str, Any]:
    kind = apprise.NotifyType.WARNING if order.is_problem else apprise.NotifyType.SUCCESS
    return {
        "title": order.title,
        "body": order.text,
        "notify_type": kind,
        "body_format": apprise.NotifyFormat.TEXT,
        "interpret_escapes": False,
    }


def scrubbed(text: str, url: str) -> str:
    """A complaint without anything that stands in the URL behind its scheme."""
    for part in sorted(set(re.split(r"[/:@?&=]+", url.partition("://")[2])), key=len, reverse=True):
        if len(part) > 3:
            text = text.replace(part, "…")
    return text


if __name__ == "__main__":
    main()
