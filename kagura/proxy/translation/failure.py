"""What went wrong at the provider, as LiteLLM raises it, in the shape of OpenAI's errors."""

import json
import re
from typing import Any

from kagura.model import JsonObject

_LITELLM = re.compile(r"^(?:litellm\.\w+: )+")
_PROVIDER = re.compile(r"^\w+(?:Exception ?[:-]|Error -) (?=\S)")
_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    429: "rate_limit_error",
}
_PASSED_ON = ("retry-after", "retry-after-ms", "x-should-retry", "request-id", "x-request-id")


def status_of(error: BaseException) -> int:
    """The provider's HTTP status: that of the first error in the chain, since LiteLLM makes many a one a 500."""
    found = 500
    at: BaseException | None = error
    while at is not None:
        status = getattr(at, "status_code", None)
        if isinstance(status, int) and 400 <= status < 600:
            found = status
        at = at.__cause__ or at.__context__
    return found


def failure_body(error: BaseException) -> JsonObject:
    """The error object for the client."""
    status = status_of(error)
    message, kind = _told(error)
    default = "server_error" if status >= 500 else _TYPES.get(status, "invalid_request_error")
    code, param = getattr(error, "code", None), getattr(error, "param", None)
    return {
        "error": {
            "message": message,
            "type": kind or default,
            "param": param if isinstance(param, str) else None,
            "code": code if isinstance(code, str) and not code.isdigit() else None,
        }
    }


def failure_headers(error: BaseException) -> list[tuple[bytes, bytes]]:
    """The provider's words on when to try again, and its id of the request."""
    found = getattr(error, "litellm_response_headers", None) or getattr(
        getattr(error, "response", None), "headers", None
    )
    try:
        headers = {str(name).lower(): str(value) for name, value in dict(found or {}).items()}
    except (TypeError, ValueError):
        return []
    return [(name.encode(), headers[name].encode("latin-1", "replace")) for name in _PASSED_ON if name in headers]


def _told(error: BaseException) -> tuple[str, str | None]:
    """The provider's own message and type where they can be found in LiteLLM's text, else that text."""
    text = str(getattr(error, "message", None) or error) or type(error).__name__
    plain = _LITELLM.sub("", text).partition("\nTraceback (most recent")[0]
    start = plain.find("{")
    inner = _json(plain[start : plain.rfind("}") + 1]) if start >= 0 else None
    if isinstance(inner, dict):
        told = inner.get("error", inner)
        if isinstance(told, dict) and isinstance(told.get("message"), str):
            kind = told.get("type") or told.get("status")
            return told["message"], kind if isinstance(kind, str) else None
        if isinstance(told, str):
            return told, None
    return _PROVIDER.sub("", plain, count=1), None


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
