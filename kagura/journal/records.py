"""The records of the journal and their frames.

A file is the magic line, then frames: payload length and CRC-32 of the payload (both little-endian u32), payload. The
payload is a msgpack-encoded record; its `type` tells which.
"""

import struct
import zlib
from collections.abc import Iterator

import msgspec

from kagura.errors import JournalError
from kagura.model import Body, Event, Exchange, Headers, Labels, Outcome

MAGIC = b"kagura journal 1\n"
_HEAD = struct.Struct("<II")
HEAD_SIZE = _HEAD.size
MAX_PAYLOAD = 1 << 30
"""A longer frame is taken for damage."""


class Started(msgspec.Struct, tag_field="type", tag="s", kw_only=True, omit_defaults=True):
    """An exchange has begun: what is known when the request goes out."""

    id: str
    provider: str
    dialect: str
    method: str
    target: str
    received_at: int
    labels: Labels = Labels()
    request_headers: Headers = []
    request_body: Body | None = None
    """The body, where it was read before the call began; else it comes with `Ended`."""
    usage_asked: bool = False


class Ended(msgspec.Struct, tag_field="type", tag="e", kw_only=True, omit_defaults=True):
    """The same exchange has ended: the answer and how it went."""

    id: str
    outcome: Outcome
    done_at: int
    request_body: Body | None = None
    sent_at: int | None = None
    first_byte_at: int | None = None
    last_byte_at: int | None = None
    status: int | None = None
    response_headers: Headers = []
    response_body: Body = Body()
    error: str | None = None


class Reported(msgspec.Struct, tag_field="type", tag="v", kw_only=True):
    """An event that an SDK or a command reports."""

    event: Event


class Telemetry(msgspec.Struct, tag_field="type", tag="o", kw_only=True):
    """A request of an OpenTelemetry exporter, as it came but for its compression."""

    signal: str
    """`traces` or `logs`."""
    encoding: str
    """`protobuf` or `json`."""
    received_at: int
    body: bytes


Record = Started | Ended | Reported | Telemetry

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Record] = msgspec.msgpack.Decoder(Record)


def encode(record: Record) -> list[bytes]:
    """The frame of a record, in pieces for one `writev`."""
    payload = _encoder.encode(record)
    return [_HEAD.pack(len(payload), zlib.crc32(payload)), payload]


def decode(payload: bytes | memoryview) -> Record:
    """The record in a payload. Raises JournalError where it is none of ours."""
    try:
        return _decoder.decode(payload)
    except msgspec.DecodeError as error:
        raise JournalError(f"not a journal record: {error}") from None


def frames(data: memoryview, offset: int = 0) -> Iterator[tuple[int, memoryview]]:
    """Payloads from `offset` on, each with the offset behind its frame; stops at the first torn or damaged frame."""
    end = len(data)
    while offset + _HEAD.size <= end:
        length, crc = _HEAD.unpack_from(data, offset)
        start = offset + _HEAD.size
        if length > MAX_PAYLOAD or start + length > end:
            return
        payload = data[start : start + length]
        if zlib.crc32(payload) != crc:
            return
        offset = start + length
        yield offset, payload


def is_torn(head: bytes, remaining: int) -> bool:
    """Whether `remaining` bytes that begin with `head` are a frame cut off by the end of the file (or nothing)."""
    if remaining < HEAD_SIZE:
        return True
    length, _ = _HEAD.unpack(head[:HEAD_SIZE])
    return bool(length <= MAX_PAYLOAD and HEAD_SIZE + length > remaining)


def exchange(start: Started, end: Ended) -> Exchange:
    """The whole exchange from its two records."""
    whole = unfinished(start)
    whole.request_body = start.request_body or end.request_body or Body()
    whole.sent_at = end.sent_at
    whole.first_byte_at = end.first_byte_at
    whole.last_byte_at = end.last_byte_at
    whole.done_at = end.done_at
    whole.status = end.status
    whole.response_headers = end.response_headers
    whole.response_body = end.response_body
    whole.outcome = end.outcome
    whole.error = end.error
    return whole


def unfinished(start: Started) -> Exchange:
    """The exchange of a call that has no end yet."""
    return Exchange(
        id=start.id,
        provider=start.provider,
        dialect=start.dialect,
        method=start.method,
        target=start.target,
        received_at=start.received_at,
        labels=start.labels,
        request_headers=start.request_headers,
        request_body=start.request_body or Body(),
        usage_asked=start.usage_asked,
    )
