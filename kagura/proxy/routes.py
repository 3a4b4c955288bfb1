"""Where a call goes: the address table, read from the raw path, query and headers. Pure.

1. `/agent/NAME` and `/run/ID` are taken off the front, in any order.
2. A first segment that names a provider sends the rest there, verbatim.
3. What only Anthropic's clients send goes to anthropic; then what only Google's send, to gemini.
4. Any other `/v1/…` goes to the default provider, or to the one that the body's `model` names (models.py).
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from msgspec.structs import replace

from kagura.providers import Provider, find
from kagura.proxy.labels import PathTags, is_name

_TAG = re.compile(r"/(agent|run)/([^/?]*)(?=[/?]|$)")
_SEGMENT = re.compile(r"/([^/?]*)")
_ANTHROPIC = re.compile(r"/v1/messages(?:[/?]|$)|/v1/complete(?:[/?]|$)|/api/hello(?:[/?]|$)")
_ANTHROPIC_UNVERSIONED = re.compile(r"/messages(?:[/?]|$)")
"""What the AI SDK asks for where its base URL is the one that Anthropic's own SDKs want."""
_GEMINI = re.compile(
    r"/(?:upload/|download/)?v1(?:beta|alpha)/"
    r"|(?:/v1)?/models/[^:/?]+(?::|%3[Aa])(?:\w+(?:Content|Contents|Tokens|Answer|Text|Message)|predict\w*)(?:\?|$)"
)
_VERSIONED = re.compile(r"/v1(?:[/?]|$)")
_KEY_IN_QUERY = re.compile(r"(?:^|&)key=")
_OPENAI_PATH = re.compile(r"/openai/|/chat/completions")

OPENAI_STYLE = frozenset(("chat/completions", "completions", "responses", "embeddings"))
"""Endpoints whose body's `model` may name another provider."""
USAGE_ON_DEMAND = frozenset(("chat/completions", "completions"))
"""Endpoints whose streams tell their usage only when asked."""
_SHAPES = {"openai_chat": "openai", "openai_responses": "openai", "anthropic": "anthropic", "gemini": "gemini"}


class Route(NamedTuple):
    """Where a call goes."""

    provider: Provider
    rest: str
    """Path and query below the provider's base URL, verbatim."""
    dialect: str
    """What the client speaks: the shape of errors that it understands."""
    endpoint: str
    tags: PathTags = PathTags()
    open: bool = False
    """The path names no provider, so that the model may."""
    translated: bool = False
    """The call goes to the translator, which talks to the provider."""


class Refusal(NamedTuple):
    """Why a call goes nowhere."""

    status: int
    code: str
    message: str
    dialect: str = "openai"


class Router:
    """The address table of one proxy."""

    def __init__(self, table: Mapping[str, Provider], default: str) -> None:
        self.table = table
        self.default = table[default]

    def route(self, method: str, path: str, query: str, headers: Mapping[bytes, bytes]) -> Route | Refusal:
        """The route of a request; path and query are raw, header names in lower case."""
        tags, path_left = _take_tags(path)
        if isinstance(tags, Refusal):
            return tags
        target = f"{path_left}?{query}" if query else path_left
        segment = _SEGMENT.match(path_left)
        named = self.table.get(segment[1]) if segment else None
        if named is not None and segment is not None:
            rest = target[segment.end() :]
            return self._to(named, method, rest, tags, dialect=_dialect(named, rest))
        if _ANTHROPIC_UNVERSIONED.match(path_left):
            target = f"/v1{target}"
            path_left = f"/v1{path_left}"
        if _ANTHROPIC.match(path_left) or b"anthropic-version" in headers:
            return self._to(self.table["anthropic"], method, target, tags, dialect="anthropic")
        if _GEMINI.match(path_left) or b"x-goog-api-key" in headers or _KEY_IN_QUERY.search(query):
            shape = "openai" if _OPENAI_PATH.search(path_left) else "gemini"
            return self._to(self.table["gemini"], method, target, tags, dialect=shape)
        if _VERSIONED.match(path_left):
            return self._to(self.default, method, _below(self.default, target), tags, dialect="openai", is_open=True)
        return Refusal(404, "unknown_provider", self._unknown(path_left))

    def _to(
        self, provider: Provider, method: str, rest: str, tags: PathTags, *, dialect: str, is_open: bool = False
    ) -> Route | Refusal:
        if provider.base_url is None:
            return not_configured(provider, dialect)
        endpoint = _endpoint(method, rest.partition("?")[0])
        return Route(provider, rest, dialect, endpoint, tags, is_open)

    def _unknown(self, path: str) -> str:
        known = ", ".join(sorted(self.table))
        hint = f" For OpenAI's API use /v1{path}." if find("POST", path).name != "other" else ""
        return f"No provider for {path[:100]!r}.{hint} Use /v1/…, or /PROVIDER/… with one of: {known}."


@lru_cache(maxsize=1024)
def _endpoint(method: str, path: str) -> str:
    return find(method, unquote(path)).name


def not_configured(provider: Provider, dialect: str) -> Refusal:
    """The refusal of a provider whose address depends on the customer and was not given."""
    setting = f"providers.{provider.name}.base_url"
    message = f"The address of {provider.name} depends on your account: set {setting} in config.yaml."
    return Refusal(404, "provider_not_configured", message, dialect)


def reroute(route: Route, provider: Provider) -> Route | Refusal:
    """The same call sent to another provider: to its own OpenAI-style API, or through the translator."""
    rest = "/v1" + route.rest.removeprefix(route.provider.openai_root)
    if route.endpoint in provider.translate:
        return route._replace(provider=replace(provider, include_usage=True), rest=rest, translated=True)
    if provider.base_url is None:
        return not_configured(provider, route.dialect)
    return route._replace(provider=provider, rest=_below(provider, rest))


def _below(provider: Provider, target: str) -> str:
    """A `/v1/…` target as the provider's OpenAI-style API wants it."""
    return provider.openai_root + target.removeprefix("/v1")


def _dialect(provider: Provider, rest: str) -> str:
    path = unquote(rest.partition("?")[0])
    if _OPENAI_PATH.search(path):
        return "openai"
    return _SHAPES.get(find("POST", path).dialect or "", provider.dialect)


def _take_tags(path: str) -> tuple[PathTags | Refusal, str]:
    """The tags at the front of a path, and what is left of it."""
    found: dict[str, str] = {}
    while tag := _TAG.match(path):
        try:
            value = unquote(tag[2], errors="strict")
        except UnicodeDecodeError:
            value = ""
        if not is_name(value):
            return Refusal(400, "bad_path_tag", f"/{tag[1]}/… needs a name of 1 to 200 printable characters."), path
        found[tag[1]] = value
        path = path[tag.end() :] or "/"
    return PathTags(found.get("agent"), found.get("run")), path
