"""Reading LiteLLM's map."""

from decimal import Decimal
from typing import Any

import pytest

from kagura.errors import PricingError
from kagura.pricing.litellm import rows
from kagura.pricing.rows import PriceRow, Variant


def read(key: str = "m", **model: Any) -> list[PriceRow]:
    document = {"sample_spec": {"litellm_provider": "one of …"}, key: {"litellm_provider": "openai", **model}}
    return list(rows(document, "1.0", "2026-01-02"))


def test_flat_rates() -> None:
    (row,) = read(input_cost_per_token=Decimal("2.5E-6"), output_cost_per_token=Decimal("0.00001"), max_tokens=9)
    assert row == PriceRow(
        provider="openai",
        model="m",
        rates={"input": Decimal("0.0000025"), "output": Decimal("0.00001")},
        source="litellm 1.0",
        recorded="2026-01-02",
    )


def test_steps_and_tiers_are_variants_the_most_special_last() -> None:
    (row,) = read(
        input_cost_per_token=Decimal("1E-6"),
        input_cost_per_token_above_200k_tokens_priority=Decimal("4E-6"),
        input_cost_per_token_above_200k_tokens=Decimal("2E-6"),
        input_cost_per_token_priority=Decimal("3E-6"),
        input_cost_per_token_batches=Decimal("5E-7"),
        cache_creation_input_token_cost_above_1hr_above_200k_tokens=Decimal("6E-6"),
    )
    assert [(variant.tier, variant.above, sorted(variant.rates)) for variant in row.variants] == [
        ("priority", None, ["input"]),
        ("batch", None, ["input"]),
        (None, 200_000, ["cache_write_1h", "input"]),
        ("priority", 200_000, ["input"]),
    ]


def test_ranges_of_the_input() -> None:
    ranges = [
        {"range": [0, 256_000.0], "input_cost_per_token": Decimal("5E-8")},
        {"range": [256_000.0, 1_000_000.0], "input_cost_per_token": Decimal("2.5E-7")},
    ]
    (row,) = read(tiered_pricing=ranges)
    assert row.rates == {"input": Decimal("5E-8")}
    assert row.variants == [Variant(above=256_000, rates={"input": Decimal("2.5E-7")})]


def test_hours_off_peak() -> None:
    windows = [{"hours_utc": ["16:30-00:30"], "weekdays": [1, 2]}, {"hours_utc": "00:00-00:00", "weekdays": [6, 7]}]
    (row,) = read(
        input_cost_per_token=Decimal("2E-6"),
        off_peak_pricing={"input_cost_per_token": Decimal("1E-6"), "windows": windows},
    )
    assert [(variant.hours, variant.days) for variant in row.variants] == [
        (["16:30-00:30"], [1, 2]),
        (["00:00-00:00"], [6, 7]),
    ]


def test_searches_cost_the_medium_size_unless_said_otherwise() -> None:
    sizes = {"search_context_size_low": Decimal("0.005"), "search_context_size_medium": Decimal("0.008")}
    (row,) = read(input_cost_per_token=Decimal("1E-6"), search_context_cost_per_query=sizes)
    assert row.rates["web_search"] == Decimal("0.008")
    assert [variant.context for variant in row.variants] == [{"search_context_size": "low"}]


def test_the_noise_of_binary_floats_is_taken_off() -> None:
    (row,) = read(input_cost_per_token=Decimal("1.4999999999999999e-07"))
    assert row.rates["input"] == Decimal("1.5E-7")


def test_reasoning_at_the_output_rate_is_no_rate_of_its_own() -> None:
    (row,) = read(output_cost_per_token=Decimal("2E-6"), output_cost_per_reasoning_token=Decimal("2E-6"))
    assert row.rates == {"output": Decimal("2E-6")}


@pytest.mark.parametrize(
    ("key", "host", "provider", "model"),
    [
        ("gemini/gemini-2.5-pro", "gemini", "gemini", "gemini-2.5-pro"),
        ("gemini-2.5-pro", "vertex_ai-language-models", "vertex", "gemini-2.5-pro"),
        ("azure/eu/gpt-4o", "azure", "azure", "eu/gpt-4o"),
        ("fireworks_ai/accounts/fireworks/models/x", "fireworks_ai", "fireworks", "accounts/fireworks/models/x"),
        ("groq/openai/gpt-oss-20b", "groq", "groq", "openai/gpt-oss-20b"),
    ],
)
def test_hosts_and_names(key: str, host: str, provider: str, model: str) -> None:
    (row,) = read(key, litellm_provider=host, input_cost_per_token=Decimal("1E-6"))
    assert (row.provider, row.model) == (provider, model)


@pytest.mark.parametrize(
    "model",
    [
        {},
        {"input_cost_per_token": 0, "output_cost_per_token": 0},
        {"litellm_provider": "ollama", "input_cost_per_token": Decimal("1E-6")},
        {"input_cost_per_token": Decimal("0.0032")},
    ],
    ids=["no rates", "nothing", "a server of one's own", "a price for a thousand"],
)
def test_what_is_no_price_is_left_out(model: dict[str, Any]) -> None:
    assert read(**model) == []


def test_a_free_model_is_a_price() -> None:
    (row,) = read("omni-moderation-latest", input_cost_per_token=0, output_cost_per_token=0)
    assert row.rates == {"input": 0, "output": 0}


@pytest.mark.parametrize("value", ["dear", Decimal(-1), True, Decimal("NaN"), [1]])
def test_a_value_that_is_no_price_is_named(value: object) -> None:
    with pytest.raises(PricingError, match=r"m: input_cost_per_token: .* is no price"):
        read(input_cost_per_token=value)


def test_pictures_by_quality_and_size_are_variants_of_their_model() -> None:
    document = {
        "gpt-image-9": {"litellm_provider": "openai", "input_cost_per_token": Decimal("5E-6")},
        "high/1024-x-1536/gpt-image-9": {"litellm_provider": "openai", "input_cost_per_image": Decimal("0.25")},
        "azure/hd/1024-x-1024/dall-e-9": {"litellm_provider": "azure", "input_cost_per_pixel": Decimal("7.629E-8")},
        "512-x-512/50-steps/stability.x": {"litellm_provider": "bedrock", "output_cost_per_image": Decimal("0.04")},
    }
    found = {f"{row.provider}/{row.model}": row for row in rows(document, "1.0", "2026-01-02")}
    assert set(found) == {"openai/gpt-image-9", "azure/dall-e-9", "bedrock/stability.x"}
    assert found["openai/gpt-image-9"].rates == {"input": Decimal("0.000005")}
    assert found["openai/gpt-image-9"].variants == [
        Variant(context={"size": "1024x1536", "quality": "high"}, rates={"images": Decimal("0.25")})
    ]
    assert found["azure/dall-e-9"].variants[0].rates == {"images": Decimal("0.079996")}
    assert found["bedrock/stability.x"].variants == [
        Variant(context={"size": "512x512"}, rates={"images": Decimal("0.04")})
    ]


def test_a_picture_with_a_bad_price_is_an_error() -> None:
    with pytest.raises(PricingError, match="hd/8-x-8/m: input_cost_per_image: 'dear' is no price"):
        read("hd/8-x-8/m", input_cost_per_image="dear")


def test_resolutions_and_sizes_in_the_name_of_a_field() -> None:
    (row,) = read(
        output_cost_per_second=Decimal("0.1"),
        output_cost_per_second_1080p=Decimal("0.3"),
        output_cost_per_image_2K=Decimal("0.12"),
    )
    assert row.rates == {"output_seconds": Decimal("0.1")}
    assert row.variants == [
        Variant(context={"resolution": "1080p"}, rates={"output_seconds": Decimal("0.3")}),
        Variant(context={"size": "2k"}, rates={"images": Decimal("0.12")}),
    ]


def test_surcharges_are_factors() -> None:
    (row,) = read(
        input_cost_per_token=Decimal("1E-6"),
        regional_processing_uplift_multiplier_eu=Decimal("1.1"),
        regional_endpoint_uplift_multiplier=Decimal("1.0"),
        provider_specific_entry={"us": Decimal("1.1"), "fast": 2},
    )
    assert row.variants == [
        Variant(context={"region": "eu"}, factor=Decimal("1.1")),
        Variant(tier="fast", factor=Decimal(2)),
    ]


def test_days_of_the_week_by_number_or_name() -> None:
    block = {"input_cost_per_token": Decimal("1E-6"), "windows": [{"weekdays": ["saturday", "Sun", 1]}]}
    (row,) = read(input_cost_per_token=Decimal("2E-6"), off_peak_pricing=block)
    assert row.variants[0].days == [6, 7, 1]
    for day in ("someday", "ue", 8, None):
        with pytest.raises(PricingError, match="is no day of the week"):
            read(off_peak_pricing={**block, "windows": [{"weekdays": [day]}]})
