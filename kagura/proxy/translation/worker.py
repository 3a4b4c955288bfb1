"""The worker's ASGI application: an OpenAI-style request in, LiteLLM's answer out on OpenAI's wire."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Any

import litellm
import msgspec

from kagura.errors import ProxyError
from kagura.model import JsonObject
from kagura.proxy import asgi
from kagura.proxy.translation.failure import failure_body, failure_headers, status_of
from kagura.proxy.translation.order import Order, read_order
from kagura.proxy.translation.parameters import OPERATIONS, Operation, divided
from kagura.proxy.wire import RawHeaders

_JSON = (b"content-type", b"application/json")
_SSE = (b"content-type", b"text/event-stream; charset=utf-8")
_KEYS = (b"authorization", b"x-api-key", b"x-goog-api-key", b"api-key")
_PROVIDER_HEADER = "llm_provider-"
_KEPT_HEADERS = ("x-ratelimit-", "anthropic-ratelimit-", "request-id", "x-request-id", "x-amzn-requestid")
PATIENCE_SECONDS = 86_400.0
"""Models think for minutes: how long a call may take is the client's to decide, who cancels it by going away."""
IGNORED_HEADER = b"x-litellm-ignored-params"
"""Names the request's parameters that are not translated."""


def create_worker() -> asgi.App:
    """The application; LiteLLM is told to keep to itself."""
    litellm.telemetry = False
    litellm.suppress_debug_info = True
    litellm.drop_params = True
    litellm.num_retries = 0
    for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return _answer


async def _answer(scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
    """Answer one request; where the client goes away, LiteLLM's call is cancelled."""
    body = await _body(receive)
    if body is None:
        return
    work = asyncio.create_task(_work(scope, body, send))
    gone = asyncio.create_task(_gone(receive))
    try:
        await asyncio.wait((work, gone), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (work, gone):
            task.cancel()
        with suppress(asyncio.CancelledError):
            await work


async def _body(receive: asgi.Receive) -> bytes | None:
    pieces = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        pieces.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(pieces)


async def _gone(receive: asgi.Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _work(scope: asgi.Scope, body: bytes, send: asgi.Send) -> None:
    try:
        operation = OPERATIONS.get(scope["path"])
        if operation is None:
            raise _RequestError(404, f"{scope['path']} is not translated")
        arguments, ignored = _arguments(dict(scope["headers"]), body, operation)
        call: Callable[..., Awaitable[Any]] = getattr(litellm, operation.function)
        answer = await call(**arguments)
    except Exception as error:
        await _fail(send, error)
        return
    headers = _headers(answer, ignored)
    if arguments.get("stream"):
        await _stream(send, answer, headers)
    else:
        data = msgspec.json.encode(_plain(answer))
        await asgi.start(send, 200, [_JSON, (b"content-length", b"%d" % len(data)), *headers])
        await asgi.body(send, data, more=False)


def _arguments(headers: dict[bytes, bytes], body: bytes, operation: Operation) -> tuple[JsonObject, list[str]]:
    """What LiteLLM's function is called with, and the parameters that were left out."""
    try:
        order = read_order(headers)
    except ProxyError as error:
        raise _RequestError(403, error.message) from None
    try:
        request = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _RequestError(400, f"the body is not a JSON object: {error}") from None
    arguments, ignored = divided(request, operation)
    arguments |= _connection(order, _key(headers))
    return arguments, ignored


def _connection(order: Order, key: str | None) -> JsonObject:
    """Where LiteLLM is to go, with which key; it is never to try again, which is the client's to decide."""
    if not order.signed and not key:
        raise _RequestError(401, f"no key for {order.provider}: send one as Authorization: Bearer …")
    return {
        "custom_llm_provider": order.provider,
        "max_retries": 0,
        "timeout": PATIENCE_SECONDS,
        "_skip_mcp_handler": True,
        **({} if order.signed else {"api_key": key}),
        **({"api_base": order.base_url} if order.base_url else {}),
        **({"extra_headers": order.headers} if order.headers else {}),
    }


def _key(headers: dict[bytes, bytes]) -> str | None:
    value = next((headers[name] for name in _KEYS if name in headers), b"").decode("latin-1").strip()
    scheme, _, rest = value.partition(" ")
    return (rest.strip() if scheme.lower() == "bearer" else value) or None


class _RequestError(Exception):
    """A request that LiteLLM is not asked about."""

    def __init__(self, status_code: int, message: str) -> None:
        super().__init__(message)
        self.status_code = status_code


async def _stream(send: asgi.Send, answer: AsyncIterator[Any], headers: RawHeaders) -> None:
    """The chunks as server-sent events; what fails on the way ends them with an error, as OpenAI's streams do."""
    await asgi.start(send, 200, [_SSE, (b"cache-control", b"no-cache"), *headers])
    last = b""
    try:
        async for chunk in answer:
            value = _plain(chunk)
            named = "choices" not in value
            last = b"" if named else b"data: [DONE]\n\n"
            await asgi.body(send, _event(value, named=named), more=True)
    except Exception as error:
        last = b"data: " + msgspec.json.encode(failure_body(error)) + b"\n\n"
    await asgi.body(send, last, more=False)


def _event(value: JsonObject, *, named: bool) -> bytes:
    name = f"event: {value.get('type')}\n".encode() if named else b""
    return name + b"data: " + msgspec.json.encode(value) + b"\n\n"


def _plain(answer: Any) -> JsonObject:
    """An answer or a chunk as OpenAI's JSON, without the many nulls of LiteLLM's own and the cost it reckons."""
    value: JsonObject = answer.model_dump(mode="json", exclude_none=True)
    for choice in value.get("choices") or ():
        choice.setdefault("finish_reason", None)
        if "message" in choice:
            choice["message"].setdefault("content", None)
    if usage := value.get("usage"):
        usage.pop("cost", None)
    if usage and value.get("object") == "chat.completion.chunk":
        value["choices"] = [choice for choice in value["choices"] if choice["finish_reason"] or any(_said(choice))]
    return value


def _said(choice: JsonObject) -> Iterator[object]:
    """What a choice of a stream's chunk brings: OpenAI's chunk with the usage has no choice at all."""
    delta: JsonObject = choice.get("delta") or {}
    return (value for name, value in delta.items() if name != "role")


def _headers(answer: Any, ignored: list[str]) -> RawHeaders:
    """The provider's request id and rate limits, and what was not translated."""
    hidden = getattr(answer, "_hidden_params", None) or {}
    given: JsonObject = hidden.get("additional_headers") or {}
    named = {name.removeprefix(_PROVIDER_HEADER).lower(): str(value) for name, value in given.items()}
    found = [(n.encode(), v.encode("latin-1", "replace")) for n, v in named.items() if n.startswith(_KEPT_HEADERS)]
    return [*found, (IGNORED_HEADER, ",".join(ignored).encode("latin-1", "replace"))] if ignored else found


async def _fail(send: asgi.Send, error: Exception) -> None:
    data = msgspec.json.encode(failure_body(error))
    head = [_JSON, (b"content-length", b"%d" % len(data)), *failure_headers(error)]
    await asgi.start(send, status_of(error), head)
    await asgi.body(send, data, more=False)
