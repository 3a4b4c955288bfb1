"""Fetches a price list from an address that the user names; nothing else of pricing uses the network."""

import http.client
import ssl
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from kagura.errors import InputError, PricingError

MAX_BYTES = 64 << 20
"""The largest list known has 4 MB."""

TIMEOUT_SECONDS = 30.0
"""Without a byte."""

DEADLINE_SECONDS = 180.0
"""For the whole list."""

_CHUNK = 1 << 16
_LOOPBACK = frozenset(["127.0.0.1", "::1", "localhost"])


def is_url(source: str) -> bool:
    """Whether a source is an address, not a file."""
    return source.startswith(("https://", "http://"))


@contextmanager
def downloaded(url: str, max_bytes: int = MAX_BYTES) -> Iterator[Path]:
    """The list at `url` as a file of the same name, for as long as the block runs.

    Only TLS with a certificate of the system's trust store (or this machine itself), also after a redirect;
    `HTTPS_PROXY` is honoured. Raises `InputError` for an address that is not allowed, `PricingError` where the list
    cannot be had or is larger than `max_bytes`.
    """
    _check(url)
    with tempfile.TemporaryDirectory(prefix="kagura-prices-") as folder:
        path = Path(folder) / (PurePosixPath(urlsplit(url).path).name or "prices.json")
        try:
            _fetch(url, path, max_bytes)
        except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
            reason = getattr(error, "reason", None) or error
            raise PricingError(f"{url}: cannot be fetched: {reason}", "Nothing was changed.") from error
        yield path


def _fetch(url: str, path: Path, max_bytes: int) -> None:
    context = ssl.create_default_context()
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), _SafeRedirects())
    request = urllib.request.Request(url, headers={"User-Agent": "kagura", "Accept": "*/*"})  # noqa: S310 checked
    deadline = time.monotonic() + DEADLINE_SECONDS
    size = 0
    with opener.open(request, timeout=TIMEOUT_SECONDS) as answer, path.open("wb") as file:
        while chunk := answer.read(_CHUNK):
            size += len(chunk)
            if size > max_bytes:
                raise PricingError(f"{url}: larger than {max_bytes:,} bytes", "That is no price list.")
            if time.monotonic() > deadline:
                raise PricingError(f"{url}: not here after {DEADLINE_SECONDS:.0f} s", "Fetch it yourself, as a file.")
            file.write(chunk)


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to addresses that would be allowed themselves."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        """The request that follows, checked."""
        _check(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _check(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return
    raise InputError(f"{url}: prices are fetched over https only", "Use an https:// address, or a file.")
