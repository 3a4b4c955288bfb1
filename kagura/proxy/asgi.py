"""The words of ASGI that the relay uses."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import quote

from kagura.proxy.wire import RawHeaders

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


async def start(send: Send, status: int, headers: RawHeaders) -> None:
    """Send an answer's head."""
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def body(send: Send, data: bytes, *, more: bool) -> None:
    """Send bytes of an answer's body."""
    await send({"type": "http.response.body", "body": data, "more_body": more})


def raw_path(scope: Scope) -> bytes:
    """The path as it stands on the wire; servers that do not tell it give the decoded one."""
    return scope.get("raw_path") or quote(scope["path"]).encode()
