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

_STEP = re.compile(r"_above_(\d+)k_tokens")
_TIER = re.compile(rf"_({'|'.join(TIERS)})$")

Document = dict[str, Any]
Condition = tuple[str | None, int | None]
"""Service tier and step."""


def rows(document: Document, version: str, day: str) -> Iterator[PriceRow]:
    """The price rows of its map; models that it states no price for are left out.

    Raises `PricingError` naming model and field where a value is no price.
    """
    seen: set[tuple[str, str]] = set()
    for key, model in document.items():
        if not isinstance(model, dict):
            raise PricingError(f"{key}: not an object")
        host = model.get("litellm_provider")
        if key == "sample_spec" or not isinstance(host, str):
            continue
        provider = provider_name(host)
        name = _without_provider(key, provider)
        rates, variants = _rates(key, model)
        stated = [rates, *(variant.rates for variant in variants)]
        known = any(any(amounts.values()) for amounts in stated) or (rates and is_free(provider, name))
        known = known and all(map(is_plausible, stated)) and provider not in SKIPPED_PROVIDERS
        if known and (provider, name.lower()) not in seen:
            seen.add((provider, name.lower()))
            yield PriceRow(
                provider=provider,
                model=name,
                rates=rates,
                variants=variants,
                source=f"{ORIGIN} {version}",
                recorded=day,
            )


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
    return {**base, **rates, **searches}, [*steps, *variants, *_search_sizes(model), *_off_peak(key, model)]


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


def _off_peak(key: str, model: Document) -> Iterator[Variant]:
    """`off_peak_pricing`: rates, and the hours (UTC) and weekdays in which they hold."""
    block = model.get("off_peak_pricing")
    if isinstance(block, dict):
        amounts, _ = _rates(key, {name: value for name, value in block.items() if name in UNITS})
        windows = block.get("windows") or [{"hours_utc": block.get("hours_utc")}]
        for window in windows if amounts else ():
            hours = window.get("hours_utc") or []
            yield Variant(
                hours=[hours] if isinstance(hours, str) else hours, days=window.get("weekdays") or [], rates=amounts
            )
