"""The address table, row by row."""

import pytest

from kagura.providers import Provider, load
from kagura.proxy.labels import PathTags
from kagura.proxy.routes import Refusal, Route, Router, reroute


def router(default: str = "openai", **rows: dict[str, object]) -> Router:
    return Router(load(rows), default)


def route(
    path: str, *, headers: dict[bytes, bytes] | None = None, method: str = "POST", default: str = "openai"
) -> Route:
    path, _, query = path.partition("?")
    found = router(default).route(method, path, query, headers or {})
    assert isinstance(found, Route), found
    return found


@pytest.mark.parametrize(
    ("path", "provider", "rest", "dialect"),
    [
        ("/v1/chat/completions", "openai", "/v1/chat/completions", "openai"),
        ("/v1/responses?x=1", "openai", "/v1/responses?x=1", "openai"),
        ("/v1/completions", "openai", "/v1/completions", "openai"),
        ("/v1/models/gpt-4o", "openai", "/v1/models/gpt-4o", "openai"),
        ("/v1/models/ft:gpt-4o:org::abc", "openai", "/v1/models/ft:gpt-4o:org::abc", "openai"),
        ("/v1/models/llama3:latest", "openai", "/v1/models/llama3:latest", "openai"),
        ("/v1/messages", "anthropic", "/v1/messages", "anthropic"),
        ("/v1/messages?beta=true", "anthropic", "/v1/messages?beta=true", "anthropic"),
        ("/v1/messages/count_tokens", "anthropic", "/v1/messages/count_tokens", "anthropic"),
        ("/messages?beta=true", "anthropic", "/v1/messages?beta=true", "anthropic"),
        ("/v1/messagesx", "openai", "/v1/messagesx", "openai"),
        ("/v1/complete", "anthropic", "/v1/complete", "anthropic"),
        ("/api/hello", "anthropic", "/api/hello", "anthropic"),
        ("/v1beta/models/g:generateContent", "gemini", "/v1beta/models/g:generateContent", "gemini"),
        ("/upload/v1beta/files", "gemini", "/upload/v1beta/files", "gemini"),
        (
            "/v1/models/g:streamGenerateContent?alt=sse",
            "gemini",
            "/v1/models/g:streamGenerateContent?alt=sse",
            "gemini",
        ),
        ("/models/g:countTokens", "gemini", "/models/g:countTokens", "gemini"),
        ("/v1/models?key=abc", "gemini", "/v1/models?key=abc", "gemini"),
        ("/v1beta/openai/chat/completions", "gemini", "/v1beta/openai/chat/completions", "openai"),
        ("/groq/openai/v1/chat/completions", "groq", "/openai/v1/chat/completions", "openai"),
        ("/anthropic/v1/messages", "anthropic", "/v1/messages", "anthropic"),
        ("/anthropic/v1/chat/completions", "anthropic", "/v1/chat/completions", "openai"),
        ("/openai/v1/a%2Fb/../<c>?q=%20&&", "openai", "/v1/a%2Fb/../<c>?q=%20&&", "openai"),
        ("/openai", "openai", "", "openai"),
    ],
)
def test_a_path_leads_to_a_provider_verbatim(path: str, provider: str, rest: str, dialect: str) -> None:
    found = route(path)
    assert (found.provider.name, found.rest, found.dialect) == (provider, rest, dialect)


def test_headers_tell_the_provider_of_a_path_that_names_none() -> None:
    assert route("/v1/files", headers={b"anthropic-version": b"2023-06-01"}).provider.name == "anthropic"
    assert route("/v1/files", headers={b"x-goog-api-key": b"k"}).provider.name == "gemini"


def test_a_named_provider_wins_over_headers() -> None:
    headers = {b"anthropic-version": b"2023-06-01", b"x-goog-api-key": b"k"}
    assert route("/openrouter/v1/messages", headers=headers).provider.name == "openrouter"
    assert route("/groq/v1/models?key=abc").provider.name == "groq"


def test_only_paths_that_name_no_provider_are_open_to_the_model() -> None:
    assert route("/v1/chat/completions").open
    assert not route("/openai/v1/chat/completions").open
    assert not route("/v1/messages").open


@pytest.mark.parametrize("path", ["/agent/my%20bot/run/r-1/v1/models", "/run/r-1/agent/my%20bot/v1/models"])
def test_tags_come_off_in_any_order(path: str) -> None:
    found = route(path)
    assert found.tags == PathTags("my bot", "r-1")
    assert found.rest == "/v1/models"


def test_tags_stand_before_a_named_provider_too() -> None:
    found = route("/agent/caf%C3%A9/groq/v1/models")
    assert (found.tags.agent, found.provider.name, found.rest) == ("café", "groq", "/v1/models")


@pytest.mark.parametrize("name", ["", "%00", "%0a", "%ff", "x" * 201])
def test_a_tag_that_is_no_name_is_refused(name: str) -> None:
    found = router().route("POST", f"/agent/{name}/v1/models", "", {})
    assert isinstance(found, Refusal)
    assert (found.status, found.code) == (400, "bad_path_tag")


def test_an_unknown_first_segment_lists_the_known_ones() -> None:
    found = router().route("POST", "/grok/v1/chat/completions", "", {})
    assert isinstance(found, Refusal)
    assert found.status == 404
    assert "anthropic, " in found.message
    assert "groq, " in found.message


def test_a_path_without_its_v1_gets_a_hint() -> None:
    found = router().route("POST", "/chat/completions", "", {})
    assert isinstance(found, Refusal)
    assert "/v1/chat/completions" in found.message


def test_a_provider_without_an_address_says_which_setting_gives_it() -> None:
    found = router().route("POST", "/azure/openai/deployments/x", "", {})
    assert isinstance(found, Refusal)
    assert "providers.azure.base_url" in found.message


def test_the_default_provider_has_its_own_root() -> None:
    found = route("/v1/chat/completions", default="gemini")
    assert (found.provider.name, found.rest) == ("gemini", "/v1beta/openai/chat/completions")


def test_rerouting_replaces_the_root() -> None:
    table = load({})
    found = reroute(route("/v1/chat/completions?x=1"), table["gemini"])
    assert isinstance(found, Route)
    assert found.rest == "/v1beta/openai/chat/completions?x=1"
    found = reroute(route("/v1/chat/completions"), Provider(name="none"))
    assert isinstance(found, Refusal)
