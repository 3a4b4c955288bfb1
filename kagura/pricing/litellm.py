"""Reads LiteLLM's price map: the broadest list of models, undated, one flat object a model.

`{"MODEL": {"litellm_provider": …, "input_cost_per_token": …, "input_cost_per_token_above_200k_tokens_priority": …}}`:
a field's name is a unit, then perhaps a step of the input's length, then perhaps a service tier.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from kagura.errors import PricingError
from kagura.pricing.names import LOCAL_PROVIDERS, provider_name
from kagura.pricing.rows import PriceRow, Variant
from kagura.pricing.sources import exact, is_free, is_plausible

ORIGIN = "litellm"

UNITS = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cache_read",
    "input_cost_per_token_cache_hit": "cache_read",
    "cache_creation_input_token_cost": "cache_write",
    "cache_creation_input_token_cost_above_1hr": "cache_write_1h",
    "cache_creation_input_token_cost_above_12hr": "cache_write_12h",
    "output_cost_per_reasoning_token": "reasoning",
    "citation_cost_per_token": "citation",
    "input_cost_per_audio_token": "audio_input",
    "output_cost_per_audio_token": "audio_output",
    "cache_read_input_audio_token_cost": "audio_cache_read",
    "cache_creation_input_audio_token_cost": "audio_cache_write",
    "input_cost_per_image_token": "image_input",
    "output_cost_per_image_token": "image_output",
    "cache_read_input_image_token_cost": "image_cache_read",
    "input_cost_per_video_token": "video_input",
    "output_cost_per_video_token": "video_output",
    "input_cost_per_character": "characters",
    "output_cost_per_character": "output_characters",
    "input_cost_per_second": "seconds",
    "output_cost_per_second": "output_seconds",
    "output_cost_per_video_per_second": "video_seconds",
    "input_cost_per_video_per_second": "video_input_seconds",
    "input_cost_per_audio_per_second": "audio_input_seconds",
    "input_cost_per_image": "image_inputs",
    "output_cost_per_image": "images",
    "input_cost_per_pixel": "pixels",
    "input_cost_per_query": "search_units",
    "input_cost_per_request": "request",
    "input_cost_per_text_message": "text_messages",
    "ocr_cost_per_page": "pages",
    "annotation_cost_per_page": "annotated_pages",
    "google_maps_grounding_cost_per_query": "maps_search",
    "code_interpreter_cost_per_session": "code_interpreter",
    "file_search_cost_per_1k_calls": "file_search",
}
"""Its fields: our units."""

THOUSANDS = frozenset(["file_search_cost_per_1k_calls"])

SIZED: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (re.compile(r"^output_cost_per_second_(\d+p|\d+k)$"), "output_seconds", "resolution"),
    (re.compile(r"^output_cost_per_image_([\d.]+k?)$"), "images", "size"),
)
"""Fields whose ending is a fact of the request: the unit, and the fact that the ending is a value of."""

FACTORS: tuple[tuple[tuple[str, ...], str | None, dict[str, str]], ...] = (
    (("regional_processing_uplift_multiplier_us",), None, {"region": "us"}),
    (("regional_processing_uplift_multiplier_eu",), None, {"region": "eu"}),
    (("regional_endpoint_uplift_multiplier",), None, {"region": "*"}),
    (("provider_specific_entry", "fast"), "fast", {}),
)
"""Where it states a factor on the rates of tokens: the service tier or the facts that it holds for. Anthropic's `us` is
left out, since it holds for all models (`kagura.pricing.surcharges`)."""

IGNORED = frozenset(
    [
        *("input_dbu_cost_per_token", "output_dbu_cost_per_token"),  # Databricks' own currency, beside the dollars
        *("cost_per_second", "regional_processing_uplift_multiplier"),  # capacity that is bought ahead
        *("input_cost_per_video_per_second_above_8s_interval", "input_cost_per_video_per_second_above_15s_interval"),
        *("explicit_cache_read_input_token_cost", "guardrail_cost_per_unit", "ocr_cost_per_credit"),
        *("vector_store_cost_per_gb_per_day", "file_search_cost_per_gb_per_day"),  # by the day, not by the call
        *("computer_use_input_cost_per_1k_tokens", "computer_use_output_cost_per_1k_tokens"),
        *("output_cost_per_pixel", "cost_per_query"),
    ]
)
"""Fields that look like rates and are none of a call's usage."""

TIERS = {
    "batches": "batch",
    "priority": "priority",
    "flex": "flex",
    "balanced": "balanced",
    "ultrafast": "ultrafast",
    "decisions": "decisions",
}
"""Its endings of fields: our service tiers."""

SEARCH_CONTEXT = "search_context_cost_per_query"
"""A rate for each size of web search, `{search_context_size_low: …}`: the medium one is what providers default to."""

SKIPPED_PROVIDERS = LOCAL_PROVIDERS | {"chatgpt", "sagemaker", "microsoft-365-copilot"}
"""Servers of one's own, hosts paid by the hour, and subscriptions: what it says of them is no price of a call."""

_PICTURE = re.compile(r"^(?:(?P<quality>[a-z]+)/)?(?P<width>\d+)-x-(?P<height>\d+)/(?:[a-z0-9]+-steps/)?(?P<model>.+)$")
"""A key that is a model at one quality and size: `hd/1024-x-1792/dall-e-3`."""

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_STEP = re.compile(r"_above_(\d+)k_tokens")
_TIER = re.compile(rf"_({'|'.join(TIERS)})$")

Document = dict[str, Any]
Condition = tuple[str | None, int | None]
"""Service tier and step."""


def rows(document: Document, version: str, day: str) -> Iterator[PriceRow]:
    """The price rows of its map; models that it states no price for are left out.

    Raises `PricingError` naming model and field where a value is no price.
    """
    pictures = _pictures(document)
    for key in document.keys() | {model for _, model in pictures}:
        if not isinstance(document.get(key, {}), dict):
            raise PricingError(f"{key}: not an object")
    seen: set[tuple[str, str]] = set()
    for key, model in document.items():
        host = model.get("litellm_provider")
        if key == "sample_spec" or not isinstance(host, str):
            continue
        provider = provider_name(host)
        name = _without_provider(key, provider)
        if _PICTURE.match(name):
            continue
        rates, variants = _rates(key, model)
        variants += pictures.pop((provider, name), [])
        if _is_known(provider, name, rates, variants) and (provider, name.lower()) not in seen:
            seen.add((provider, name.lower()))
            yield _row(provider, name, rates, variants, version, day)
    for (provider, name), variants in pictures.items():
        if _is_known(provider, name, {}, variants) and (provider, name.lower()) not in seen:
            yield _row(provider, name, {}, variants, version, day)


def _is_known(provider: str, name: str, rates: dict[str, Decimal], variants: list[Variant]) -> bool:
    """Whether the map states a price that can be one; a price of nothing means that it does not know."""
    stated = [rates, *(variant.rates for variant in variants)]
    known = any(any(amounts.values()) for amounts in stated) or bool(rates and is_free(provider, name))
    return known and all(map(is_plausible, stated)) and provider not in SKIPPED_PROVIDERS


def _row(
    provider: str, name: str, rates: dict[str, Decimal], variants: list[Variant], version: str, day: str
) -> PriceRow:
    source = f"{ORIGIN} {version}"
    return PriceRow(provider=provider, model=name, rates=rates, variants=variants, source=source, recorded=day)


def _pictures(document: Document) -> dict[tuple[str, str], list[Variant]]:
    """What a picture costs at each quality and size, by provider and model."""
    found: dict[tuple[str, str], list[Variant]] = {}
    for key, model in document.items():
        host = model.get("litellm_provider") if isinstance(model, dict) else None
        provider = provider_name(host) if isinstance(host, str) else ""
        named = _PICTURE.match(_without_provider(key, provider))
        price = _picture_price(key, model, named) if named and provider else None
        if named and price:
            context = {"size": f"{named['width']}x{named['height']}"}
            if named["quality"]:
                context["quality"] = named["quality"]
            variant = Variant(context=context, rates={"images": price})
            found.setdefault((provider, _without_provider(named["model"], provider)), []).append(variant)
    return found


def _picture_price(key: str, model: Document, named: re.Match[str]) -> Decimal | None:
    """US dollars for one picture, stated for it or for each of its pixels."""
    pixels = int(named["width"]) * int(named["height"])
    for field, factor in (("output_cost_per_image", 1), ("input_cost_per_image", 1), ("input_cost_per_pixel", pixels)):
        if model.get(field):
            try:
                return (exact(model[field]) * factor).quantize(Decimal("0.000001")).normalize()
            except PricingError as error:
                raise PricingError(f"{key}: {field}: {error.message}") from error
    return None


def _without_provider(key: str, provider: str) -> str:
    head, slash, rest = key.partition("/")
    return rest if slash and provider_name(head) == provider else key


def _rates(key: str, model: Document) -> tuple[dict[str, Decimal], list[Variant]]:
    found: dict[Condition, dict[str, Decimal]] = {(None, None): {}}
    for field, value in model.items():
        named = _field(field)
        if named is not None and value is not None:
            unit, condition = named
            try:
                found.setdefault(condition, {})[unit] = exact(value, 1000 if field in THOUSANDS else 1)
            except PricingError as error:
                raise PricingError(f"{key}: {field}: {error.message}") from error
    rates = found.pop((None, None))
    if rates.get("reasoning") == rates.get("output"):
        rates.pop("reasoning", None)
    steps, base = _tiered(key, model)
    ordered = sorted(found.items(), key=lambda item: (item[0][1] is not None, item[0][0] is not None, item[0][1] or 0))
    variants = [Variant(tier=tier, above=above, rates=amounts) for (tier, above), amounts in ordered]
    searches = _searches(model)
    special = (*_search_sizes(model), *_sized(model), *_factors(model), *_off_peak(key, model))
    return {**base, **rates, **searches}, [*steps, *variants, *special]


def _field(field: str) -> tuple[str, Condition] | None:
    """What a field says: a unit, in a tier, above a step; `None` for one that is no rate."""
    step, tier = _STEP.search(field), None
    name = field if step is None else field[: step.start()] + field[step.end() :]
    if (end := _TIER.search(name)) is not None:
        name, tier = name[: end.start()], TIERS[end[1]]
    unit = UNITS.get(name)
    return None if unit is None else (unit, (tier, int(step[1]) * 1000 if step else None))


def _tiered(key: str, model: Document) -> tuple[list[Variant], dict[str, Decimal]]:
    """`tiered_pricing`, ranges of the input's length: the first is the base, the others are steps."""
    base: dict[str, Decimal] = {}
    steps: list[Variant] = []
    for part in model.get("tiered_pricing") or ():
        start = (part.get("range") or [None])[0]
        if start is None:
            return [], {}
        amounts, _ = _rates(key, {name: value for name, value in part.items() if name in UNITS})
        if not start:
            base = amounts
        elif amounts:
            steps.append(Variant(above=int(start), rates=amounts))
    return steps, base


def _sizes(model: Document) -> dict[str, Decimal]:
    sizes = model.get(SEARCH_CONTEXT)
    if not isinstance(sizes, dict):
        return {}
    return {name.removeprefix("search_context_size_"): exact(value) for name, value in sizes.items()}


def _searches(model: Document) -> dict[str, Decimal]:
    sizes = _sizes(model)
    return {"web_search": sizes["medium"]} if "medium" in sizes else {}


def _search_sizes(model: Document) -> Iterator[Variant]:
    sizes = _sizes(model)
    for size, amount in sizes.items():
        if amount != sizes.get("medium"):
            yield Variant(context={"search_context_size": size}, rates={"web_search": amount})


def _sized(model: Document) -> Iterator[Variant]:
    """Rates by resolution and size."""
    for field, value in model.items():
        for pattern, unit, fact in SIZED:
            if value is not None and (named := pattern.match(field.lower())):
                yield Variant(context={fact: named[1]}, rates={unit: exact(value)})


def _factors(model: Document) -> Iterator[Variant]:
    """Surcharges on all tokens."""
    for path, tier, context in FACTORS:
        value: Any = model
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        if value is not None and (factor := exact(value)) != 1:
            yield Variant(tier=tier, context=context, factor=factor)


def _off_peak(key: str, model: Document) -> Iterator[Variant]:
    """`off_peak_pricing`: rates, and the hours (UTC) and weekdays in which they hold."""
    block = model.get("off_peak_pricing")
    if isinstance(block, dict):
        amounts, _ = _rates(key, {name: value for name, value in block.items() if name in UNITS})
        windows = block.get("windows") or [{"hours_utc": block.get("hours_utc")}]
        for window in windows if amounts else ():
            hours = window.get("hours_utc") or []
            days = [_weekday(key, day) for day in window.get("weekdays") or ()]
            yield Variant(hours=[hours] if isinstance(hours, str) else hours, days=days, rates=amounts)


def _weekday(key: str, day: Any) -> int:
    """A day of the week, Monday = 1, from its number or its English name."""
    if isinstance(day, str) and day.lower()[:3] in _DAYS:
        return _DAYS.index(day.lower()[:3]) + 1
    if isinstance(day, int) and 1 <= day <= 7:
        return day
    raise PricingError(f"{key}: off_peak_pricing: {day!r} is no day of the week")
