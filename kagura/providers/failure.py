"""The error that an answer reports: under an error status, inside a 200 stream, or as the body of a 200."""

from typing import Any

from kagura.model import CallError, JsonObject
from kagura.providers.framing import Answer
from kagura.providers.values import count, obj, objects, text

_TYPE_FIELDS = ("type", "code", "status", "__type")
_MESSAGE_FIELDS = (
    "message",
    "error_msg",
    "status_msg",
    "Message",
    "detail",
    "error_description",
    "msg",
    "description",
    "title",
)
_LONGEST = 2000
_SIGNS = (b"rror", b"xception", b"failed", b"base_resp")
"""An answer without any of these reports no error; looking for them is much quicker than looking at each event."""
_ERROR_EVENTS = ("error", "response.failed", "response.error", "conversation.response.error")


def find_error(answer: Answer, failed: bool, headers: dict[str, str]) -> CallError | None:
    """The provider's error, or `None` where the answer is none; `failed` says that its HTTP status is an error's."""
    if not failed and not any([sign in answer.body for sign in _SIGNS]):  # noqa: C419
        return None
    named = text(headers.get("x-amzn-errortype", "").split(":")[0]) if failed else None
    for name, data in answer.events:
        values = [data] if not isinstance(data, list) else data[:1]
        for value in objects(values):
            if found := _of(name, value, failed):
                return CallError(message=found.message, type=named) if named else found
    if not failed:
        return None
    said = answer.body[:_LONGEST].decode("utf-8", "replace").strip()
    return CallError(message=said or "no message", type=named)


def _of(name: str | None, value: JsonObject, failed: bool) -> CallError | None:
    """The error that one value of an answer is or holds."""
    kind = text(value.get("type")) or name or ""
    holders = [value, obj(value.get("response")), obj(value.get("delta")), *objects(value.get("choices"))]
    for holder in holders:
        if _says_something(error := holder.get("error")):
            return _described(error, holder)
    for code, error in (("error_code", value), ("status_code", obj(value.get("base_resp")))):
        if count(error.get(code)):
            return _described({**error, "code": error[code]}, value)
    if failed and (errors := objects(value.get("errors"))):
        return _described(errors[0], value)
    if failed or kind in _ERROR_EVENTS or kind.endswith(("Exception", "Error")):
        return _described(value, value if failed else {"type": kind})
    return None


def _says_something(error: Any) -> bool:
    """Whether an `error` field reports one: stored jobs carry an object of nulls."""
    return any(value is not None for value in error.values()) if isinstance(error, dict) else bool(error)


def _described(error: Any, around: JsonObject) -> CallError:
    """Message and type from an error, or from the object that holds it."""
    fields = obj(error)
    message = next((found for name in _MESSAGE_FIELDS if (found := _message(fields.get(name)))), None)
    if message is None:
        message = text(error) or next(
            (found for name in _MESSAGE_FIELDS if (found := _message(around.get(name)))), None
        )
    kind = next((found for name in _TYPE_FIELDS if (found := text(fields.get(name)))), None)
    if kind in (None, "error"):
        code = fields.get("code")
        kind = text(code) or (str(code) if isinstance(code, int) else None) or text(around.get("type")) or kind
    return CallError(message=(message or "unknown error")[:_LONGEST], type=kind[:200] if kind else None)


def _message(value: Any) -> str | None:
    """A message: a text, or the first of FastAPI's list of them."""
    first = obj(value[0]) if isinstance(value, list) and value else {}
    return text(value) or text(first.get("msg")) or text(first.get("message"))
