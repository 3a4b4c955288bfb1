"""The model's name decides where a call goes."""

import pytest

from kagura.providers import load
from kagura.proxy.models import ModelNames
from kagura.proxy.routes import Refusal, Route, Router


def applied(
    body: bytes, *, path: str = "/v1/chat/completions", default: str = "openai", aliases: dict[str, str] | None = None
) -> tuple[Route | Refusal, bytes]:
    router = Router(load({}), default)
    route = router.route("POST", path, "", {})
    assert isinstance(route, Route)
    return ModelNames(router, aliases or {}).apply(route, body)


def test_a_prefix_names_the_provider_and_is_cut() -> None:
    target, body = applied(b'{ "messages" : [],"model":"groq/llama-3/x" , "z":"groq/"}')
    assert isinstance(target, Route)
    assert (target.provider.name, target.rest) == ("groq", "/v1/chat/completions")
    assert body == b'{ "messages" : [],"model":"llama-3/x" , "z":"groq/"}'


def test_the_target_provider_has_its_own_root() -> None:
    target, _ = applied(b'{"model":"gemini/flash"}')
    assert isinstance(target, Route)
    assert target.rest == "/v1beta/openai/chat/completions"


@pytest.mark.parametrize(
    ("model", "path", "translated"),
    [
        ("anthropic/claude", "/v1/chat/completions", True),
        ("bedrock/amazon.nova-lite-v1:0", "/v1/embeddings", True),
        ("vertex/gemini-2.5-flash", "/v1/responses", True),
        ("gemini/gemini-2.5-flash", "/v1/responses", True),
        ("gemini/gemini-2.5-flash", "/v1/chat/completions", False),
        ("groq/llama", "/v1/responses", False),
    ],
)
def test_what_a_providers_own_api_lacks_is_translated(model: str, path: str, translated: bool) -> None:
    target, body = applied(b'{"model":"%b"}' % model.encode(), path=path)
    assert isinstance(target, Route)
    assert (target.provider.name, target.translated) == (model.partition("/")[0], translated)
    assert body == b'{"model":"%b"}' % model.partition("/")[2].encode()
    if translated:
        assert (target.rest, target.dialect, target.provider.include_usage) == (path, "openai", True)


def test_what_is_neither_translated_nor_has_an_address_is_refused() -> None:
    refusal, _ = applied(b'{"model":"vertex/x"}', path="/v1/completions")
    assert isinstance(refusal, Refusal)
    assert refusal.code == "provider_not_configured"


def test_the_default_providers_own_prefix_is_cut_too() -> None:
    target, body = applied(b'{"model":"openai/gpt-4o"}')
    assert isinstance(target, Route)
    assert (target.provider.name, body) == ("openai", b'{"model":"gpt-4o"}')


@pytest.mark.parametrize(
    "body", [b'{"model":"nobody/x"}', b'{"model":7}', b'{"a":"groq/x"}', b"groq/x", b'{"model":"groq/"}']
)
def test_what_names_no_provider_stays(body: bytes) -> None:
    target, after = applied(body)
    assert isinstance(target, Route)
    assert (target.provider.name, after) == ("openai", body)


def test_a_default_provider_with_vendor_models_keeps_the_prefix() -> None:
    target, body = applied(b'{"model":"groq/llama"}', default="openrouter")
    assert isinstance(target, Route)
    assert (target.provider.name, body) == ("openrouter", b'{"model":"groq/llama"}')


def test_an_alias_may_name_model_and_provider() -> None:
    aliases = {"fast": "groq/llama", "good": "gpt-4o"}
    target, body = applied(b'{"model":"fast"}', aliases=aliases)
    assert isinstance(target, Route)
    assert (target.provider.name, body) == ("groq", b'{"model":"llama"}')
    assert applied(b'{"model":"good"}', aliases=aliases)[1] == b'{"model":"gpt-4o"}'


def test_only_openai_style_paths_that_name_no_provider_are_read() -> None:
    router = Router(load({}), "openai")
    names = ModelNames(router, {})
    for path, read in (("/v1/embeddings", True), ("/openai/v1/embeddings", False), ("/v1/files", False)):
        route = router.route("POST", path, "", {})
        assert isinstance(route, Route)
        assert names.concerns(route) is read
