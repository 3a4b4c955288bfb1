"""`kagura pricing`: look prices up, and record those that changed."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from kagura.cli.common import ConfigOption, HomeOption, JsonOption, command_app, settings_from
from kagura.config import Settings
from kagura.errors import InputError

if TYPE_CHECKING:
    from kagura.pricing.price import Price

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


def _utc_midnight(day: Any) -> int:
    from kagura.pricing.catalog import start_us

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
            {"unit": rate.unit, "usd": format(rate.amount, "f"), "per": rate.per, "condition": rate.label}
            for rate in price.lines()
        ],
    }
