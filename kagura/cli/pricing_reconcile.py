"""`kagura pricing reconcile`: a provider's own figures beside ours."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kagura.cli.common import ConfigOption, DbOption, HomeOption, JsonOption, open_store, settings_from

if TYPE_CHECKING:
    from kagura.config import Settings

EXAMPLES = "Examples: `kagura pricing reconcile usage.json` · `kagura pricing reconcile claude_api_cost.csv --json`"


def reconcile(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="What a provider exports: pages of OpenAI's usage or costs API or of Anthropic's usage or cost "
            "report (JSON), or the CSV of either's dashboard.",
        ),
    ],
    as_json: JsonOption = False,
    config: ConfigOption = None,
    home: HomeOption = None,
    db: DbOption = None,
) -> None:
    """Compare a provider's usage or cost export with what kagura recorded, by day (UTC) and model."""
    from datetime import date

    from kagura.dashboard.output import print_json, print_lines
    from kagura.dashboard.reconciliation import reconciliation_document, reconciliation_view
    from kagura.dashboard.reconciling import reconcile as compare
    from kagura.pricing import Catalog
    from kagura.pricing.exports import read_export

    settings = settings_from(config, home, db)
    export = read_export(file)
    first, last = ((day - date(1970, 1, 1)).days for day in export.days)
    names = provider_names(settings, export.form.provider)
    catalog = Catalog.load([settings.prices_file], settings.prices, settings.discounts)
    with open_store(settings) as store:
        stored = [row for row in store.days(first, last) if row.provider in names]
    found = compare(export, stored, catalog)
    if as_json:
        print_json(reconciliation_document(found))
    else:
        print_lines(reconciliation_view(found, file.name))


def provider_names(settings: "Settings", provider: str) -> frozenset[str]:
    """The names under which calls to a provider may be recorded: its own, and those that the user gave its address."""
    from urllib.parse import urlsplit

    from kagura.providers import load

    table = load({name: row.given() for name, row in settings.providers.items()})
    own = load({}).get(provider)
    host = urlsplit(own.base_url or "").hostname if own else None
    same = {name for name, row in table.items() if host and _belongs(urlsplit(row.base_url or "").hostname, host)}
    return frozenset({provider, *same})


def _belongs(host: str | None, known: str) -> bool:
    return host is not None and (host == known or host.endswith(f".{known}"))
