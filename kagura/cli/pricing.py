"""`kagura pricing`: look prices up, keep them current, and prove what a call cost."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kagura.cli import pricing_explain, pricing_reconcile
from kagura.cli.common import ConfigOption, HomeOption, JsonOption, command_app, settings_from
from kagura.config import Settings
from kagura.errors import InputError, PricingError

if TYPE_CHECKING:
    from kagura.pricing import Catalog, Price
    from kagura.pricing.update import Update

app = command_app()
app.info.help = "Look prices up, keep them current, and prove what a call cost."
app.info.no_args_is_help = True

ProviderOption = Annotated[str | None, typer.Option("--provider", metavar="NAME", help="Only this provider's prices.")]
SourcesArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SOURCE]...",
        help="Price lists of LiteLLM or genai-prices: a file, an https:// address, or `litellm` or `genai-prices` for "
        "the installed package. Without any, the packages that are installed.",
    ),
]


@app.command(epilog="Examples: `kagura pricing show gpt-4o` · `kagura pricing show gpt-4o --at 2024-08-01 --json`")
def show(
    model: Annotated[str, typer.Argument(help="A model's name, as requests or answers give it.")],
    at: Annotated[str | None, typer.Option("--at", metavar="DATE", help="The price on that day (UTC).")] = None,
    provider: ProviderOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    home: HomeOption = None,
) -> None:
    """Show what a model costs: rates for a million tokens, their source and their date."""
    from kagura.dashboard.output import console, print_json
    from kagura.dashboard.prices import price_document, prices

    found = _find(_catalog(settings_from(config, home)), model, provider, _instant(at, "--at"))
    if as_json:
        print_json([price_document(price) for price in found])
    else:
        console().print(prices(found))


@app.command(
    "list", epilog="Examples: `kagura pricing list claude` · `kagura pricing list --provider groq` · `… | grep flash`"
)
def list_prices(
    pattern: Annotated[
        str | None, typer.Argument(metavar="[PATTERN]", help="Only models whose name contains this; `*` is anything.")
    ] = None,
    at: Annotated[str | None, typer.Option("--at", metavar="DATE", help="The prices on that day (UTC).")] = None,
    provider: ProviderOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    home: HomeOption = None,
) -> None:
    """List the models that have a price, one a line."""
    from fnmatch import fnmatchcase

    from kagura.dashboard.output import print_json, print_lines
    from kagura.dashboard.prices import price_document, price_list

    catalog = _catalog(settings_from(config, home))
    wanted = f"*{(pattern or '').lower()}*"
    at_us = _instant(at, "--at")
    found = [
        price
        for price in catalog.listed(at_us, _provider(catalog, provider))
        if fnmatchcase(price.model.lower(), wanted) or fnmatchcase(f"{price.provider}/{price.model.lower()}", wanted)
    ]
    if not found:
        raise InputError(f"no model of the price list is called {pattern!r}", _advice(pattern or ""))
    if as_json:
        print_json([price_document(price) for price in found])
    else:
        print_lines(price_list(found))


@app.command(
    epilog="Examples: `kagura pricing update` · `kagura pricing update model_prices.json --dry-run` · "
    "`kagura pricing update https://example.com/model_prices.json`",
)
def update(
    sources: SourcesArgument = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be recorded.")] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    home: HomeOption = None,
) -> None:
    """Record the prices that changed, with today's date; what earlier calls cost stays as it is."""
    _take_up(settings_from(config, home), sources or [], as_json, dry_run=dry_run)


@app.command(
    epilog="Examples: `kagura pricing diff` · `kagura pricing diff new_prices.json` · "
    "`kagura pricing diff --since 2026-01-01 --until 2026-07-01 --provider openai`",
)
def diff(
    sources: SourcesArgument = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="DATE", help="Compare the prices known for two days instead.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="DATE", help="The later day; today.")] = None,
    provider: ProviderOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    home: HomeOption = None,
) -> None:
    """Show what a newer price list says otherwise, or how prices changed between two days. Records nothing."""
    from kagura.dashboard.output import print_json, print_lines
    from kagura.dashboard.prices import price_document, prices_between

    settings = settings_from(config, home)
    if since is None:
        if until is not None or provider is not None:
            raise InputError("--until and --provider belong to --since", "Add --since DATE, or leave them out.")
        return _take_up(settings, sources or [], as_json, dry_run=True)
    if sources:
        raise InputError("a SOURCE and --since cannot stand together", "Compare with a list, or compare two days.")
    catalog = _catalog(settings)
    first, last = _instant(since, "--since"), _instant(until, "--until")
    if first >= last:
        raise InputError(f"--since {since} is not before --until {until or 'today'}", "Give an earlier day first.")
    changed = list(catalog.changed(first, last, _provider(catalog, provider)))
    if as_json:
        return print_json([{"before": price_document(old), "after": price_document(new)} for old, new in changed])
    return print_lines(prices_between(changed))


app.command("explain", epilog=pricing_explain.EXAMPLES)(pricing_explain.explain)
app.command("reconcile", epilog=pricing_reconcile.EXAMPLES)(pricing_reconcile.reconcile)


def _take_up(settings: Settings, sources: list[str], as_json: bool, *, dry_run: bool) -> None:
    from kagura.dashboard.output import console, print_json
    from kagura.dashboard.prices import price_changes, update_document

    with _users_input():
        results = [_update(settings.prices_file, source, dry_run) for source in sources or _installed()]
    if as_json:
        print_json([update_document(result, recorded=not dry_run) for result in results])
        return
    for result in results:
        console().print(price_changes(result, settings.prices_file, dry_run=dry_run))


@contextmanager
def _users_input() -> Iterator[None]:
    """A price list that cannot be used is the user's input."""
    try:
        yield
    except PricingError as error:
        raise InputError(error.message, error.remedy) from error


def _installed() -> list[str]:
    from kagura.pricing.update import PACKAGES, installed_list

    found = []
    for name in PACKAGES:
        with suppress(PricingError):
            installed_list(name)
            found.append(name)
    if not found:
        raise InputError(
            "no price list is installed",
            "Install genai-prices or litellm beside kagura, or name a price file of one of them.",
        )
    return found


def _update(target: Path, source: str, dry_run: bool) -> "Update":
    from kagura.pricing import update as prices
    from kagura.pricing.catalog import bundled_rows
    from kagura.pricing.download import downloaded, is_url

    if is_url(source):
        with downloaded(source) as path:
            return prices.update(target, path, release=source, known=bundled_rows(), dry_run=dry_run)
    path = prices.installed_list(source) if source in prices.PACKAGES else Path(source)
    return prices.update(target, path, known=bundled_rows(), dry_run=dry_run)


def _catalog(settings: Settings) -> "Catalog":
    from kagura.pricing import Catalog

    return Catalog.load([settings.prices_file], settings.prices, settings.discounts)


def _instant(day: str | None, flag: str) -> int:
    """The first instant of a day of UTC; now where none is given."""
    from kagura.dashboard.period import Clock, parse_day
    from kagura.pricing.book import start_us

    clock = Clock()
    return clock.now() if day is None else start_us(parse_day(day, clock, flag).isoformat())


def _provider(catalog: "Catalog", name: str | None) -> str | None:
    """The provider of that name, checked."""
    from difflib import get_close_matches

    if name is None or catalog.has_provider(name):
        return name
    near = get_close_matches(name.lower(), catalog.providers, n=4, cutoff=0.5)
    advice = f"Near names: {', '.join(near)}." if near else "`kagura pricing list` shows them all."
    raise InputError(f"no price list knows a provider {name!r}", advice)


def _find(catalog: "Catalog", model: str, provider: str | None, at_us: int) -> "list[Price]":
    if provider is None and "/" in model:
        head, _, rest = model.partition("/")
        price = catalog.find(head, rest, at_us)
        if price:
            return [price]
    if provider is not None:
        price = catalog.find(provider, model, at_us)
        found = [price] if price else []
    else:
        found = catalog.show(model, at_us)
    if not found:
        where = f" at {provider}" if provider else ""
        raise InputError(f"no price is known for {model!r}{where}", _advice(model))
    return found


def _advice(model: str) -> str:
    from difflib import get_close_matches

    from kagura.pricing.catalog import bundled_rows

    names = {row.model for row in bundled_rows()}
    near = get_close_matches(model.lower(), names, n=4, cutoff=0.6)
    if near:
        return f"Near names: {', '.join(near)}."
    return "`kagura pricing update` may bring it; or set it under `prices:` in config.yaml."
