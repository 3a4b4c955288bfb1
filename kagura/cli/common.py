"""What the commands share: options, settings, the opened store."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kagura.cli.help_text import Commands, Group
from kagura.config import Settings, load

if TYPE_CHECKING:
    from kagura.store import Store

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="FILE", help="Configuration file (env: KAGURA_CONFIG; default: ~/.kagura/config.yaml)."
    ),
]
HomeOption = Annotated[
    str | None,
    typer.Option(
        "--home", metavar="FOLDER", help="Folder of store and journal (env: KAGURA_HOME; default: ~/.kagura)."
    ),
]
DbOption = Annotated[
    str | None,
    typer.Option("--db", metavar="STORE", help="Trace store: a file or a SQLAlchemy URL (env: KAGURA_DB)."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def command_app() -> typer.Typer:
    """The Typer application of one command file."""
    return Commands(
        cls=Group,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def settings_from(config: Path | None = None, home: str | None = None, db: str | None = None) -> Settings:
    """Settings from file, environment and the flags that every command has."""
    return load(config, flags={"home": home, "db": db})


def open_store(settings: Settings) -> "Store":
    """The store for reading, after what waits in the journal was written to it where no collector runs."""
    from kagura.store.opening import quick_imports

    with quick_imports():
        from kagura.store import Store

    from kagura.collector import drain

    drain(settings)
    return Store.open(settings.db_url, read_only=True)
