"""Webhooks as Standard Webhooks has them: signed, with an id that is the same at every try.

https://www.standardwebhooks.com: the signature is HMAC-SHA256 over `id.timestamp.body`.
"""

import base64
import hashlib
import hmac
import http.client
import ssl
import urllib.error
import urllib.request
from typing import Any

from kagura import __version__
from kagura.alert_settings import check_address, signing_key

_READ = 65_536
"""Bytes of an answer that are read, so that its connection can be closed in peace."""


def post(url: str, id: str, body: bytes, at: int, secret: str | None, seconds: float) -> str | None:
    """Send an event; `None` where the other side took it (2xx), else what went wrong, without the address.

    `at` is now in seconds. A redirect is an answer like others: nothing is sent to a place that was not configured.
    """
    try:
        check_address(url)
        headers = {"Content-Type": "application/json", "User-Agent": f"kagura/{__version__}"}
        headers |= signed(id, body, at, secret)
        request = urllib.request.Request(url, data=body, headers=headers)  # noqa: S310 checked above
        with _opener().open(request, timeout=seconds) as answer:
            answer.read(_READ)
        return None
    except urllib.error.HTTPError as error:
        error.close()
        return f"it answered {error.code}{_REASONS.get(error.code // 100, '')}"
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        reason = getattr(error, "reason", None) or error
        return f"it cannot be reached: {getattr(reason, 'strerror', None) or type(reason).__name__}"
    except ValueError as error:
        return str(error)


_REASONS = {3: " (redirects are not followed)"}


def signed(id: str, body: bytes, at: int, secret: str | None) -> dict[str, str]:
    """The headers of a message; without a secret there is no signature. Raises ValueError for an unusable secret."""
    headers = {"webhook-id": id, "webhook-timestamp": str(at)}
    if secret is not None:
        digest = hmac.new(signing_key(secret), f"{id}.{at}.".encode() + body, hashlib.sha256).digest()
        headers["webhook-signature"] = f"v1,{base64.b64encode(digest).decode()}"
    return headers


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Follows nothing."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """No request follows."""


def _opener() -> urllib.request.OpenerDirector:
    """HTTP and TLS alone: no files, no FTP, no redirects."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(context=ssl.create_default_context()),
        _NoRedirects(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener
