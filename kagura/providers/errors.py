"""The proxy's own errors in the shape that the client's SDK expects, so that it raises its usual exception."""

import msgspec

CONTENT_TYPE = "application/json"

_ANTHROPIC_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}
_GOOGLE_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_REASON_DOMAIN = "kagura"


def error_body(dialect: str, status: int, code: str, message: str) -> tuple[bytes, str]:
    """The body and content type of an error of ours for a client that speaks `dialect`.

    `code`, such as `upstream_unreachable`, is visible in each shape.
    """
    shape = _SHAPES.get(dialect, _openai)
    return msgspec.json.encode(shape(status, code, message)), CONTENT_TYPE


def _openai(status: int, code: str, message: str) -> object:
    kind = "invalid_request_error" if 400 <= status < 500 else "server_error"
    return {"error": {"message": message, "type": kind, "code": code, "param": None}}


def _anthropic(status: int, code: str, message: str) -> object:
    kind = _ANTHROPIC_TYPES.get(status, "api_error")
    return {"type": "error", "error": {"type": kind, "message": f"{message} ({code})", "code": code}}


def _gemini(status: int, code: str, message: str) -> object:
    reason = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": code, "domain": _REASON_DOMAIN}
    return {
        "error": {
            "code": status,
            "message": f"{message} ({code})",
            "status": _GOOGLE_STATUSES.get(status, "UNKNOWN"),
            "details": [reason],
        }
    }


def _message_only(_status: int, code: str, message: str) -> object:
    return {"message": f"{message} ({code})", "code": code}


def _text_only(_status: int, code: str, message: str) -> object:
    return {"error": f"{message} ({code})", "code": code}


_SHAPES = {
    "openai": _openai,
    "anthropic": _anthropic,
    "gemini": _gemini,
    "bedrock": _message_only,
    "cohere": _message_only,
    "ollama": _text_only,
}
