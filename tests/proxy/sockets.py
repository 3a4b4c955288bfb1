"""Websockets for tests: frames as bytes, a provider that accepts, events of the APIs that speak over them."""

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.frames import Frame, Opcode

from tests.proxy.stage import Script, Stage, Visit

KEY = "dGhlIHNhbXBsZSBub25jZQ=="


def ask_for_websocket(path: str = "/v1/responses", *lines: str, method: str = "GET", host: str = "127.0.0.1") -> bytes:
    """A client's handshake."""
    head = "".join(f"{line}\r\n" for line in lines)
    return (
        f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n{head}\r\n"
    ).encode()


def accepted(key: str, *lines: bytes) -> bytes:
    """A provider's 101."""
    digest = hashlib.sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    head = b"".join(line + b"\r\n" for line in lines)
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: %b\r\n%b\r\n" % (base64.b64encode(digest), head)
    )


def accepts(then: Script, *lines: bytes) -> Script:
    """A script that accepts each websocket, and goes on with `then`."""

    async def script(visit: Visit) -> None:
        await visit.say(accepted(visit.values("sec-websocket-key")[0], *lines))
        await then(visit)

    return script


def text(event: object, *, mask: bool = False) -> bytes:
    """A text frame with an event."""
    return Frame(Opcode.TEXT, json.dumps(event).encode()).serialize(mask=mask)


async def open_websocket(
    stage: Stage, path: str = "/v1/responses", *lines: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, bytes]:
    """A raw websocket through the proxy, with the head of the 101."""
    reader, writer = await stage.connect()
    writer.write(ask_for_websocket(path, *lines))
    async with asyncio.timeout(30):
        head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 "), head
    return reader, writer, head


@asynccontextmanager
async def provider(handler: Callable[[ServerConnection], Awaitable[None]], **options: object) -> AsyncIterator[str]:
    """A real websocket server; gives its base URL."""
    server: Server
    async with serve(handler, "127.0.0.1", 0, **options) as server:  # type: ignore[arg-type]
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"http://127.0.0.1:{port}"


# --- the Responses API ------------------------------------------------------------------------------------------------

CREATE = {"type": "response.create", "model": "gpt-5", "input": "Hi"}
USAGE = {"input_tokens": 30, "input_tokens_details": {"cached_tokens": 20}, "output_tokens": 12, "total_tokens": 42}


def response(id: str, status: str, **fields: object) -> dict[str, object]:
    return {"id": id, "object": "response", "model": "gpt-5-2025-08-07", "status": status, "output": []} | fields


def answer(id: str = "resp_1") -> list[dict[str, object]]:
    """The events of one answer."""
    return [
        {"type": "response.created", "response": response(id, "in_progress")},
        {"type": "response.output_text.delta", "delta": "Hello"},
        {"type": "response.completed", "response": response(id, "completed", usage=USAGE)},
    ]
