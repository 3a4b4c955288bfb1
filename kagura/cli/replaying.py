"""What `kagura replay` sends: the requests of a run, made again from what was kept of them."""

import http.client
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple

import msgspec

from kagura.collector.redaction import MARK
from kagura.dashboard.bill import Bill
from kagura.dashboard.text import safe
from kagura.dashboard.tree import first_attempt, nodes
from kagura.errors import InputError
from kagura.model import JsonObject, Span, now_us
from kagura.pricing import Catalog
from kagura.providers import Provider
from kagura.providers.rebuilding import SHAPES, rebuilt, with_model
from kagura.store import SpanContents
from kagura.store.contents import HASH
from kagura.store.prompts import Prompt

TIMEOUT_SECONDS = 900
OPENAI_STYLE = frozenset({"chat/completions", "responses"})
"""Endpoints whose `model` may name another provider."""


RESENT_HEADERS = ("anthropic-version", "anthropic-beta", "openai-beta")
"""Headers by which a client asked for a feature or a form of the answer, and that say nothing of who asked."""
_LOGIN = "oauth-"
"""How a beta begins that goes with a login, which a recorded call has not."""


class Request(NamedTuple):
    """A request that can be sent again."""

    span: Span
    provider: Provider
    target: str
    """Path and query at the proxy."""
    body: JsonObject
    model: str
    cost: Bill
    """What it would cost at the tokens that it took: as much as it did, or at another model's price of today."""
    headers: Mapping[str, str] = {}
    """Headers of the recorded request that shape the answer."""

    @property
    def redacted(self) -> bool:
        """Whether something was taken out of it when it was recorded."""
        return MARK in json.dumps(self.body)


class Sent(NamedTuple):
    """How the provider answered."""

    status: int
    seconds: float
    error: str = ""


def calls_of(spans: list[Span]) -> list[Span]:
    """The LLM calls of a run in the order of its tree, so that each has the number it has there: its last attempt."""
    last: dict[str, Span] = {}
    for node in nodes(spans):
        if node.call is not None:
            last[first_attempt(node.span)] = node.span
    return list(last.values())


class Planner:
    """Makes the requests of a run again, for the same model or another one."""

    def __init__(self, table: Mapping[str, Provider], catalog: Catalog, model: str | None = None) -> None:
        self._table, self._catalog, self._model = table, catalog, model

    def request(self, span: Span, contents: SpanContents | None, prompt: Prompt | None) -> Request:
        """One call's request. Raises InputError that says why it cannot be made again."""
        provider = self._table.get(span.provider or "")
        target = span.attributes.get("target")
        if provider is None or not isinstance(target, str):
            raise _impossible(span, "it did not pass through the proxy", "Only recorded HTTP calls can be sent again.")
        body, endpoint = _body(span, contents, prompt), span.endpoint or ""
        if self._model is None:
            model, path = span.request_model or "", _without_keys(target)
            return self._made(provider, span, path, body, model)
        other = self._table.get(self._model.partition("/")[0]) if "/" in self._model else None
        if other is None or other.name == provider.name:
            model = self._model.removeprefix(f"{provider.name}/")
            path, body = with_model(_without_keys(target), body, model)
            return self._made(provider, span, path, body, model)
        if endpoint not in OPENAI_STYLE:
            raise InputError(
                f"requests to {endpoint} of {provider.name} cannot go to {other.name}",
                f"Name a model of {provider.name}; only OpenAI-style requests can change the provider.",
            )
        model = self._model.removeprefix(f"{other.name}/")
        return self._made(other, span, f"{other.openai_root}/{endpoint}", {**body, "model": model}, model)

    def _made(self, provider: Provider, span: Span, path: str, body: JsonObject, model: str) -> Request:
        """The request below the provider's own address, or where the proxy translates it."""
        endpoint, target = span.endpoint or "", f"/{provider.name}{path}"
        if endpoint in provider.translate and endpoint in OPENAI_STYLE:
            target, body = f"/v1/{endpoint}", {**body, "model": f"{provider.name}/{model}"}
        headers = _headers(span) if provider.name == span.provider else {}
        return Request(span, provider, target, body, model, self._cost(provider, span, model), headers)

    def _cost(self, provider: Provider, span: Span, model: str) -> Bill:
        usage = span.usage and msgspec.structs.replace(span.usage, provider_cost=None)
        if self._model is None and span.cost is not None:
            return Bill.of([span])
        cost = self._catalog.cost(provider.name, model, model, usage, now_us())
        return Bill.of([msgspec.structs.replace(span, cost=cost)])


def _body(span: Span, contents: SpanContents | None, prompt: Prompt | None) -> JsonObject:
    """The body as it was sent, from what was kept of it."""
    if contents is None or prompt is None:
        raise _impossible(span, "its content was not kept", "Content is kept with `capture.content: full`.")
    if len(contents.inputs) * HASH != len(prompt.messages) or _cut(span):
        raise _impossible(
            span, "its content was not kept whole", "See `capture.max_body` and `retention.content_days`."
        )
    parameters = msgspec.json.decode(contents.parameters) if contents.parameters else {}
    body = rebuilt(span.endpoint or "", parameters, [msgspec.json.decode(part) for part in contents.inputs])
    if body is None:
        known = ", ".join(SHAPES)
        raise _impossible(span, f"requests to {span.endpoint} cannot be made again", f"Those to {known} can.")
    return body


def _headers(span: Span) -> dict[str, str]:
    kept = span.attributes.get("headers")
    found = {name: str(kept[name]) for name in RESENT_HEADERS if name in kept} if isinstance(kept, dict) else {}
    named = {name: [value.strip() for value in values.split(",")] for name, values in found.items()}
    plain = {name: [value for value in values if not value.startswith(_LOGIN)] for name, values in named.items()}
    return {name: ",".join(values) for name, values in plain.items() if values}


def _cut(span: Span) -> bool:
    notes = span.attributes.get("notes")
    return isinstance(notes, list) and any("not whole JSON" in str(note) for note in notes)


def _impossible(span: Span, why: str, remedy: str) -> InputError:
    return InputError(f"call {span.id} ({safe(span.name, 60)}) cannot be sent again: {why}", remedy)


def _without_keys(target: str) -> str:
    """The target without the key that Google's clients write into the query, of which only a mask was kept."""
    path, mark, query = target.partition("?")
    pairs = [pair for pair in query.split("&") if mark and not pair.lower().startswith("key=")]
    return f"{path}?{'&'.join(pairs)}" if pairs else path


def estimate(requests: list[Request]) -> Bill:
    """What all of them would cost."""
    return Bill(
        sum((request.cost.billed for request in requests), Decimal(0)),
        sum((request.cost.estimated for request in requests), Decimal(0)),
        sum(request.cost.unknown_calls for request in requests),
    )


def key_headers(provider: Provider, environ: Mapping[str, str], *, held_by_proxy: bool) -> dict[str, str]:
    """The header with the provider's key, from its variable. Raises InputError where there is none.

    Recorded calls hold no credentials, so that the key comes from the environment; none is needed where the proxy
    was configured with one, or where the provider wants none.
    """
    name = provider.api_key_env
    key = environ.get(name, "").strip() if name else ""
    if key:
        return {provider.auth: f"Bearer {key}" if provider.auth == "authorization" else key}
    if name is None or held_by_proxy or any(environ.get(variable) for variable in provider.cloud_credentials):
        return {}
    raise InputError(f"there is no key for {provider.name}", f"Set {name}; recorded calls hold no credentials.")


class Sender:
    """Sends requests through the proxy, one after the other, as calls of a new run."""

    def __init__(self, root: str, headers: Mapping[str, str]) -> None:
        self._root, self._headers = root, dict(headers)
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirects)

    def send(self, request: Request, credentials: Mapping[str, str]) -> Sent:
        """The provider's answer, read to its end and thrown away: the proxy records it."""
        headers = {"content-type": "application/json", **request.headers, **self._headers, **credentials}
        call = urllib.request.Request(  # noqa: S310 - the proxy's own address
            self._root + request.target, json.dumps(request.body).encode(), headers, method="POST"
        )
        began = time.monotonic()
        try:
            with self._opener.open(call, timeout=TIMEOUT_SECONDS) as answer:
                for _ in iter(lambda: answer.read(65_536), b""):
                    pass
                return Sent(answer.status, time.monotonic() - began)
        except urllib.error.HTTPError as error:
            return Sent(error.code, time.monotonic() - began, _said(error.read(65_536)))
        except (OSError, http.client.HTTPException) as error:
            return Sent(0, time.monotonic() - began, str(error) or type(error).__name__)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A key must not follow an answer to another host."""

    def redirect_request(self, *_: object) -> None:
        """Take the redirect as the answer."""


def _said(body: bytes) -> str:
    """The message of an error's body."""
    try:
        found = json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")[:300]
    error = found.get("error") if isinstance(found, dict) else None
    message = error.get("message") if isinstance(error, dict) else error
    return str(message or found)[:300]


def replayed(
    requests: list[Request], send: Callable[[Request], Sent], told: Callable[[int, Request, Sent], None]
) -> Iterator[Sent]:
    """Send all of them; a refused key ends it, since it would be refused again."""
    for number, request in enumerate(requests, 1):
        sent = send(request)
        told(number, request, sent)
        yield sent
        if sent.status in (401, 403):
            return
