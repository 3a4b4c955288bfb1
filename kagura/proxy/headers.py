"""Header lines: which pass on, which are written down, and what must never be."""

import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import unquote_plus

from kagura.model import Headers
from kagura.proxy.wire import RawHeaders

HOP_BY_HOP = frozenset(
    (
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    )
)
"""Headers that speak of one connection only (RFC 9110, section 7.6.1)."""

SWITCHING: RawHeaders = [(b"connection", b"Upgrade"), (b"upgrade", b"websocket")]
"""What each hop of a websocket's handshake says anew."""
NOT_SWITCHING: RawHeaders = [(b"upgrade", b"HTTP/1.1"), (b"connection", b"close")]
"""What goes with status 426."""

_CONNECTION_LENGTH = len(b"connection")

OWN_PREFIX = b"x-kagura-"
"""Headers that are read here and not passed on."""

CREDENTIALS = frozenset((b"authorization", b"x-api-key", b"api-key", b"x-goog-api-key"))
"""Where a client's key for a provider stands."""

MAX_VALUE = 8192
"""Characters of a header's value that are written down."""

_EXACT = frozenset(
    (
        "accept",
        "accept-encoding",
        "agent-session-id",
        "apim-request-id",
        "baggage",
        "cf-ray",
        "content-encoding",
        "content-length",
        "content-type",
        "conversation_id",
        "date",
        "idempotency-key",
        "originator",
        "request-id",
        "retry-after",
        "server",
        "session-id",
        "session_id",
        "thread-id",
        "traceparent",
        "tracestate",
        "user-agent",
        "version",
        "x-amzn-requestid",
        "x-client-request-id",
        "x-cloud-trace-context",
        "x-parent-session-id",
        "x-portkey-metadata",
        "x-portkey-trace-id",
        "x-request-id",
        "x-session-id",
        "x-should-retry",
    )
)
_PREFIXES = (
    "anthropic-",
    "openai-",
    "helicone-",
    "x-amzn-bedrock-",
    "x-claude-code-",
    "x-codex-",
    "x-goog-api-client",
    "x-litellm-",
    "x-ratelimit-",
    "x-stainless-",
)
_SESSION = re.compile(r"x-.+-session-id")
_SECRET = re.compile(r"auth|key|token|secret|cookie|passw|credential|signature|jwt|cert")
_COUNT = re.compile(r"(?:^|-)ratelimit-|-token-count$")
_SECRET_QUERY = re.compile(r"key|token|secret|^sig$|signature|passw|auth|credential|jwt", re.IGNORECASE)
_PAGE = re.compile(r"page_?token", re.IGNORECASE)


def is_kept(name: str) -> bool:
    """Whether a header of this name (lower case) may be written down: listed, and in no way like a credential."""
    if name in _EXACT:
        return True
    if not (name.startswith(_PREFIXES) or _SESSION.fullmatch(name)):
        return False
    return not _SECRET.search(name) or bool(_COUNT.search(name))


@lru_cache(maxsize=2048)
def _name_if_kept(name: bytes) -> str | None:
    plain = name.decode("latin-1").lower()
    return plain if is_kept(plain) else None


def kept(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """The header lines that may be written down, names in lower case."""
    return [(name, text(value)[:MAX_VALUE]) for raw, value in headers if (name := _name_if_kept(raw))]


def text(value: bytes) -> str:
    """A header's value as text: UTF-8 where it is, else Latin-1."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def masked(target: str) -> str:
    """A request target whose query holds no credential any more."""
    path, mark, query = target.partition("?")
    if not mark:
        return target
    return f"{path}?{'&'.join(_masked_pair(pair) for pair in query.split('&'))}"


def _masked_pair(pair: str) -> str:
    name, mark, _ = pair.partition("=")
    plain = unquote_plus(name)
    return f"{name}=***" if mark and _SECRET_QUERY.search(plain) and not _PAGE.search(plain) else pair


def named_by_connection(headers: Iterable[tuple[bytes, bytes]]) -> frozenset[bytes]:
    """The hop-by-hop headers of a message, those that its Connection header lists included."""
    listed: list[bytes] = []
    for name, value in headers:
        if len(name) == _CONNECTION_LENGTH and name.lower() == b"connection":
            listed += (token.strip().lower() for token in value.split(b","))
    return HOP_BY_HOP.union(listed) if listed else HOP_BY_HOP


def answer_headers(headers: RawHeaders, *, no_body: bool, refitted: bool) -> RawHeaders:
    """An answer's headers for the client: all but the hop-by-hop ones.

    `no_body` says that the status forbids a body, where servers refuse a length; `refitted` that the body's length
    may change on the way.
    """
    dropped = named_by_connection(headers)
    if refitted or no_body:
        dropped |= {b"content-length"}
    return [line for line in headers if (name := line[0].lower()) not in dropped and name != b"x-kagura-call-id"]
