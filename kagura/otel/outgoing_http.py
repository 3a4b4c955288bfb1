"""Posts a request to an OTLP/HTTP receiver, and says what its answer means for what was sent."""

import email.utils
import gzip
import http.client
import os
import re
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from enum import Enum
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from kagura import __version__
from kagura.config import OtlpSettings
from kagura.errors import ConfigError

PATH = "/v1/traces"
_GRPC_PORT = 4317
_GRPC = "this is for gRPC, it seems; OTLP over HTTP mostly has port 4318"
LONGEST_WAIT = 600.0
"""Seconds that a receiver's Retry-After is heeded for at most."""

_READ = 65_536
_LOOPBACK = frozenset(("127.0.0.1", "::1", "localhost"))
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class Verdict(Enum):
    """What becomes of the spans of a request."""

    SENT = "sent"
    LATER = "later"
    """The receiver is away, busy, or not set up for us; none of its answers says that the spans are at fault."""
    FAILED = "failed"
    """The receiver broke over the request; it may do so each time."""
    REFUSED = "refused"
    """The receiver will never take these spans."""
    TOO_LARGE = "too large"


class Answer(NamedTuple):
    """What came of a request."""

    verdict: Verdict
    reason: str = ""
    wait: float | None = None
    """Seconds that the receiver asks to wait."""
    body: bytes = b""


_VERDICTS = {
    400: Verdict.REFUSED,
    413: Verdict.TOO_LARGE,
    422: Verdict.REFUSED,
    500: Verdict.FAILED,
}
"""Of all statuses that are no success; any other means `LATER`."""


class Receiver:
    """One OTLP/HTTP receiver. Raises ConfigError where its settings cannot be used."""

    def __init__(self, settings: OtlpSettings, environ: Mapping[str, str] = os.environ) -> None:
        self.url = traces_url(settings.endpoint or "")
        if "@" in urlsplit(self.url).netloc:
            raise ConfigError("`otlp.endpoint`: holds a user or password", "Give credentials in `otlp.headers`.")
        self._headers = {
            "Content-Type": "application/x-protobuf",
            "User-Agent": f"kagura/{__version__}",
            **{name: _header(name, value, environ) for name, value in settings.headers.items()},
        }
        self._gzip = settings.compression == "gzip"
        if self._gzip:
            self._headers["Content-Encoding"] = "gzip"
        self._timeout = settings.timeout
        handlers: list[Any] = [_NoRedirects()]
        if self.url.startswith("https:"):
            handlers.append(urllib.request.HTTPSHandler(context=ssl.create_default_context()))
        if urlsplit(self.url).hostname in _LOOPBACK:
            handlers.append(urllib.request.ProxyHandler({}))
        self._opener = urllib.request.build_opener(*handlers)

    def post(self, body: bytes) -> Answer:
        """Send a request of protobuf. Never raises for what the network or the receiver does."""
        data = gzip.compress(body, 3) if self._gzip else body
        request = urllib.request.Request(self.url, data, self._headers, method="POST")  # noqa: S310 checked by config
        try:
            with self._opener.open(request, timeout=self._timeout) as answer:
                return Answer(Verdict.SENT, body=answer.read(_READ))
        except urllib.error.HTTPError as error:
            with error:
                return self._declined(error)
        except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
            return Answer(Verdict.LATER, self._trouble(getattr(error, "reason", None) or error))

    def _trouble(self, error: Any) -> str:
        """Why there was no answer. A gRPC server answers with a frame of HTTP/2, or hangs up."""
        if isinstance(error, http.client.BadStatusLine) and str(error).startswith("\0"):
            return f"no answer in HTTP/1.1: {_GRPC}"
        reason = one_line(str(error) or type(error).__name__)
        return f"{reason} ({_GRPC})" if urlsplit(self.url).port == _GRPC_PORT else reason

    def _declined(self, error: urllib.error.HTTPError) -> Answer:
        try:
            said = error.read(_READ).decode("utf-8", "replace")
        except (http.client.HTTPException, OSError):
            said = ""
        reason = one_line(f"HTTP status {error.code}: {said}" if said.strip() else f"HTTP status {error.code}")
        wait = _seconds(error.headers.get("Retry-After")) if error.headers else None
        return Answer(_VERDICTS.get(error.code, Verdict.LATER), reason, wait)


def traces_url(endpoint: str) -> str:
    """Where traces are posted: the endpoint itself where it ends so, else `/v1/traces` below it."""
    parts = urlsplit(endpoint)
    path = parts.path.rstrip("/")
    return urlunsplit(parts._replace(path=path if path.endswith(PATH) else path + PATH, fragment=""))


def shown_url(endpoint: str) -> str:
    """An endpoint as it may be shown: without user, password and query."""
    parts = urlsplit(traces_url(endpoint))
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=""))


def _header(name: str, value: str, environ: Mapping[str, str]) -> str:
    """A header's value with its variables filled in."""
    if not _NAME.fullmatch(name):
        raise ConfigError(f"`otlp.headers`: {name!r} is no name of a header", "Such as `Authorization`.")
    missing = [variable for variable in _VARIABLE.findall(value) if variable not in environ]
    if missing:
        raise ConfigError(
            f"`otlp.headers.{name}` needs the variable {missing[0]}, which is not set",
            "Set it where the proxy is started.",
        )
    filled = _VARIABLE.sub(lambda found: environ[found[1]], value).strip()
    if not filled.isprintable() or not filled.isascii():
        raise ConfigError(f"`otlp.headers.{name}`: holds characters that no header can have", "Look for a line break.")
    return filled


def _seconds(value: str | None) -> float | None:
    """The seconds of a Retry-After, which is a number or a date."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except (TypeError, ValueError, OverflowError):
            return None
    return min(max(0.0, seconds), LONGEST_WAIT) if seconds == seconds else None


def one_line(text: str) -> str:
    """The beginning of a text on one line, without anything that a terminal would obey."""
    return " ".join("".join(char if char.isprintable() else " " for char in text[:1000]).split())[:200]


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer like any other: what was sent, and its credentials, go nowhere else."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Nothing."""
