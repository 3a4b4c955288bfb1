"""Reads genai-prices: hand-kept, dated prices with the names that each model goes by.

Its package ships them as Python source made of literals (`genai_prices/data.py`), its repository as JSON; both have
the shape `[{id, models: [{id, match, prices, price_variants}]}]`. The source is parsed, never run.
"""

import ast
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from kagura.errors import PricingError
from kagura.pricing.names import provider_name
from kagura.pricing.rows import Clause, PriceRow, Variant
from kagura.pricing.sources import exact, is_free

ORIGIN = "genai-prices"

UNITS: dict[str, tuple[str, int]] = {
    "input_mtok": ("input", 1_000_000),
    "output_mtok": ("output", 1_000_000),
    "cache_read_mtok": ("cache_read", 1_000_000),
    "cache_write_mtok": ("cache_write", 1_000_000),
    "cache_write_5m_mtok": ("cache_write", 1_000_000),
    "cache_write_1h_mtok": ("cache_write_1h", 1_000_000),
    "output_reasoning_mtok": ("reasoning", 1_000_000),
    "output_citation_mtok": ("citation", 1_000_000),
    "input_audio_mtok": ("audio_input", 1_000_000),
    "output_audio_mtok": ("audio_output", 1_000_000),
    "cache_audio_read_mtok": ("audio_cache_read", 1_000_000),
    "cache_audio_write_mtok": ("audio_cache_write", 1_000_000),
    "input_image_mtok": ("image_input", 1_000_000),
    "output_image_mtok": ("image_output", 1_000_000),
    "cache_image_read_mtok": ("image_cache_read", 1_000_000),
    "input_video_mtok": ("video_input", 1_000_000),
    "output_video_mtok": ("video_output", 1_000_000),
    "input_mchars": ("characters", 1_000_000),
    "input_text_messages_kcount": ("text_messages", 1000),
    "audio_hours": ("seconds", 3600),
    "input_audio_hours": ("seconds", 3600),
    "output_audio_hours": ("output_seconds", 3600),
    "input_document_kpages": ("pages", 1000),
    "input_annotated_document_kpages": ("annotated_pages", 1000),
    "rerank_searches_kcount": ("search_units", 1000),
    "web_searches_kcount": ("web_search", 1000),
    "social_searches_kcount": ("x_search", 1000),
    "storage_searches_kcount": ("file_search", 1000),
    "code_executions_kcount": ("code_execution", 1000),
    "requests_kcount": ("request", 1000),
}
"""Its price keys: our unit, and how many of it the price is for (its data_units.py)."""

TIER_KEYS = ("processing", "service_tier", "speed")
"""Facts of the request that we call the service tier."""

HUGGINGFACE = "huggingface_"
"""One of its providers for each host behind Hugging Face's router, where clients write `MODEL:HOST`."""

Document = dict[str, Any]


def parse_python(source: str, place: str) -> list[Document]:
    """The providers in the text of `genai_prices/data.py`. Raises `PricingError` where it looks otherwise."""
    try:
        module = ast.parse(source)
        value = next(
            node.value
            for node in module.body
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "providers"
        )
        assert value is not None
        providers = _literal(value)
    except (SyntaxError, StopIteration, ValueError, AssertionError) as error:
        raise PricingError(f"{place}: not genai-prices' data: {error}") from error
    if not isinstance(providers, list):
        raise PricingError(f"{place}: `providers` is not a list")
    return providers


def _literal(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [_literal(item) for item in items]
        case ast.Dict(keys=keys, values=values):
            return {_literal(key): _literal(value) for key, value in zip(keys, values, strict=True) if key}
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_literal(operand)
        case ast.Attribute(attr=name):
            return name
        case ast.Call():
            return _call(node)
    raise ValueError(f"line {node.lineno}: {type(node).__name__} is no literal")


def _call(node: ast.Call) -> Any:
    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    arguments = [_literal(argument) for argument in node.args]
    if name == "Decimal":
        return Decimal(arguments[0])
    if name == "date":
        return "{:04}-{:02}-{:02}".format(*arguments)
    if name == "time":
        return ":".join(f"{part:02}" for part in [*arguments, 0, 0][:2])
    return {keyword.arg.rstrip("_"): _literal(keyword.value) for keyword in node.keywords if keyword.arg}


def rows(providers: list[Document], version: str, day: str) -> Iterator[PriceRow]:
    """The price rows of its data; models that it states no price for are left out."""
    for document in providers:
        host = document["id"]
        suffix = f":{host.removeprefix(HUGGINGFACE)}" if host.startswith(HUGGINGFACE) else ""
        for model in document["models"]:
            provider = "huggingface" if suffix else _provider(host, model["id"])
            yield from _model_rows(provider, suffix, model, f"{ORIGIN} {version}", day)


def _provider(host: str, model: str) -> str:
    """Its `google` is both of Google's hosts: Claude is sold on Vertex alone."""
    name = provider_name(host)
    return "vertex" if name == "gemini" and "claude" in model else name


def _model_rows(provider: str, suffix: str, model: Document, source: str, day: str) -> Iterator[PriceRow]:
    name = model["id"] + suffix
    names, match = _names(model["match"], suffix)
    for index, (start, rates, variants) in enumerate(_periods(model)):
        if not rates and is_free(provider, name):
            rates = {"input": Decimal(0), "output": Decimal(0)}
        if rates:
            yield PriceRow(
                provider=provider,
                model=name,
                valid_from=start,
                names=[] if index else sorted(names - {name.lower()}),
                match=None if index else match,
                rates=rates,
                variants=variants,
                source=source,
                recorded=day,
            )


def _names(document: Document, suffix: str) -> tuple[set[str], Clause | None]:
    """The names that a match clause lists, and what is left of the clause."""
    alternatives = document.get("or") or [document]
    names = {part["equals"].lower() + suffix for part in alternatives if part.get("equals")}
    rest = [_clause(part) for part in alternatives if not part.get("equals")]
    if not rest or suffix:
        return names, None
    return names, rest[0] if len(rest) == 1 else Clause(or_=rest)


def _clause(document: Document) -> Clause:
    (kind, value) = next(iter(document.items()))
    if kind == "or":
        return Clause(or_=[_clause(part) for part in value])
    if kind == "and":
        return Clause(and_=[_clause(part) for part in value])
    return Clause(**{kind: value})


Period = tuple[str | None, dict[str, Decimal], list[Variant]]


def _periods(model: Document) -> Iterator[Period]:
    """From which day on which rates hold. Of its conditional prices the last whose condition holds is the whole price;
    those for hours of the day come after the dated ones, and so hold in every period. A tier's flat rate replaces the
    standard rate's steps too, so tiers stand last."""
    prices = model.get("prices") or {}
    conditional = prices if isinstance(prices, list) else [{"prices": prices}]
    dated = [part for part in conditional if "start_time" not in (part.get("constraint") or {})]
    hourly = [part for part in conditional if "start_time" in (part.get("constraint") or {})]
    special = [variant for part in reversed(model.get("price_variants") or []) for variant in _special(part)]
    for part in dated:
        rates, steps = _rates(part.get("prices") or {})
        hours = [variant for other in hourly for variant in _hourly(other)]
        yield (part.get("constraint") or {}).get("start_date"), rates, [*steps, *hours, *special]


def _rates(prices: Document) -> tuple[dict[str, Decimal], list[Variant]]:
    """Flat rates, and a variant for each step of the input's length; a step's rate holds for the whole call."""
    rates: dict[str, Decimal] = {}
    steps: dict[int, dict[str, Decimal]] = {}
    for key, price in prices.items():
        if price is None or key not in UNITS:
            continue
        unit, per = UNITS[key]
        base = price.get("base") if isinstance(price, dict) else price
        rates[unit] = exact(base, per)
        for tier in price.get("tiers", ()) if isinstance(price, dict) else ():
            steps.setdefault(tier["start"], {})[unit] = exact(tier["price"], per)
    return rates, [Variant(above=start, rates=steps[start]) for start in sorted(steps)]


def _hourly(part: Document) -> Iterator[Variant]:
    window = part["constraint"]
    rates, _ = _rates(part["prices"])
    yield Variant(hours=[f"{window['start_time'][:5]}-{window['end_time'][:5]}"], rates=rates)


def _special(part: Document) -> Iterator[Variant]:
    """A tier's rates, then its steps."""
    when = dict(part["when"])
    tier = next((when.pop(key) for key in TIER_KEYS if key in when), None)
    start = (part.get("constraint") or {}).get("start_date")
    rates, steps = _rates(part.get("prices") or {})
    for above, amounts in ((None, rates), *((step.above, step.rates) for step in steps)):
        if amounts:
            yield Variant(tier=tier, above=above, context=when, valid_from=start, rates=amounts)
