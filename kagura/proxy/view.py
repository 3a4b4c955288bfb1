"""`POST /kagura/v1/view`: the store for monitors elsewhere. Prompts are private, so it says first who may read."""

import hmac
from collections.abc import Mapping

import msgspec
from fastapi import FastAPI, Request, Response

from kagura import __version__
from kagura.config import Settings
from kagura.proxy.hosts import HostGuard, host_name, is_loopback
from kagura.proxy.readers import BusyError, EndedError, Readers

MAX_QUESTION = 16 * 1024
MEDIA_TYPE = "application/x-msgpack"
LONGEST_VIEWER = 64
_FORWARDED = ("forwarded", "via", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip")

NEEDS_KEY = (
    "this proxy shows its records to nobody without its key: set `proxy.view_key` (KAGURA_PROXY_VIEW_KEY) there, and"
    " KAGURA_PROXY_VIEW_KEY to the same here"
)
WRONG_KEY = "the key is not this proxy's `proxy.view_key`: KAGURA_PROXY_VIEW_KEY must be the same on both sides"
NO_PAGES = "web pages may not read records"


def add_route(api: FastAPI, settings: Settings, guard: HostGuard, readers: Readers) -> None:
    """Add the endpoint: a question of `kagura.store.questions` as msgpack in, a reply of the monitor's reader out."""

    @api.post("/kagura/v1/view")
    async def view(request: Request) -> Response:
        said = refusal(settings, guard, request.headers, request.client.host if request.client else "")
        if said:
            return _error(said, 403)
        if request.headers.get("content-type") != MEDIA_TYPE:
            return _error(f"the question must be {MEDIA_TYPE}", 415)
        question = bytearray()
        async for piece in request.stream():
            question += piece
            if len(question) > MAX_QUESTION:
                return _error(f"a question has at most {MAX_QUESTION} bytes", 413)
        viewer = request.headers.get("kagura-viewer", "")[:LONGEST_VIEWER]
        try:
            reply = await readers.ask(viewer, bytes(question), _own(settings, request))
        except BusyError:
            return _error("as many monitors as may be are open on this proxy; close one", 503)
        except EndedError:
            return _error("the reader of the store has ended; the proxy's own output says why", 502)
        return Response(reply, media_type=MEDIA_TYPE, headers={"kagura-version": __version__})


def refusal(settings: Settings, guard: HostGuard, headers: Mapping[str, str], peer: str) -> str:
    """Why who asks may not read the records; empty where they may. `headers` have names in lower case."""
    if "origin" in headers:
        return NO_PAGES
    key = settings.proxy.view_key
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if key:
        right = hmac.compare_digest(given.strip().encode("utf-8", "replace"), key.encode("utf-8", "replace"))
        if right and scheme.lower() == "bearer":
            return ""
        return WRONG_KEY if given else NEEDS_KEY
    # Behind a reverse proxy everybody comes from this machine: its headers, a name of its own in Host, or one that is
    # expected there give it away.
    direct = not any(name in _FORWARDED or name.startswith("x-forwarded-") for name in headers)
    local = is_loopback(peer) and is_loopback(host_name(headers.get("host", "")))
    alone = guard.bound_to_loopback and not settings.proxy.allowed_hosts
    return "" if direct and local and alone else NEEDS_KEY


def _own(settings: Settings, request: Request) -> dict[str, str]:
    """The variables by which a reader finds the records and this proxy; it has no use for the key."""
    _, port = request.scope.get("server") or ("", settings.proxy.port)
    own = {
        "KAGURA_HOME": str(settings.home),
        "KAGURA_PROXY_HOST": settings.proxy.host,
        "KAGURA_PROXY_PORT": str(port or settings.proxy.port),
        "KAGURA_PROXY_VIEW_KEY": "",
    }
    return own | ({"KAGURA_DB": settings.db} if settings.db else {})


def _error(message: str, status: int) -> Response:
    return Response(msgspec.json.encode({"error": message}), status, media_type="application/json")
