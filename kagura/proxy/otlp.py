"""The door for OpenTelemetry: `/kagura/otlp/v1/traces` and `…/logs`, OTLP over HTTP in protobuf and JSON.

A request is answered 200 once it stands in the journal. What it means is found out later, by the collector; here it is
only decompressed, and decoded to see whether it can be. Metrics are taken and not kept: exporters that are given one
address for all signals send them too, and spans and events say the same of each single call.
"""

import asyncio
import zlib
from collections.abc import Callable
from typing import NamedTuple

import msgspec
from fastapi import FastAPI, Request, Response

from kagura.journal import Telemetry
from kagura.model import now_us
from kagura.otel.decoding import JSON, LOGS, PROTOBUF, TRACES, check
from kagura.proxy.recorder import Recorder

MAX_BODY = 20 * 1024 * 1024
"""Bytes of one request, compressed or not; the OpenTelemetry collector's own limit."""
MAX_ITEMS = 20_000
"""Spans or log records of one request: exporters send 512, collectors some thousand; each takes some memory to read."""
RETRY_SECONDS = 5

_ENCODINGS = {"application/x-protobuf": PROTOBUF, "application/json": JSON}
_MEDIA_TYPES = {encoding: media_type for media_type, encoding in _ENCODINGS.items()}
_WINDOW_BITS = {"gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}
_INVALID, _NOT_FOUND, _TOO_LARGE, _UNAVAILABLE = 3, 5, 8, 14
"""Codes of google.rpc: INVALID_ARGUMENT, NOT_FOUND, RESOURCE_EXHAUSTED, UNAVAILABLE."""
_WITHOUT_IDS = "spans need a trace id of 16 bytes and an id of 8, neither all zeros"


class _Refusal(NamedTuple):
    """Why a request is not taken."""

    status: int
    code: int
    """As in google.rpc."""
    message: str


_SMALLER = "export smaller batches (OTEL_BSP_MAX_EXPORT_BATCH_SIZE)"
_TOO_LONG = _Refusal(413, _TOO_LARGE, f"more than {MAX_BODY} bytes; {_SMALLER}")
_TOO_MANY = _Refusal(413, _TOO_LARGE, f"more than {MAX_ITEMS} spans or log records; {_SMALLER}")
_NOT_KEPT = _Refusal(503, _UNAVAILABLE, "the journal cannot be written; send it again later")


_NOWHERE = _Refusal(404, _NOT_FOUND, "spans are sent to /kagura/otlp/v1/traces, log records to /kagura/otlp/v1/logs")


class _Form(NamedTuple):
    encoding: str
    compression: str


class _Taken(NamedTuple):
    """A request without its compression."""

    body: bytes
    rejected: int
    """Spans of it that nothing can be made of."""


def add_routes(api: FastAPI, recorder: Recorder, clock: Callable[[], int] = now_us) -> None:
    """Let the API take what OpenTelemetry exporters send."""

    @api.post("/kagura/otlp/v1/traces")
    async def traces(request: Request) -> Response:
        return await _take(request, TRACES, recorder, clock)

    @api.post("/kagura/otlp/v1/logs")
    async def logs(request: Request) -> Response:
        return await _take(request, LOGS, recorder, clock)

    @api.post("/kagura/otlp/v1/metrics")
    async def metrics(request: Request) -> Response:
        encoding = _encoding(request)
        async for _ in request.stream():
            pass
        return _accepted(0, encoding)

    @api.post("/kagura/otlp{rest:path}")
    async def nowhere(request: Request) -> Response:
        return _refused(_NOWHERE, _encoding(request))


async def _take(request: Request, signal: str, recorder: Recorder, clock: Callable[[], int]) -> Response:
    encoding = _encoding(request)
    form = _form(_media_type(request), request.headers.get("content-encoding", "").strip().lower())
    found = form if isinstance(form, _Refusal) else await _body(request, signal, form)
    if isinstance(found, _Refusal):
        return _refused(found, encoding)
    record = Telemetry(signal=signal, encoding=encoding, received_at=clock(), body=found.body)
    return _accepted(found.rejected, encoding) if recorder.telemetry(record) else _refused(_NOT_KEPT, encoding)


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _encoding(request: Request) -> str:
    """What is answered in; where the request is in neither, JSON, which people can read."""
    return _ENCODINGS.get(_media_type(request), JSON)


def _form(media_type: str, compression: str) -> _Form | _Refusal:
    if media_type not in _ENCODINGS:
        said = media_type or "no content type"
        return _Refusal(415, _INVALID, f"{said}: send {' or '.join(_ENCODINGS)} (OTLP over HTTP, not gRPC)")
    if compression not in ("", "identity", *_WINDOW_BITS):
        return _Refusal(415, _INVALID, f"content-encoding {compression}: send gzip, deflate, or none")
    return _Form(_ENCODINGS[media_type], compression)


async def _body(request: Request, signal: str, form: _Form) -> _Taken | _Refusal:
    sent = bytearray()
    async for piece in request.stream():
        sent += piece
        if len(sent) > MAX_BODY:
            return _TOO_LONG
    return await asyncio.to_thread(_checked, signal, form, bytes(sent))


def _checked(signal: str, form: _Form, sent: bytes) -> _Taken | _Refusal:
    """The request without its compression, where it is one of this signal."""
    body = _inflated(sent, _WINDOW_BITS[form.compression]) if form.compression in _WINDOW_BITS else sent
    if isinstance(body, _Refusal):
        return body
    wrong, items, rejected = check(signal, form.encoding, body)
    if wrong is not None:
        return _Refusal(400, _INVALID, f"no OTLP {signal} in {form.encoding}: {wrong}")
    return _TOO_MANY if items > MAX_ITEMS else _Taken(body, rejected)


def _inflated(sent: bytes, window_bits: int) -> bytes | _Refusal:
    """At most MAX_BODY bytes are ever unpacked, however small the bomb that holds more."""
    inflater = zlib.decompressobj(window_bits)
    try:
        body = inflater.decompress(sent, MAX_BODY + 1)
    except zlib.error as error:
        return _Refusal(400, _INVALID, f"the compressed body cannot be read: {error}")
    if len(body) > MAX_BODY:
        return _TOO_LONG
    return body if inflater.eof else _Refusal(400, _INVALID, "the compressed body is cut off")


def _accepted(rejected: int, encoding: str) -> Response:
    """A request is taken; of spans that are not, `partial_success` tells."""
    if encoding == JSON:
        partial = {"partialSuccess": {"rejectedSpans": str(rejected), "errorMessage": _WITHOUT_IDS}}
        body = msgspec.json.encode(partial if rejected else {})
    else:
        told = b"\x08" + _varint(rejected) + b"\x12" + _text(_WITHOUT_IDS)
        body = b"\x0a" + _varint(len(told)) + told if rejected else b""
    return Response(body, media_type=_MEDIA_TYPES[encoding])


def _refused(refusal: _Refusal, encoding: str) -> Response:
    """The refusal as a google.rpc.Status in the request's encoding, as OTLP asks for."""
    if encoding == JSON:
        body = msgspec.json.encode({"code": refusal.code, "message": refusal.message})
    else:
        body = b"\x08" + _varint(refusal.code) + b"\x12" + _text(refusal.message)
    response = Response(body, refusal.status, media_type=_MEDIA_TYPES[encoding])
    if refusal.status == 503:
        response.headers["retry-after"] = str(RETRY_SECONDS)
    return response


def _text(text: str) -> bytes:
    """A text as protobuf writes it: its length, then its bytes."""
    encoded = text.encode()
    return _varint(len(encoded)) + encoded


def _varint(number: int) -> bytes:
    """A number as protobuf writes it: seven bits a byte, the lowest first."""
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)
