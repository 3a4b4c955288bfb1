import msgspec
import pytest

from kagura.errors import ConfigError
from kagura.providers import Provider, load, upstream_url

FIRST_ROWS = ["openai", "anthropic", "gemini", "azure", "openrouter", "groq", "mistral", "deepseek", "xai", "together"]
FIRST_ROWS += ["fireworks", "perplexity", "cohere"]


def test_the_named_providers_are_there() -> None:
    table = load({})
    for name in (*FIRST_ROWS, "ollama", "vllm", "lmstudio"):
        assert table[name].name == name


def test_built_in_base_urls_end_before_the_version() -> None:
    for row in load({}).values():
        assert row.base_url is None or not row.base_url.endswith(("/", "/v1", "/v1beta"))


def test_every_row_knows_where_its_openai_style_api_lives() -> None:
    table = load({})
    roots = {name: f"{row.base_url}{row.openai_root}" for name, row in table.items()}
    assert roots["openai"] == "https://api.openai.com/v1"
    assert roots["gemini"] == "https://generativelanguage.googleapis.com/v1beta/openai"
    assert roots["groq"] == "https://api.groq.com/openai/v1"
    assert roots["perplexity"] == "https://api.perplexity.ai"
    assert roots["cohere"] == "https://api.cohere.com/compatibility/v1"


def test_a_users_row_merges_field_by_field() -> None:
    table = load({"groq": {"base_url": "http://10.0.0.1"}, "mine": {"base_url": "http://10.0.0.2"}})
    assert table["groq"] == msgspec.structs.replace(load({})["groq"], base_url="http://10.0.0.1")
    assert table["mine"] == Provider(name="mine", base_url="http://10.0.0.2")
    assert table["mine"].dialect == "openai"


def test_loading_leaves_the_built_in_rows_alone() -> None:
    load({"openai": {"base_url": "http://10.0.0.1"}})
    assert load({})["openai"].base_url == "https://api.openai.com"


@pytest.mark.parametrize("fields", [{"base_ulr": "x"}, {"include_usage": "maybe"}, {"auth": "cookie"}])
def test_a_wrong_field_is_refused_by_name(fields: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"providers\.mine") as caught:
        load({"mine": fields})
    assert "base_url" in caught.value.remedy


@pytest.mark.parametrize(
    ("base", "rest", "expected"),
    [
        ("https://api.openai.com", "/v1/chat/completions", "https://api.openai.com/v1/chat/completions"),
        ("https://api.groq.com/openai", "/openai/v1/x", "https://api.groq.com/openai/v1/x"),
        ("https://api.groq.com/openai", "/v1/x", "https://api.groq.com/openai/v1/x"),
        ("https://api.groq.com/openai/", "/v1/x", "https://api.groq.com/openai/v1/x"),
        ("https://api.groq.com/openai", "/openai-files/x", "https://api.groq.com/openai/openai-files/x"),
        ("https://api.groq.com/openai", "/openai", "https://api.groq.com/openai"),
        ("https://api.groq.com/openai", "/openai?a=/b", "https://api.groq.com/openai?a=/b"),
        ("http://127.0.0.1:9", "/model/a%3A0/invoke?x=%2F&x=", "http://127.0.0.1:9/model/a%3A0/invoke?x=%2F&x="),
        ("http://127.0.0.1:9", "", "http://127.0.0.1:9"),
        ("http://127.0.0.1:9", "v1/x", "http://127.0.0.1:9/v1/x"),
    ],
)
def test_upstream_url(base: str, rest: str, expected: str) -> None:
    assert upstream_url(base, rest) == expected
