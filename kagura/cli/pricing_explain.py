"""`kagura pricing explain`: the bill of one call, line by line."""

from typing import TYPE_CHECKING, Annotated

import typer

from kagura.cli.common import ConfigOption, DbOption, HomeOption, JsonOption, open_store, settings_from
from kagura.errors import InputError

if TYPE_CHECKING:
    from kagura.model import Span
    from kagura.store import Store

EXAMPLES = "Examples: `kagura pricing explain 3f2a` · `kagura pricing explain 3f2ab17c00d1e5f4 --json`"


def explain(
    call_id: Annotated[
        str,
        typer.Argument(metavar="CALL_ID", help="The call's id (header x-kagura-call-id), or the beginning of it."),
    ],
    as_json: JsonOption = False,
    config: ConfigOption = None,
    home: HomeOption = None,
    db: DbOption = None,
) -> None:
    """Show a call's bill: quantity × rate = amount, the source and date of each rate, and the provider's own figure."""
    from kagura.dashboard.explanation import Proof, proof_document, proof_view
    from kagura.dashboard.output import print_json, print_lines
    from kagura.dashboard.period import Clock
    from kagura.pricing import Catalog
    from kagura.pricing import explanation as proofs

    settings = settings_from(config, home, db)
    catalog = Catalog.load([settings.prices_file], settings.prices, settings.discounts)
    with open_store(settings) as store:
        span = find_call(store, call_id)
        proof = Proof(span, proofs.explain(span, catalog), store.revisions(span.id))
    if as_json:
        print_json(proof_document(proof))
    else:
        print_lines(proof_view(proof, Clock()))


def find_call(store: "Store", call_id: str) -> "Span":
    """The call of that id or of the beginning of one. Raises InputError that names those that were perhaps meant."""
    found = store.find_calls(call_id) if call_id.strip() else []
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(span.id for span in found)
        raise InputError(f"{call_id}: several calls begin so", f"Give more of the id: {ids}.")
    near = store.near_call_ids(call_id)
    advice = f"Did you mean {', '.join(near)}?" if near else "`kagura export` lists the calls with their ids."
    raise InputError(f"{call_id}: no such call", advice)
