"""`--attach` of the reading commands: the records of a proxy elsewhere instead of a store."""

from typing import TYPE_CHECKING, Annotated

import typer

from kagura.errors import InputError

if TYPE_CHECKING:
    from kagura.config import Settings
    from kagura.dashboard.elsewhere import RemoteStore
    from kagura.dashboard.period import Clock
    from kagura.dashboard.source import Source

AttachOption = Annotated[
    str | None, typer.Option("--attach", metavar="URL", help="Show the records of the proxy there instead of a store.")
]
AttachKeyEnvOption = Annotated[
    str | None,
    typer.Option(
        "--attach-key-env", metavar="NAME", help="Variable with that proxy's view_key (default: KAGURA_PROXY_VIEW_KEY)."
    ),
]


def source_from(
    settings: "Settings", clock: "Clock", attach: str | None, variable: str | None, db: str | None
) -> "Source":
    """What a reading command reads: the store of the settings, or the records of the proxy at `attach`."""
    from kagura.dashboard.source import Source

    return Source(settings, clock, store_at(settings, attach, variable, db))


def store_at(settings: "Settings", attach: str | None, variable: str | None, db: str | None) -> "RemoteStore | None":
    """The records of the proxy at `attach`; `None` without one. Raises InputError where none answers there."""
    check_attach(attach, variable, db)
    if attach is None:
        return None
    from kagura.cli.proxies import named_proxy, view_key
    from kagura.dashboard.elsewhere import RemoteStore

    key = view_key(settings, variable)
    root, _ = named_proxy(attach)
    return RemoteStore(root, key)


def check_attach(attach: str | None, variable: str | None, db: str | None = None) -> None:
    """Raise InputError where the flags do not fit together."""
    if variable is not None and attach is None:
        raise InputError("--attach-key-env belongs to --attach", "Add --attach URL.")
    if attach is not None and db is not None:
        raise InputError("--attach and --db cannot stand together", "Name one of them.")
