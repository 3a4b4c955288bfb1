"""Bills worked out by hand from the prices that providers publish, against the bundled list.

Each test names the page that publishes the rates, in US dollars a million tokens, and the day that they are meant for.
"""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from kagura.model import Cost, CostSource, Usage, UsageSource
from kagura.pricing import Catalog


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


NOW = at("2026-11-22T12:00")


def lines(cost: Cost) -> list[tuple[str, int, str]]:
    """Unit, quantity and US dollars a million of each line."""
    return [(line.unit, int(line.quantity), format((line.rate * 1_000_000).normalize(), "f")) for line in cost.lines]


def test_text_in_and_out(catalog: Catalog) -> None:
    # https://openai.com/api/pricing, 2026-11-22: gpt-4o 2.50 in, 10.00 out
    cost = catalog.cost("openai", "gpt-4o", "gpt-4o-2024-08-06", Usage(input=1000, output=500), NOW)
    assert cost.total == Decimal("0.0075")
    assert cost.source is CostSource.CATALOG
    assert lines(cost) == [("input", 1000, "2.5"), ("output", 500, "10")]
    assert cost.price_model == "gpt-4o"
    assert cost.price_version == "genai-prices 0.2.3 2026-11-22"


def test_cached_input_is_cheaper_and_counted_once(catalog: Catalog) -> None:
    # https://openai.com/api/pricing, 2026-11-22: gpt-4o cached 1.25
    cost = catalog.cost("openai", "gpt-4o", None, Usage(input=2006, cache_read=1920, output=300), NOW)
    assert lines(cost) == [("input", 86, "2.5"), ("cache_read", 1920, "1.25"), ("output", 300, "10")]
    assert cost.total == Decimal("0.005615")


def test_reasoning_is_output_where_it_has_no_rate_of_its_own(catalog: Catalog) -> None:
    # https://platform.openai.com/docs/pricing, 2026-11-22: gpt-5-mini 0.25 in, 2.00 out
    cost = catalog.cost("openai", "gpt-5-mini", None, Usage(input=400, output=1000, reasoning=800), NOW)
    assert lines(cost) == [("input", 400, "0.25"), ("output", 1000, "2")]
    assert cost.total == Decimal("0.0021")


def test_reasoning_at_its_own_rate(catalog: Catalog) -> None:
    # https://www.alibabacloud.com/help/en/model-studio/models, 2026-11-22: qwen-plus-2025-04-28 0.4, 1.2, thinking 4
    usage = Usage(input=1000, output=600, reasoning=500)
    cost = catalog.cost("dashscope", "qwen-plus-2025-04-28", None, usage, NOW)
    assert lines(cost) == [("input", 1000, "0.4"), ("output", 100, "1.2"), ("reasoning", 500, "4")]
    assert cost.total == Decimal("0.00252")


def test_cache_writes_for_five_minutes_and_for_an_hour(catalog: Catalog) -> None:
    # https://platform.claude.com/docs/en/about-claude/pricing, 2026-11-22: Sonnet 4.5 3, 3.75, 6, 0.30, 15
    usage = Usage(input=10_000, cache_read=6000, cache_write=3000, cache_write_1h=1000, output=500)
    cost = catalog.cost("anthropic", "claude-sonnet-4-5", "claude-sonnet-4-5-20250929", usage, NOW)
    assert lines(cost) == [
        ("input", 1000, "3"),
        ("cache_read", 6000, "0.3"),
        ("cache_write", 2000, "3.75"),
        ("cache_write_1h", 1000, "6"),
        ("output", 500, "15"),
    ]
    assert cost.total == Decimal("0.0258")


def test_a_long_prompt_changes_the_rate_of_the_whole_call(catalog: Catalog) -> None:
    # https://ai.google.dev/gemini-api/docs/pricing, 2026-11-22: 2.5 Pro 1.25 and 10, prompts > 200k 2.50 and 15
    short = catalog.cost("gemini", "gemini-2.5-pro", None, Usage(input=200_000, output=1000), NOW)
    long = catalog.cost("gemini", "gemini-2.5-pro", None, Usage(input=250_000, output=1000), NOW)
    assert short.total == Decimal("0.26")
    assert long.total == Decimal("0.64")
    assert [line.tier for line in long.lines] == ["above 200,000 input tokens"] * 2


def test_cached_tokens_count_for_the_length_of_the_prompt(catalog: Catalog) -> None:
    # https://ai.google.dev/gemini-api/docs/pricing, 2026-11-22: 2.5 Pro, prompts > 200k: cached 0.25
    usage = Usage(input=201_000, cache_read=200_000, output=0)
    cost = catalog.cost("gemini", "gemini-2.5-pro", None, usage, NOW)
    assert cost.total == 1000 * Decimal("2.5e-6") + 200_000 * Decimal("0.25e-6")


def test_audio_in(catalog: Catalog) -> None:
    # https://ai.google.dev/gemini-api/docs/pricing, 2026-11-22: 2.5 Flash 0.30 text, 1.00 audio, 2.50 out
    cost = catalog.cost("gemini", "gemini-2.5-flash", None, Usage(input=2000, audio_input=1500, output=100), NOW)
    assert lines(cost) == [("input", 500, "0.3"), ("audio_input", 1500, "1"), ("output", 100, "2.5")]
    assert cost.total == Decimal("0.0019")


def test_audio_in_and_out_with_a_cache(catalog: Catalog) -> None:
    # https://platform.openai.com/docs/pricing, 2026-11-22: gpt-realtime text 4, 0.40, 16; audio 32, 0.40, 64
    usage = Usage(input=1000, cache_read=400, audio_input=700, audio_cache_read=300, output=200, audio_output=150)
    cost = catalog.cost("openai", "gpt-realtime", None, usage, NOW)
    assert lines(cost) == [
        ("input", 200, "4"),
        ("cache_read", 100, "0.4"),
        ("audio_cache_read", 300, "0.4"),
        ("audio_input", 400, "32"),
        ("output", 50, "16"),
        ("audio_output", 150, "64"),
    ]
    assert cost.total == Decimal("0.02416")


def test_a_part_without_a_rate_is_billed_as_text_and_says_so(catalog: Catalog) -> None:
    # https://docs.mistral.ai/getting-started/models, 2026-11-22: mistral-large-2411 2 in, 6 out, no cache price
    cost = catalog.cost("mistral", "mistral-large-2411", None, Usage(input=100, cache_read=60, output=10), NOW)
    assert cost.total == Decimal("0.00026")
    assert [(line.unit, line.tier) for line in cost.lines] == [
        ("input", None),
        ("cache_read", "input rate"),
        ("output", None),
    ]


def test_service_tier(catalog: Catalog) -> None:
    # https://platform.openai.com/docs/pricing?latest-pricing=priority, 2026-11-22: gpt-4.1 3.50 in, 14.00 out
    usage = Usage(input=1000, output=100, service_tier="priority")
    cost = catalog.cost("openai", "gpt-4.1", None, usage, NOW)
    assert cost.total == Decimal("0.0049")
    assert all(line.tier and line.tier.startswith("priority") for line in cost.lines)


def test_the_default_tier_is_no_tier(catalog: Catalog) -> None:
    usage = Usage(input=1000, output=100, service_tier="default")
    assert catalog.cost("openai", "gpt-4.1", None, usage, NOW).total == Decimal("0.0028")


def test_prepaid_capacity_has_no_price(catalog: Catalog) -> None:
    usage = Usage(input=1000, output=100, service_tier="PROVISIONED_THROUGHPUT")
    assert catalog.cost("vertex", "gemini-2.5-flash", None, usage, NOW) == Cost()


def test_a_price_cut_leaves_the_day_before_alone(catalog: Catalog) -> None:
    # https://openai.com/api/pricing: o3 10 and 40 until 2025-06-09, 2 and 8 from 2025-06-10
    usage = Usage(input=1000, output=1000)
    before = catalog.cost("openai", "o3", "o3-2025-04-16", usage, at("2025-06-09T23:59:59"))
    after = catalog.cost("openai", "o3", "o3-2025-04-16", usage, at("2025-06-10"))
    assert before.total == Decimal("0.05")
    assert after.total == Decimal("0.01")
    assert after.price_version == "genai-prices 0.2.3 2025-06-10"


def test_the_hour_of_the_day(catalog: Catalog) -> None:
    # https://api-docs.deepseek.com/quick_start/pricing, 2025-03-01: 0.27 and 1.10; 16:30 to 00:30 UTC 0.135 and 0.55
    usage = Usage(input=1000, output=1000)
    totals = [
        catalog.cost("deepseek", "deepseek-chat", None, usage, at(f"2025-03-01T{clock}")).total
        for clock in ("00:29:59", "00:30:00", "16:29:59", "16:30:00")
    ]
    assert totals == [Decimal("0.000685"), Decimal("0.00137"), Decimal("0.00137"), Decimal("0.000685")]


def test_the_day_of_the_week(catalog: Catalog) -> None:
    # https://api-docs.deepseek.com/quick_start/pricing, 2026-11-20: V4 Pro 0.66 and 1.98; twice that on weekdays
    # from 1:00 to 4:00 and from 6:00 to 10:00 UTC
    usage = Usage(input=1000, output=1000)
    friday, saturday = (
        catalog.cost("deepseek", "deepseek-v4-pro", None, usage, at(f"2026-11-{day}T06:30")).total for day in (20, 21)
    )
    assert (friday, saturday) == (Decimal("0.00528"), Decimal("0.00264"))


def test_spoken_words_in_a_chat(catalog: Catalog) -> None:
    # https://developers.openai.com/api/docs/models/gpt-4o-audio-preview, 2026-11-22: text 2.50 and 10, audio 40 and 80
    usage = Usage(input=120, audio_input=100, output=60, audio_output=50)
    cost = catalog.cost("openai", "gpt-4o-audio-preview", "gpt-4o-audio-preview-2025-06-03", usage, NOW)
    assert cost.total == Decimal("0.00815")


def test_a_fee_for_each_request(catalog: Catalog) -> None:
    # https://docs.perplexity.ai/getting-started/pricing, 2026-11-22: sonar 1 and 1, 12 per 1,000 requests (high)
    cost = catalog.cost("perplexity", "sonar", None, Usage(input=8, output=15), NOW)
    assert cost.total == Decimal("0.012023")


def test_searches_of_the_provider(catalog: Catalog) -> None:
    # https://platform.claude.com/docs/en/about-claude/pricing, 2026-11-22: Haiku 4.5 1 and 5; web search 10 per 1,000
    usage = Usage(input=1000, output=100, units={"web_search": Decimal(2), "web_fetch": Decimal(1)})
    cost = catalog.cost("anthropic", "claude-haiku-4-5", None, usage, NOW)
    assert cost.total == Decimal("0.0215")
    assert cost.unpriced == []


def test_a_unit_without_a_rate_is_named(catalog: Catalog) -> None:
    usage = Usage(input=1000, output=100, units={"teleports": Decimal(2)})
    cost = catalog.cost("anthropic", "claude-haiku-4-5", None, usage, NOW)
    assert cost.total == Decimal("0.0015")
    assert cost.unpriced == ["teleports"]


def test_tokens_of_another_model(catalog: Catalog) -> None:
    # https://platform.claude.com/docs/en/about-claude/pricing, 2026-11-22: Haiku 4.5 1 and 5, Opus 4.1 15 and 75
    units = {"claude-opus-4-1-20250805:input_tokens": Decimal(1000), "claude-opus-4-1:output_tokens": Decimal(10)}
    usage = Usage(input=1000, output=100, units=units)
    cost = catalog.cost("anthropic", "claude-haiku-4-5", None, usage, NOW)
    assert cost.total == Decimal("0.0015") + Decimal("0.015") + Decimal("0.00075")
    assert cost.unpriced == []


def test_seconds_of_audio(catalog: Catalog) -> None:
    # https://platform.openai.com/docs/pricing, 2026-11-22: Whisper 0.006 a minute
    cost = catalog.cost("openai", "whisper-1", None, Usage(units={"seconds": Decimal("90.5")}), NOW)
    assert cost.total == Decimal("0.00905")


def test_seconds_are_not_billed_beside_tokens(catalog: Catalog) -> None:
    # https://platform.openai.com/docs/pricing, 2026-11-22: gpt-4o-mini-transcribe audio 3, text 1.25, out 5
    usage = Usage(input=100, audio_input=100, output=20, units={"seconds": Decimal(10)})
    assert catalog.cost("openai", "gpt-4o-mini-transcribe", None, usage, NOW).total == Decimal("0.0004")


def test_billed_units_take_the_place_of_counted_tokens(catalog: Catalog) -> None:
    # https://cohere.com/pricing, 2026-11-22: Command A 2.50 in, 10.00 out
    units = {"billed_input_tokens": Decimal(5), "billed_output_tokens": Decimal(2)}
    usage = Usage(input=500, cache_read=464, output=4, units=units)
    assert catalog.cost("cohere", "command-a-03-2025", None, usage, NOW).total == Decimal("0.0000325")


def test_embeddings_have_no_output(catalog: Catalog) -> None:
    # https://platform.openai.com/docs/pricing, 2026-11-22: text-embedding-3-small 0.02
    cost = catalog.cost("openai", "text-embedding-3-small", None, Usage(input=1000), NOW)
    assert cost.total == Decimal("0.00002")


def test_a_free_model_costs_nothing(catalog: Catalog) -> None:
    # https://ai.google.dev/gemini-api/docs/pricing, 2026-11-22: Gemma 3 free of charge
    cost = catalog.cost("gemini", "gemma-3-27b-it", None, Usage(input=10, output=10), NOW)
    assert cost.total == 0
    assert cost.source is CostSource.CATALOG
    assert lines(cost) == [("input", 10, "0"), ("output", 10, "0")]


def test_an_unknown_model_has_no_cost(catalog: Catalog) -> None:
    cost = catalog.cost("openai", "gpt-9000", "gpt-9000-2031-01-01", Usage(input=10, output=10), NOW)
    assert cost == Cost()


def test_a_call_that_nobody_counted_has_no_cost(catalog: Catalog) -> None:
    assert catalog.cost("openai", "gpt-4o", None, None, NOW) == Cost()
    assert catalog.cost("openai", "gpt-4o", None, Usage(), NOW).total is None
    searched = Usage(units={"web_search": Decimal(1)})
    assert catalog.cost("openai", "gpt-4o", None, searched, NOW).total is None


def test_tokens_that_have_no_rate_leave_the_total_open(catalog: Catalog) -> None:
    cost = catalog.cost("openai", "whisper-1", None, Usage(input=10, output=5), NOW)
    assert (cost.total, cost.unpriced) == (None, ["input", "output"])


def test_the_provider_knows_best(catalog: Catalog) -> None:
    usage = Usage(input=1000, output=500, provider_cost=Decimal("0.0042"))
    cost = catalog.cost("openai", "gpt-4o", None, usage, NOW)
    assert cost.total == Decimal("0.0042")
    assert cost.source is CostSource.PROVIDER
    assert sum(line.amount for line in cost.lines) == Decimal("0.0075")


def test_the_provider_bills_a_model_that_nobody_lists(catalog: Catalog) -> None:
    usage = Usage(input=1000, output=500, provider_cost=Decimal("0.0042"))
    cost = catalog.cost("openrouter", "stealth/none", None, usage, NOW)
    assert (cost.total, cost.source, cost.lines) == (Decimal("0.0042"), CostSource.PROVIDER, [])


def test_an_estimate_is_marked(catalog: Catalog) -> None:
    usage = Usage(input=1000, output=500, source=UsageSource.ESTIMATED)
    assert catalog.cost("openai", "gpt-4o", None, usage, NOW).estimated


def test_the_model_asked_for_stands_in_for_a_deployment(catalog: Catalog) -> None:
    # https://azure.microsoft.com/en-us/pricing/details/cognitive-services/openai-service/, 2026-11-22: gpt-4 30, 60
    cost = catalog.cost("azure", "gpt-4", "OUR-DEPLOYMENT", Usage(input=20, output=15), NOW)
    assert cost.total == Decimal("0.0015")


def test_a_free_model_is_no_price_for_the_one_that_answered(catalog: Catalog) -> None:
    cost = catalog.cost("openrouter", "google/gemini-2.0-flash-exp:free", "x/other", Usage(input=9, output=9), NOW)
    assert cost.total is None
