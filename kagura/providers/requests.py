"""What a request says about itself: its body as a JSON object, and the model that it asks for."""

import re
from typing import Any
from urllib.parse import parse_qs, unquote

from kagura.model import Exchange, JsonObject
from kagura.providers.decode import decode
from kagura.providers.framing import header, load_json
from kagura.providers.values import obj, text

_HEAD = 65_536
_MODEL_FIELDS = ("model", "model_id", "modelId")
_ROUTING_PATHS = (
    re.compile(r"/model/(.+)/(?:invoke|converse|count-tokens)[a-z-]*$"),
    re.compile(r"/(?:models|tunedModels|endpoints)/([^/]+):\w+$"),
)
"""Paths that pick the model by themselves: Bedrock's; Gemini's and Vertex's."""
_NAMING_PATHS = (
    re.compile(r"/deployments/([^/]+)/"),
    re.compile(r"/engines/([^/]+)/"),
    re.compile(r"/ai/run/(.+)$"),
    re.compile(r"/(?:serving-)?endpoints/([^/]+)/invocations$"),
    re.compile(r"/models/(.+?)(?:/(?:pipeline|predictions|versions|operations)\b.*)?$"),
)
"""Paths that name a model (or a deployment) where the body names none."""
_MODEL_IN_CUT_JSON = re.compile(r'"model"\s*:\s*"([^"\\]{1,200})"')
_BOUNDARY = re.compile(r'boundary="?([^";,]+)', re.IGNORECASE)
_FIELD_NAME = re.compile(rb'(?<![\w-])name="?([^";\r\n]*)"?', re.IGNORECASE)
_LONGEST_FIELD = 4096


def read_body(exchange: Exchange, notes: list[str]) -> JsonObject:
    """The request's JSON object, or the text fields of its form; what cannot be read is noted."""
    headers = exchange.request_headers
    body, found = decode(exchange.request_body.data, header(headers, "content-encoding"))
    notes.extend(found)
    if not body.strip():
        return {}
    content_type = header(headers, "content-type")
    if "multipart/" in content_type.lower():
        return _form(body, content_type)
    if "urlencoded" in content_type.lower():
        return {name: values[-1] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
    if body.lstrip()[:1] not in (b"{", b"["):
        return {}
    try:
        value: Any = load_json(body)
    except (ValueError, RecursionError):
        notes.append("the request is not whole JSON")
        model = _MODEL_IN_CUT_JSON.search(body[:_HEAD].decode("utf-8", "replace"))
        return {"model": model[1]} if model else {}
    return obj(value)


def request_model(request: JsonObject, path: str, query: str) -> str | None:
    """The model that is asked for: by a path that routes, the body, a path that names, or the query."""
    if routed := _in_path(path, _ROUTING_PATHS):
        return routed
    if named := next((found for name in _MODEL_FIELDS if (found := text(request.get(name)))), None):
        return named
    asked = parse_qs(query) if "model" in query else {}
    return _in_path(path, _NAMING_PATHS) or next(
        (text(asked[name][-1]) for name in _MODEL_FIELDS if name in asked), None
    )


def _in_path(path: str, patterns: tuple[re.Pattern[str], ...]) -> str | None:
    return next((found[1] for pattern in patterns if (found := pattern.search(path))), None)


def split_target(target: str) -> tuple[str, str]:
    """The unquoted path and the raw query of a request's target."""
    path, _, query = target.partition("?")
    return unquote(path), query


def _form(body: bytes, content_type: str) -> JsonObject:
    """The short fields of a multipart form; files are left out."""
    boundary = _BOUNDARY.search(content_type)
    mark = b"--" + boundary[1].strip().encode("utf-8", "replace") if boundary else body.split(b"\r\n", 1)[0]
    fields: JsonObject = {}
    for part in body.split(mark)[1:] if mark.strip(b"-") else ():
        head, _, value = part.partition(b"\r\n\r\n")
        name = _FIELD_NAME.search(head)
        if name and b"filename" not in head.lower() and len(value) <= _LONGEST_FIELD:
            fields[name[1].decode("utf-8", "replace")] = value.removesuffix(b"\r\n").decode("utf-8", "replace")
    return fields
