"""The head of the request that a provider gets."""

import re
from collections.abc import Iterable

from kagura.providers import upstream_url
from kagura.proxy.dial import Origin, proxy_authorization
from kagura.proxy.headers import CREDENTIALS, OWN_PREFIX, named_by_connection
from kagura.proxy.intake import Intake
from kagura.proxy.wire import RawHeaders

_ORIGIN = re.compile(r"https?://[^/?]*")
_KEY = re.compile(r"(?<=[?&])key=[^&]*&?")
_OURS = frozenset((b"host", b"content-length", b"expect", b"proxy-authorization"))
"""Headers that each connection says anew: Host and length are the provider's, the rest was answered here."""


def opening(
    method: str,
    base_url: str,
    rest: str,
    origin: Origin,
    headers: Iterable[tuple[bytes, bytes]],
    key: tuple[bytes, bytes] | None,
    extra: RawHeaders,
) -> tuple[str, bytes]:
    """The target, path and query, and the head's bytes up to those of `framing`.

    The client's lines keep their order and their bytes. `key` takes the place of the client's credentials; `extra`
    lines are added.
    """
    url = upstream_url(base_url, rest)
    target = url[_end_of_origin(url) :]
    target = target if target.startswith("/") else "/" + target
    absolute = origin.proxy is not None and origin.scheme == "http"
    dropped = named_by_connection(headers) | _OURS
    if key is not None:
        dropped |= CREDENTIALS
    line = f"http://{origin.authority}{target}" if absolute else target
    parts = [f"{method} {line} HTTP/1.1\r\nHost: {origin.authority}\r\n".encode("latin-1")]
    for name, value in headers:
        if name not in dropped and not name.startswith(OWN_PREFIX):
            parts += (name, b": ", value, b"\r\n")
    for name, value in (*extra, *([key] if key else ()), *_proxy_lines(origin, absolute=absolute)):
        parts += (name, b": ", value, b"\r\n")
    return target, b"".join(parts)


def _end_of_origin(url: str) -> int:
    match = _ORIGIN.match(url)
    return match.end() if match else 0


def framing(intake: Intake) -> bytes:
    """The line that says how long the body is, and the blank line."""
    if not intake.framed:
        return b"\r\n"
    if intake.whole is not None:
        return b"content-length: %d\r\n\r\n" % len(intake.outgoing)
    if intake.length is not None:
        return b"content-length: %d\r\n\r\n" % intake.length
    return b"transfer-encoding: chunked\r\n\r\n"


def _proxy_lines(origin: Origin, *, absolute: bool) -> RawHeaders:
    authorization = proxy_authorization(origin) if absolute else None
    return [(b"proxy-authorization", authorization.encode())] if authorization else []


def query_without_key(rest: str) -> str:
    """A target without the client's `key=`, for calls that carry another key."""
    return _KEY.sub("", rest).rstrip("?&") if "key=" in rest else rest
