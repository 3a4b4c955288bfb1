"""`kagura proxy`: the relay, with its collector beside it."""

import logging
import os
import signal
import sys
import threading
from contextlib import ExitStack
from typing import Annotated

import typer

from kagura.cli.addresses import base_urls
from kagura.cli.collecting import collector_process
from kagura.cli.common import ConfigOption, DbOption, HomeOption, command_app
from kagura.config import Settings, load
from kagura.errors import ConfigError, ProxyError

app = command_app()


@app.command()
def proxy(
    host: Annotated[str | None, typer.Option(help="Address to listen on (default: 127.0.0.1).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one (default: 4100).")] = None,
    config: ConfigOption = None,
    home: HomeOption = None,
    db: DbOption = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
    until_eof: Annotated[bool, typer.Option("--until-eof", hidden=True)] = False,
) -> None:
    """Start the proxy that passes every byte on and records every call.

    Examples:

      kagura proxy

      kagura proxy --port 8080 --home ./telemetry

      KAGURA_DB=postgresql+psycopg://user@host/kagura kagura proxy
    """
    settings = load(config, flags={"proxy.host": host, "proxy.port": port, "home": home, "db": db})
    if config:
        os.environ["KAGURA_CONFIG"] = str(config.absolute())
    logging.basicConfig(level=logging.WARNING, format="kagura: %(message)s", stream=sys.stderr)
    if until_eof:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    serve_with_collector(settings, quiet=quiet)


def _end_with_stdin() -> None:
    """End this process when nobody holds the other end of its standard input any more."""
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def serve_with_collector(settings: Settings, *, quiet: bool = False) -> None:
    """Run relay and collector until the process is told to stop."""
    try:
        from kagura.proxy.server import serve
    except ModuleNotFoundError as error:
        raise ProxyError(
            f"the proxy needs {error.name}, which is not installed", "pip install 'kagura[proxy]' brings it."
        ) from None
    if settings.db_url == "sqlite://":
        raise ConfigError(
            "`db`: a store in memory cannot be shared by proxy and monitor", "Name a file, such as --db telemetry.db."
        )
    with ExitStack() as stack:

        def ready(root: str) -> None:
            stack.enter_context(collector_process(settings))
            if not quiet:
                _print_lines(settings, root)

        serve(settings, ready=ready)


def _print_lines(settings: Settings, root: str) -> None:
    urls = base_urls(root)
    shown = ("OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "GOOGLE_GEMINI_BASE_URL")
    lines = [
        f"kagura listens on {root} and records to {settings.db or settings.home / 'telemetry.db'}",
        "",
        "In the shell of your agent:",
        *(f"  export {name}={urls[name]}" for name in shown),
        "",
        "Then watch:  kagura monitor          what it cost:  kagura monitor --cost",
    ]
    typer.echo("\n".join(lines))
    sys.stdout.flush()
