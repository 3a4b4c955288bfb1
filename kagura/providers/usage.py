"""Usage objects in OpenAI's two styles, as some forty providers fill them in, and the costs that providers report."""

from decimal import Decimal

from kagura.model import JsonObject, Usage
from kagura.providers.row import Provider
from kagura.providers.values import count, first_count, obj, quantity, text, total

COSTS: tuple[tuple[tuple[str, ...], Decimal], ...] = (
    (("cost_in_usd_ticks",), Decimal("1e-10")),
    (("cost",), Decimal(1)),
    (("cost", "total_cost"), Decimal(1)),
    (("cost", "usd"), Decimal(1)),
    (("pydantic_ai_gateway", "cost_estimate"), Decimal(1)),
    (("estimated_cost",), Decimal(1)),
    (("total_nano_aiu",), Decimal("1e-11")),
)
"""Where providers say what they bill, and the factor to US dollars: xAI; OpenRouter, Vercel, Avian; Perplexity;
Charm; Pydantic's gateway; DeepInfra; Copilot, whose credit is a cent
(https://docs.github.com/en/copilot/concepts/billing)."""

_UNSAID = frozenset({"cost_in_usd_ticks"})
"""Fields in which zero says nothing: Azure sends it with each call of a Grok, which it bills at its own prices."""

UNITS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("seconds",), "seconds"),
    (("prompt_audio_seconds",), "seconds"),
    (("search_units",), "search_units"),
    (("pages_processed",), "pages"),
    (("num_search_queries",), "web_search"),
    (("server_tool_use", "web_search_requests"), "web_search"),
    (("server_tool_use", "web_fetch_requests"), "web_fetch"),
    (("server_side_tool_usage_details", "web_search_calls"), "web_search"),
    (("server_side_tool_usage_details", "x_search_calls"), "x_search"),
    (("server_side_tool_usage_details", "code_interpreter_calls"), "code_interpreter"),
    (("server_side_tool_usage_details", "file_search_calls"), "file_search"),
)
"""Where usage counts what is billed beside tokens, and the unit's name."""

_UNIT_FIELDS = frozenset(path[0] for path, _ in UNITS)
_COST_FIELDS = frozenset(path[0] for path, _ in COSTS)

_INPUT_DETAILS = ("prompt_tokens_details", "input_tokens_details", "prompt_token_details", "input_token_details")
_OUTPUT_DETAILS = (
    "completion_tokens_details",
    "output_tokens_details",
    "completion_token_details",
    "output_token_details",
)
_CACHE_READ = ("cached_tokens", "prompt_cache_hit_tokens", "num_cached_tokens", "cache_read_input_tokens")
_CACHE_WRITE = ("cache_write_tokens", "cache_creation_tokens", "cache_creation_input_tokens")


def provider_cost(raw: JsonObject) -> Decimal | None:
    """US dollars that the provider says this call cost.

    Under a key of the customer's own (OpenRouter's BYOK) the gateway's share stands beside the upstream's; where the
    upstream's is not told, the cost is unknown, not zero.
    """
    if raw.keys().isdisjoint(_COST_FIELDS):
        return None
    cost = next(
        (
            found * factor
            for path, factor in COSTS
            if path[0] in raw and (found := _at(raw, path)) is not None and (found or path[0] not in _UNSAID)
        ),
        None,
    )
    if cost is None or raw.get("is_byok") is not True:
        return cost
    upstream = _at(raw, ("cost_details", "upstream_inference_cost"))
    return None if upstream is None else cost + upstream


def other_units(raw: JsonObject) -> dict[str, Decimal]:
    """The billed quantities beside tokens that are not zero."""
    if raw.keys().isdisjoint(_UNIT_FIELDS):
        return {}
    return {unit: found for path, unit in UNITS if path[0] in raw and (found := _at(raw, path))}


def openai_usage(raw: JsonObject, provider: Provider) -> Usage:
    """Read a `usage` object of the chat style (`prompt_tokens`) or the Responses style (`input_tokens`)."""
    input_details = _first_object(raw, _INPUT_DETAILS)
    output_details = _first_object(raw, _OUTPUT_DETAILS)
    usage = Usage(
        input=first_count(raw, "prompt_tokens", "input_tokens"),
        output=first_count(raw, "completion_tokens", "output_tokens"),
        cache_read=_either(input_details, raw, _CACHE_READ),
        cache_write=_either(input_details, raw, _CACHE_WRITE),
        cache_write_1h=count(obj(input_details.get("cache_creation_token_details")).get("ephemeral_1h_input_tokens")),
        reasoning=_either(output_details, raw, ("reasoning_tokens",)),
        audio_input=count(input_details.get("audio_tokens")),
        audio_output=count(output_details.get("audio_tokens")),
        audio_cache_read=count(obj(input_details.get("cached_tokens_details")).get("audio_tokens")),
        image_input=count(input_details.get("image_tokens")),
        image_output=count(output_details.get("image_tokens")),
        units=other_units(raw),
        provider_cost=provider_cost(raw),
        service_tier=text(raw.get("service_tier")),
        raw=raw,
    )
    _include_what_stands_outside(usage, count(raw.get("total_tokens")), provider)
    return usage


def llama_usage(timings: JsonObject) -> Usage:
    """Read llama.cpp's `timings`, which its streams carry unasked: the prompt's counts leave out what was cached
    (https://github.com/ggml-org/llama.cpp/tree/master/tools/server)."""
    cached = count(timings.get("cache_n"))
    return Usage(
        input=total(count(timings.get("prompt_n")), cached),
        output=count(timings.get("predicted_n")),
        cache_read=cached,
        raw=timings,
    )


def _include_what_stands_outside(usage: Usage, all_tokens: int | None, provider: Provider) -> None:
    """Bring totals to hold their parts.

    xAI's chat counts reasoning beside `completion_tokens`, Mistral audio beside `prompt_tokens`, Gemini's
    OpenAI-style endpoint shows thoughts in the total alone. The total tells, wherever such a model is served; the
    provider's row only where there is none.
    """
    reasoning, audio = usage.reasoning or 0, usage.audio_input or 0
    if usage.input is None and usage.output is None:
        usage.input = all_tokens
        return
    if all_tokens is None:
        reasoning_outside, audio_outside = provider.reasoning_outside_output, provider.audio_outside_input
    else:
        gap = all_tokens - (usage.input or 0) - (usage.output or 0)
        reasoning_outside = bool(reasoning) and gap in (reasoning, reasoning + audio)
        audio_outside = bool(audio) and gap in (audio, reasoning + audio)
        if provider.reasoning_in_total_only and not reasoning and gap > 0 and usage.output is not None:
            usage.reasoning = reasoning = gap
            reasoning_outside = True
    if reasoning_outside:
        usage.output = (usage.output or 0) + reasoning
    if audio_outside:
        usage.input = (usage.input or 0) + audio


def _first_object(raw: JsonObject, names: tuple[str, ...]) -> JsonObject:
    for name in names:
        if found := obj(raw.get(name)):
            return found
    return {}


def _either(details: JsonObject, raw: JsonObject, names: tuple[str, ...]) -> int | None:
    found = first_count(details, *names)
    return first_count(raw, *names) if found is None else found


def _at(raw: JsonObject, path: tuple[str, ...]) -> Decimal | None:
    """The number at a path of field names."""
    for name in path[:-1]:
        raw = obj(raw.get(name))
    return quantity(raw.get(path[-1]))
