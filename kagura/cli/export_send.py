"""`kagura export --to URL`: stored spans sent to an OTLP receiver, with what is needed to go on where it stopped."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec
import typer

from kagura.config import Settings
from kagura.errors import InputError, KaguraError
from kagura.otel.outgoing_http import Receiver, shown_url, traces_url

if TYPE_CHECKING:
    from kagura.cli.export_progress import Progress
    from kagura.store import Store
    from kagura.store.export import Chosen


def receiver_at(url: str, settings: Settings) -> Receiver:
    """The receiver that the user names, with the headers of the settings where it is theirs.

    Raises InputError where the address cannot be used.
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:
        raise InputError(f"--to {url[:80]!r} is no address of an OTLP receiver", "Such as --to http://localhost:4318.")
    own = settings.otlp.endpoint is not None and traces_url(settings.otlp.endpoint) == traces_url(url)
    # Credentials of one receiver go to no other.
    headers = settings.otlp.headers if own else {}
    return Receiver(msgspec.structs.replace(settings.otlp, endpoint=url, headers=headers))


def send_to(
    receiver: Receiver,
    settings: Settings,
    store: "Store | None",
    chosen: "Chosen",
    shown: "Progress",
    *,
    executions: bool,
    content: bool,
) -> None:
    """Send the chosen spans and say on stderr how many; raises KaguraError where the receiver stops taking them."""
    from kagura.collector.otlp_send import Sender

    sender = Sender(settings, receiver)
    try:
        if store is not None:
            sender.send(store, chosen, executions=executions, content=content, counted=shown.add)
    except KeyboardInterrupt:
        shown.stop()
        typer.echo(f"kagura: {sender.told.sent:,} spans were sent. {_go_on(sender.reached)}", err=True)
        raise
    shown.stop()
    told, url = sender.told, shown_url(receiver.url)
    if told.refused:
        typer.echo(f"kagura: {url} does not take {told.refused:,} spans: {told.reason}", err=True)
    if sender.stopped:
        raise KaguraError(f"{url}: {sender.stopped}; {told.sent:,} spans were sent", _go_on(sender.reached))
    typer.echo(f"kagura: {told.sent:,} spans were sent to {url}", err=True)


def _go_on(reached: int | None) -> str:
    if reached is None:
        return "Nothing was sent: try the same command again."
    return f"Go on with --since {datetime.fromtimestamp(reached / 1e6, UTC):%Y-%m-%dT%H:%M:%S.%fZ} added."
