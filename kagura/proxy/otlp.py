"""The door for OpenTelemetry: `/kagura/otlp/v1/traces` and `…/logs`, OTLP over HTTP in protobuf and JSON.

A request is answered 200 once it stands in the journal. What it means is found out later, by the collector; here it is
only decompressed, and decoded to see whether it can be.
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
RETRY_SECONDS = 5

_ENCODINGS = {"application/x-protobuf": PROTOBUF, "application/json": JSON}
_MEDIA_TYPES = {encoding: media_type for media_type, encoding in _ENCODINGS.items()}
_WINDOW_BITS = {"gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}
_INVALID, _TOO_LARGE, _UNAVAILABLE = 3, 8, 14
"""Codes of google.rpc: INVALID_ARGUMENT, RESOURCE_EXHAUSTED, UNAVAILABLE."""


class _Refusal(NamedTuple):
    """Why a request is not taken."""

    status: int
    code: int
    """As in google.rpc."""
    message: str


_TOO_LONG = _Refusal(
    413, _TOO_LARGE, f"more than {MAX_BODY} bytes; export smaller batches (OTEL_BSP_MAX_EXPORT_BATCH_SIZE)"
)
_NOT_KEPT = _Refusal(503, _UNAVAILABLE, "the journal cannot be written; send it again later")


class _Form(NamedTuple):
    encoding: str
    compression: str


def add_routes(api: FastAPI, recorder: Recorder, clock: Callable[[], int] = now_us) -> None:
    """Let the API take what OpenTelemetry exporters send."""

    @api.post("/kagura/otlp/v1/traces")
    async def traces(request: Request) -> Response:
        return await _take(request, TRACES, recorder, clock)

    @api.post("/kagura/otlp/v1/logs")
    async def logs(request: Request) -> Response:
        return await _take(request, LOGS, recorder, clock)


async def _take(request: Request, signal: str, recorder: Recorder, clock: Callable[[], int]) -> Response:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    encoding = _ENCODINGS.get(media_type, JSON)
    form = _form(media_type, request.headers.get("content-encoding", "").strip().lower())
    found = form if isinstance(form, _Refusal) else await _body(request, signal, form)
    if isinstance(found, bytes):
        record = Telemetry(signal=signal, encoding=encoding, received_at=clock(), body=found)
        found = b"" if recorder.telemetry(record) else _NOT_KEPT
    if isinstance(found, _Refusal):
        return _refused(found, encoding)
    return Response(b"{}" if encoding == JSON else b"", media_type=_MEDIA_TYPES[encoding])


def _form(media_type: str, compression: str) -> _Form | _Refusal:
    if media_type not in _ENCODINGS:
        said = media_type or "no content type"
        return _Refusal(415, _INVALID, f"{said}: send {' or '.join(_ENCODINGS)} (OTLP over HTTP, not gRPC)")
    if compression not in ("", "identity", *_WINDOW_BITS):
        return _Refusal(415, _INVALID, f"content-encoding {compression}: send gzip, deflate, or none")
    return _Form(_ENCODINGS[media_type], compression)


async def _body(request: Request, signal: str, form: _Form) -> bytes | _Refusal:
    sent = bytearray()
    async for piece in request.stream():
        sent += piece
        if len(sent) > MAX_BODY:
            return _TOO_LONG
    return await asyncio.to_thread(_checked, signal, form, bytes(sent))


def _checked(signal: str, form: _Form, sent: bytes) -> bytes | _Refusal:
    """The request without its compression, where it is one of this signal."""
    body = _inflated(sent, _WINDOW_BITS[form.compression]) if form.compression in _WINDOW_BITS else sent
    if isinstance(body, _Refusal):
        return body
    wrong = check(signal, form.encoding, body)
    return body if wrong is None else _Refusal(400, _INVALID, f"no OTLP {signal} in {form.encoding}: {wrong}")


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


def _refused(refusal: _Refusal, encoding: str) -> Response:
    """The refusal as a google.rpc.Status in the request's encoding, as OTLP asks for."""
    if encoding == JSON:
        body = msgspec.json.encode({"code": refusal.code, "message": refusal.message})
    else:
        text = refusal.message.encode()
        body = b"\x08" + _varint(refusal.code) + b"\x12" + _varint(len(text)) + text
    response = Response(body, refusal.status, media_type=_MEDIA_TYPES[encoding])
    if refusal.status == 503:
        response.headers["retry-after"] = str(RETRY_SECONDS)
    return response


def _varint(number: int) -> bytes:
    """A number as protobuf writes it: seven bits a byte, the lowest first."""
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)
