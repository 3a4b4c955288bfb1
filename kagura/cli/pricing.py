"""`kagura pricing`: look prices up, and record those that changed."""

from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kagura.cli.common import ConfigOption, HomeOption, JsonOption, command_app, settings_from
from kagura.config import Settings
from kagura.errors import InputError, PricingError

if TYPE_CHECKING:
    from kagura.pricing.price import Price
    from kagura.pricing.update import Update

app = command_app()
app.info.help = "Look prices up and keep them current."
app.info.no_args_is_help = True


@app.command(epilog="Examples: `kagura pricing show gpt-4o` · `kagura pricing show gpt-4o --at 2024-08-01 --json`")
def show(
    model: Annotated[str, typer.Argument(help="A model's name, as requests or answers give it.")],
    at: Annotated[str | None, typer.Option("--at", metavar="DATE", help="The price on that day (UTC).")] = None,
    provider: Annotated[str | None, typer.Option("--provider", help="Only this provider's price.")] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    home: HomeOption = None,
) -> None:
    """Show what a model costs: rates for a million tokens, their source and their date."""
    from kagura.dashboard.output import console, print_json
    from kagura.dashboard.period import Clock, parse_day

    settings = settings_from(config, home)
    clock = Clock()
    at_us = clock.now() if at is None else _utc_midnight(parse_day(at, clock, "--at"))
    found = _find(settings, model, provider, at_us)
    if as_json:
        print_json([_document(price) for price in found])
    else:
        from kagura.dashboard.prices import prices

        console().print(prices(found))


@app.command(
    epilog="Examples: `kagura pricing update` · `kagura pricing update model_prices.json --dry-run`",
)
def update(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SOURCE",
            help="Price lists of LiteLLM or genai-prices: a file, or `litellm` or `genai-prices` for the installed "
            "package. Without any, the packages that are installed.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be recorded.")] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    home: HomeOption = None,
) -> None:
    """Record the prices that changed, with today's date; what earlier calls cost stays as it is."""
    from kagura.dashboard.output import console, print_json

    settings = settings_from(config, home)
    results = [_update(settings.prices_file, path, dry_run) for path in _price_lists(sources or [])]
    if as_json:
        print_json([_result(result, dry_run) for result in results])
        return
    from kagura.dashboard.prices import price_changes

    for result in results:
        console().print(price_changes(result, settings.prices_file, dry_run=dry_run))


def _price_lists(sources: list[str]) -> list[Path]:
    from kagura.pricing.update import PACKAGES, installed_list

    if sources:
        return [installed_list(source) if source in PACKAGES else Path(source) for source in sources]
    found = []
    for name in PACKAGES:
        with suppress(PricingError):
            found.append(installed_list(name))
    if not found:
        raise InputError(
            "no price list is installed",
            "Install genai-prices or litellm beside kagura, or name a price file of one of them.",
        )
    return found


def _update(target: Path, source: Path, dry_run: bool) -> "Update":
    from kagura.pricing import update as prices
    from kagura.pricing.catalog import bundled_rows
    from kagura.pricing.rows import read_rows

    if not dry_run:
        return prices.update(target, source, known=bundled_rows())
    listed = prices.read_list(source)
    changes = prices.changes([*bundled_rows(), *read_rows(target)], listed, prices.today())
    return prices.Update(source=listed[0].source, prices=len(listed), changes=changes)


def _result(result: "Update", dry_run: bool) -> dict[str, Any]:
    changes = [change.after for change in result.changes]
    return {
        "source": result.source,
        "prices": result.prices,
        "recorded": not dry_run,
        "changes": [
            {"provider": row.provider, "model": row.model, "valid_from": row.valid_from, "rates": _amounts(row.rates)}
            for row in changes
        ],
    }


def _amounts(rates: dict[str, Decimal]) -> dict[str, str]:
    return {unit: format(rate, "f") for unit, rate in rates.items()}


def _utc_midnight(day: Any) -> int:
    from kagura.pricing.book import start_us

    return start_us(day.isoformat())


def _find(settings: Settings, model: str, provider: str | None, at_us: int) -> "list[Price]":
    from kagura.pricing import Catalog

    catalog = Catalog.load([settings.prices_file], settings.prices)
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


def _document(price: "Price") -> dict[str, Any]:
    return {
        "provider": price.provider,
        "model": price.model,
        "source": price.source,
        "valid_from": price.valid_from,
        "recorded": price.recorded,
        "rates": [
            {"unit": rate.unit, "usd": format(rate.amount.normalize(), "f"), "per": rate.per, "condition": rate.label}
            for rate in price.lines()
        ],
    }
