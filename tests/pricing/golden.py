"""Bills worked out by hand from the price lists that providers publish.

`working` is the sum on paper, in US dollars a million where the unit is a token or a character; `page` is where the
rates stand, read on `READ_ON`. Facts are those of `kagura.pricing.facts`.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from kagura.model import Usage

READ_ON = "2026-11-22"

OPENAI = "https://openai.com/api/pricing"
OPENAI_DOCS = "https://platform.openai.com/docs/pricing"
OPENAI_RESIDENCY = "https://developers.openai.com/api/docs/guides/data-residency"
CLAUDE = "https://platform.claude.com/docs/en/about-claude/pricing"
GEMINI = "https://ai.google.dev/gemini-api/docs/pricing"
VERTEX = "https://cloud.google.com/vertex-ai/generative-ai/pricing"
GROQ = "https://groq.com/pricing"
GROQ_AUDIO = "https://console.groq.com/docs/speech-to-text"
MISTRAL = "https://mistral.ai/pricing"
COHERE = "https://cohere.com/pricing"
PERPLEXITY = "https://docs.perplexity.ai/getting-started/pricing"
DEEPSEEK = "https://api-docs.deepseek.com/quick_start/pricing"
BEDROCK = "https://aws.amazon.com/bedrock/pricing"
ALIBABA = "https://www.alibabacloud.com/help/en/model-studio/models"
VOYAGE = "https://docs.voyageai.com/docs/pricing"
XAI_REGIONS = "https://docs.x.ai/developers/advanced-api-usage/regions"
TOGETHER_REGIONS = "https://docs.together.ai/docs/serverless/geo-specific-inference"
CEREBRAS = "https://www.cerebras.ai/pricing"


NO_FACTS: Mapping[str, str] = {}


class Bill(NamedTuple):
    """A call, and what it cost."""

    name: str
    page: str
    provider: str
    model: str
    usage: Usage
    working: str
    total: str
    facts: Mapping[str, str] = NO_FACTS
    at: str = f"{READ_ON}T12:00"


def units(**quantities: str) -> dict[str, Decimal]:
    return {unit: Decimal(quantity) for unit, quantity in quantities.items()}


BILLS = (
    Bill(
        *("text", OPENAI, "openai", "gpt-4o-mini", Usage(input=12_000, output=800)),
        *("12000 × 0.15 + 800 × 0.60", "0.00228"),
    ),
    Bill(
        *("text of an open model", GROQ, "groq", "llama-3.3-70b-versatile", Usage(input=1000, output=500)),
        *("1000 × 0.59 + 500 × 0.79", "0.000985"),
    ),
    Bill(
        *("text of a retired model", OPENAI, "openai", "gpt-4-0613", Usage(input=1000, output=100)),
        *("1000 × 30 + 100 × 60", "0.036"),
    ),
    Bill(
        *("text at one rate", CEREBRAS, "cerebras", "llama3.1-8b", Usage(input=10_000, output=5000)),
        *("15000 × 0.10", "0.0015"),
    ),
    Bill(
        *("cached input", OPENAI, "openai", "gpt-4.1-mini", Usage(input=10_000, cache_read=8000, output=500)),
        *("2000 × 0.40 + 8000 × 0.10 + 500 × 1.60", "0.0024"),
    ),
    Bill(
        "cache writes for five minutes and an hour",
        *(CLAUDE, "anthropic", "claude-3-haiku-20240307"),
        Usage(input=10_000, cache_read=4000, cache_write=5000, cache_write_1h=2000, output=400),
        *("1000 × 0.25 + 4000 × 0.03 + 3000 × 0.30 + 2000 × 0.50 + 400 × 1.25", "0.00277"),
    ),
    Bill(
        *("reasoning is output", OPENAI, "openai", "o4-mini", Usage(input=1000, output=2000, reasoning=1500)),
        *("1000 × 1.10 + 2000 × 4.40", "0.0099"),
    ),
    Bill(
        "reasoning apart",
        *(ALIBABA, "dashscope", "qwen-plus-2025-07-28", Usage(input=1000, output=600, reasoning=500)),
        *("1000 × 0.40 + 100 × 1.20 + 500 × 4.00", "0.00252"),
    ),
    Bill(
        *("a prompt at the step", CLAUDE, "anthropic", "claude-haiku-5-5", Usage(input=100_000, output=1000)),
        *("100000 × 0.10 + 1000 × 0.50", "0.0105"),
    ),
    Bill(
        *("a prompt beyond the step", CLAUDE, "anthropic", "claude-haiku-5-5", Usage(input=100_001, output=1000)),
        *("100001 × 0.50 + 1000 × 2.50", "0.0525005"),
    ),
    Bill(
        "a long prompt, mostly cached",
        *(OPENAI_DOCS, "openai", "gpt-5.4", Usage(input=300_000, cache_read=200_000, output=1000)),
        *("100000 × 5.00 + 200000 × 0.50 + 1000 × 22.50", "0.6225"),
    ),
    Bill(
        *("batch", OPENAI, "openai", "gpt-4o-mini", Usage(input=12_000, output=800, service_tier="batch")),
        *("12000 × 0.075 + 800 × 0.30", "0.00114"),
    ),
    Bill(
        *("batch by its endpoint", CLAUDE, "anthropic", "claude-sonnet-4-5", Usage(input=1000, output=500)),
        *("1000 × 1.50 + 500 × 7.50", "0.00525", {"tier": "batch"}),
    ),
    Bill(
        *("flex", OPENAI_DOCS, "openai", "gpt-5", Usage(input=1000, output=500, service_tier="flex")),
        *("1000 × 0.625 + 500 × 5.00", "0.003125"),
    ),
    Bill(
        *("priority", OPENAI_DOCS, "openai", "o4-mini", Usage(input=1000, output=500, service_tier="priority")),
        *("1000 × 2.00 + 500 × 8.00", "0.006"),
    ),
    Bill(
        "priority, as Google's traffic type says",
        *(GEMINI, "gemini", "gemini-2.5-flash", Usage(input=10_000, output=1000)),
        *("10000 × 0.54 + 1000 × 4.50", "0.0099", {"tier": "on_demand_priority"}),
    ),
    Bill(
        *("fast mode", CLAUDE, "anthropic", "claude-opus-5-5", Usage(input=1000, output=100)),
        *("1000 × 8.00 + 100 × 40.00", "0.012", {"tier": "fast"}),
    ),
    Bill(
        *("inference in the US", CLAUDE, "anthropic", "claude-opus-5-5", Usage(input=1000, output=100)),
        *("(1000 × 4.00 + 100 × 20.00) × 1.1", "0.0066", {"inference_geo": "us"}),
    ),
    Bill(
        *("inference anywhere", CLAUDE, "anthropic", "claude-opus-5-5", Usage(input=1000, output=100)),
        *("1000 × 4.00 + 100 × 20.00", "0.006", {"inference_geo": "global"}),
    ),
    Bill(
        "fast in the US, with caches and searches",
        *(CLAUDE, "anthropic", "claude-opus-5-5"),
        Usage(input=2000, cache_read=1000, output=100, units=units(web_search="2")),
        "(1000 × 8.00 + 1000 × 0.40 + 100 × 40.00) × 1.1 + 2 × 0.01 dollars",
        *("0.03364", {"tier": "fast", "inference_geo": "us"}),
    ),
    Bill(
        *("a European endpoint", OPENAI_RESIDENCY, "openai", "gpt-5.4", Usage(input=1000, output=100)),
        *("(1000 × 2.50 + 100 × 15.00) × 1.1", "0.0044", {"region": "eu"}),
    ),
    Bill(
        "a European endpoint, a model from before the surcharge",
        *(OPENAI_RESIDENCY, "openai", "gpt-4o", Usage(input=1000, output=100)),
        *("1000 × 2.50 + 100 × 10.00", "0.0035", {"region": "eu"}),
    ),
    Bill(
        *("a regional endpoint", VERTEX, "vertex", "gemini-3.5-flash", Usage(input=1000, output=100)),
        *("(1000 × 1.50 + 100 × 9.00) × 1.1", "0.00264", {"region": "us-east5"}),
    ),
    Bill(
        *("the global endpoint", VERTEX, "vertex", "gemini-3.5-flash", Usage(input=1000, output=100)),
        *("1000 × 1.50 + 100 × 9.00", "0.0024"),
    ),
    Bill(
        "a regional inference profile",
        *(BEDROCK, "bedrock", "us.anthropic.claude-haiku-4-5-20251001-v1:0", Usage(input=1000, output=100)),
        *("1000 × 1.10 + 100 × 5.50", "0.00165", {"region": "us-east-1"}),
    ),
    Bill(
        *("xAI's US endpoint", XAI_REGIONS, "xai", "grok-4.6", Usage(input=1000, output=100)),
        *("(1000 × 2.00 + 100 × 6.00) × 1.1", "0.00286", {"region": "us"}),
    ),
    Bill(
        *("Together's Canadian endpoint", TOGETHER_REGIONS, "together", "zai-org/GLM-5.3"),
        Usage(input=1000, output=100),
        *("(1000 × 1.40 + 100 × 4.40) × 1.25", "0.0023", {"region": "ca"}),
    ),
    Bill(
        *("audio in", GEMINI, "gemini", "gemini-2.0-flash", Usage(input=2000, audio_input=1500, output=100)),
        *("500 × 0.10 + 1500 × 0.70 + 100 × 0.40", "0.00114"),
    ),
    Bill(
        "speech to text by the token",
        *(OPENAI_DOCS, "openai", "gpt-4o-transcribe", Usage(input=1000, audio_input=1000, output=200)),
        *("1000 × 6.00 + 200 × 10.00", "0.008"),
    ),
    Bill(
        "a picture by its tokens",
        *(OPENAI_DOCS, "openai", "gpt-image-1", Usage(input=1050, image_input=1000, output=1056, image_output=1056)),
        *("50 × 5.00 + 1000 × 10.00 + 1056 × 40.00", "0.05249"),
    ),
    Bill(
        "a picture in an answer",
        *(GEMINI, "gemini", "gemini-2.5-flash-image", Usage(input=20, output=1290, image_output=1290)),
        *("20 × 0.30 + 1290 × 30.00", "0.038706"),
    ),
    Bill(
        *("a tall picture in HD", OPENAI_DOCS, "openai", "dall-e-3", Usage(units=units(images="1"))),
        *("1 × 0.12 dollars", "0.12", {"size": "1024x1792", "quality": "hd"}, "2026-01-15T12:00"),
    ),
    Bill(
        *("square pictures", OPENAI_DOCS, "openai", "dall-e-3", Usage(units=units(images="2"))),
        *("2 × 0.04 dollars", "0.08", {"size": "1024x1024", "quality": "standard"}, "2026-01-15T12:00"),
    ),
    Bill(
        *("small pictures", OPENAI_DOCS, "openai", "dall-e-2", Usage(units=units(images="4"))),
        *("4 × 0.016 dollars", "0.064", {"size": "256x256"}, "2026-01-15T12:00"),
    ),
    Bill(
        *("text to speech", OPENAI_DOCS, "openai", "tts-1", Usage(units=units(characters="1200"))),
        *("1200 × 15.00", "0.018"),
    ),
    Bill(
        *("text to speech in HD", OPENAI_DOCS, "openai", "tts-1-hd", Usage(units=units(characters="1200"))),
        *("1200 × 30.00", "0.036"),
    ),
    Bill(
        *("minutes of audio", MISTRAL, "mistral", "voxtral-mini-latest", Usage(units=units(seconds="120"))),
        *("2 × 0.003 dollars", "0.006"),
    ),
    Bill(
        *("hours of audio", GROQ_AUDIO, "groq", "whisper-large-v3", Usage(units=units(seconds="90"))),
        *("90 / 3600 × 0.111 dollars", "0.002775"),
    ),
    Bill(
        *("the least that is billed", GROQ_AUDIO, "groq", "whisper-large-v3-turbo", Usage(units=units(seconds="3"))),
        *("10 / 3600 × 0.04 dollars", "0.000111111"),
    ),
    Bill(
        *("seconds of video", OPENAI_DOCS, "openai", "sora-2", Usage(units=units(video_seconds="8"))),
        *("8 × 0.10 dollars", "0.80"),
    ),
    Bill(
        *("pages of a document", MISTRAL, "mistral", "mistral-ocr-latest", Usage(units=units(pages="10"))),
        *("10 / 1000 × 4 dollars", "0.04"),
    ),
    Bill(
        *("searches of a reranker", COHERE, "cohere", "rerank-v3.5", Usage(units=units(search_units="3"))),
        *("3 / 1000 × 2 dollars", "0.006"),
    ),
    Bill(
        "a web search",
        *(OPENAI_DOCS, "openai", "gpt-4o-search-preview"),
        Usage(input=100, output=50, units=units(web_search="1")),
        *("100 × 2.50 + 50 × 10.00 + 1 / 1000 × 25 dollars", "0.02575"),
    ),
    Bill(
        "searches in files",
        *(OPENAI_DOCS, "openai", "gpt-4.1-mini", Usage(input=1000, output=100, units=units(file_search="2"))),
        *("1000 × 0.40 + 100 × 1.60 + 2 / 1000 × 2.50 dollars", "0.00556"),
    ),
    Bill(
        *("a fee for a shallow search", PERPLEXITY, "perplexity", "sonar-pro", Usage(input=20, output=100)),
        *("20 × 3.00 + 100 × 15.00 + 6 / 1000 dollars", "0.00756", {"search_context_size": "low"}),
    ),
    Bill(
        *("a fee for a deeper search", PERPLEXITY, "perplexity", "sonar", Usage(input=8, output=15)),
        *("23 × 1.00 + 8 / 1000 dollars", "0.008023", {"search_context_size": "medium"}),
    ),
    Bill(
        *("embeddings", OPENAI, "openai", "text-embedding-3-large", Usage(input=10_000)),
        *("10000 × 0.13", "0.0013"),
    ),
    Bill(
        *("embeddings elsewhere", VOYAGE, "voyage", "voyage-3-large", Usage(input=10_000)),
        *("10000 × 0.18", "0.0018"),
    ),
    Bill(
        *("moderation", OPENAI, "openai", "omni-moderation-latest", Usage(input=500, output=0)),
        *("free", "0"),
    ),
    Bill(
        *("by day", DEEPSEEK, "deepseek", "deepseek-reasoner", Usage(input=1000, output=1000)),
        *("1000 × 0.55 + 1000 × 2.19", "0.00274", {}, "2025-03-01T12:00"),
    ),
    Bill(
        *("by night", DEEPSEEK, "deepseek", "deepseek-reasoner", Usage(input=1000, output=1000)),
        *("1000 × 0.135 + 1000 × 0.55", "0.000685", {}, "2025-03-01T17:00"),
    ),
    Bill(
        *("after a cut", DEEPSEEK, "deepseek", "deepseek-reasoner", Usage(input=1000, output=1000)),
        *("1000 × 0.28 + 1000 × 0.42", "0.0007", {}, "2025-09-29T00:00"),
    ),
    Bill(
        *("before a cut", DEEPSEEK, "deepseek", "deepseek-reasoner", Usage(input=1000, output=1000)),
        *("1000 × 0.56 + 1000 × 1.68", "0.00224", {}, "2025-09-28T23:59"),
    ),
    Bill(
        "billed units instead of counted tokens",
        *(COHERE, "cohere", "command-r-plus-08-2024"),
        Usage(input=500, output=90, units=units(billed_input_tokens="100", billed_output_tokens="80")),
        *("100 × 2.50 + 80 × 10.00", "0.00105"),
    ),
    Bill(
        "what the provider says it billed",
        *("https://openrouter.ai/docs/use-cases/usage-accounting", "openrouter", "openai/gpt-4o"),
        Usage(input=1000, output=500, provider_cost=Decimal("0.0069")),
        *("as stated", "0.0069"),
    ),
)
