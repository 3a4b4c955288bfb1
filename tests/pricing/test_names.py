"""Which price a model's name leads to, against the bundled list."""

import pytest

from kagura.pricing import Catalog
from kagura.pricing.names import matches, provider_name, spellings
from kagura.pricing.rows import Clause

NOV_2026 = 1_795_000_000_000_000


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


@pytest.mark.parametrize(
    ("provider", "name", "found_at", "model"),
    [
        ("openai", "gpt-4o", "openai", "gpt-4o"),
        ("openai", "GPT-4o", "openai", "gpt-4o"),
        ("openai", "gpt-4o-2024-08-06", "openai", "gpt-4o"),
        ("openai", "gpt-5.1-20251113", "openai", "gpt-5.1"),
        ("openai", "openai/gpt-4o", "openai", "gpt-4o"),
        ("openai", "ft:gpt-4o-mini-2024-07-18:acme::AbC123", "openai", "ft:gpt-4o-mini"),
        ("anthropic", "claude-sonnet-4-5-20250929", "anthropic", "claude-sonnet-4-5"),
        ("anthropic", "claude-sonnet-4.5", "anthropic", "claude-sonnet-4-5"),
        ("gemini", "models/gemini-2.0-flash", "gemini", "gemini-2.0-flash"),
        ("google", "gemini-2.5-flash-preview-09-2025", "gemini", "gemini-2.5-flash"),
        ("vertex", "publishers/google/models/gemini-2.5-pro", "vertex", "gemini-2.5-pro"),
        ("vertex", "claude-sonnet-4-5@20250929", "vertex", "claude-sonnet-4-5"),
        ("azure", "gpt-4o-2024-11-20", "azure", "gpt-4o-2024-11-20"),
        ("azure_openai", "gpt-35-turbo", "azure", "gpt-35-turbo"),
        ("azure", "gpt-4-0314", "openai", "gpt-4"),
        ("bedrock", "amazon.nova-lite-v1:0", "bedrock", "amazon.nova-lite-v1:0"),
        ("bedrock", "amazon.nova-lite-v1%3A0", "bedrock", "amazon.nova-lite-v1:0"),
        (
            "bedrock",
            "us.anthropic.claude-3-5-sonnet-20241022-v2:0",
            "bedrock",
            "regional.anthropic.claude-3-5-sonnet-20241022-v2:0",
        ),
        (
            "bedrock",
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/global.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "bedrock",
            "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
        ),
        ("fireworks", "accounts/fireworks/models/deepseek-v3-0324", "fireworks", "deepseek-v3-0324"),
        ("fireworks", "deepseek-v3-0324", "fireworks", "deepseek-v3-0324"),
        ("openrouter", "anthropic/claude-sonnet-4.5:beta", "openrouter", "anthropic/claude-sonnet-4.5"),
        ("groq", "openai/gpt-oss-120b", "groq", "openai/gpt-oss-120b"),
        ("groq", "groq/llama-3.3-70b-versatile", "groq", "llama-3.3-70b-versatile"),
        ("together", "meta-llama/llama-3.3-70b-instruct-turbo", "together", "meta-llama/Llama-3.3-70B-Instruct-Turbo"),
        ("x_ai", "grok-3", "xai", "grok-3"),
        ("our-gateway", "gpt-4o", "openai", "gpt-4o"),
        ("our-gateway", "anthropic/claude-sonnet-4-5", "anthropic", "claude-sonnet-4-5"),
    ],
)
def test_found(catalog: Catalog, provider: str, name: str, found_at: str, model: str) -> None:
    price = catalog.find(provider, name, NOV_2026)
    assert price is not None
    assert (price.provider, price.model) == (found_at, model)


@pytest.mark.parametrize(
    ("provider", "name"),
    [
        ("ollama", "llama3.1"),
        ("ollama", "gpt-oss:120b"),
        ("vllm", "gpt-4o"),
        ("lmstudio", "gpt-4o"),
        ("local", "claude-sonnet-4-5"),
        ("openai", "gpt-7"),
        ("openai", "claude-sonnet-4-5"),
        ("azure", "our-deployment"),
        ("vertex", "gemma-3-27b-it"),
        ("anthropic", "gpt-4o"),
        ("groq", "gpt-4o"),
        ("our-gateway", "gpt-oss-120b"),
        ("our-gateway", "mistral-small"),
        ("our-gateway", "deepseek-chat"),
        ("our-gateway", "our-gpt-4o"),
        ("our-gateway", ""),
    ],
)
def test_a_wrong_price_is_worse_than_none(catalog: Catalog, provider: str, name: str) -> None:
    assert catalog.find(provider, name, NOV_2026) is None


def test_the_same_provider_by_many_names() -> None:
    for name in ("Vertex AI", "vertex_ai", "gcp.vertex_ai", "vertex_ai-language-models", "vertex"):
        assert provider_name(name) == "vertex"


def test_spellings_begin_with_the_most_exact() -> None:
    assert spellings("models/Gemini-2.0-Flash", "gemini") == ["models/gemini-2.0-flash", "gemini-2.0-flash"]
    assert spellings("gpt-4o-20240806", "openai") == ["gpt-4o-20240806", "gpt-4o-2024-08-06", "gpt-4o"]


def test_spellings_keep_what_changes_the_price() -> None:
    assert spellings("meta-llama/llama-3.3-70b-instruct:free", "openrouter") == [
        "meta-llama/llama-3.3-70b-instruct:free"
    ]
    assert spellings("gpt-4-0613", "openai") == ["gpt-4-0613"]


@pytest.mark.parametrize(
    ("clause", "fits", "fits_not"),
    [
        (Clause(equals="O3"), "o3", "o3-mini"),
        (Clause(starts_with="claude-3-"), "claude-3-opus", "claude-2"),
        (Clause(ends_with=":free"), "x:free", "x:freely"),
        (Clause(contains="nova"), "us.amazon.nova-lite", "titan"),
        (Clause(regex="^o[134]"), "o4-mini", "gpt-o1"),
        (Clause(or_=[Clause(equals="a"), Clause(equals="b")]), "b", "c"),
        (Clause(and_=[Clause(starts_with="a"), Clause(ends_with="z")]), "a-z", "a-y"),
    ],
)
def test_clauses(clause: Clause, fits: str, fits_not: str) -> None:
    assert matches(clause, fits)
    assert not matches(clause, fits_not)


def test_an_empty_clause_fits_nothing() -> None:
    assert not matches(Clause(), "anything")
