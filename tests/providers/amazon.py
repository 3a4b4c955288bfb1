"""Event streams as Amazon frames them."""

import base64
import json
import struct
from binascii import crc32


def message(event: str, payload: bytes, *, header: str = ":event-type", extra: bytes = b"") -> bytes:
    """One message with one text header, and further headers as raw bytes."""
    name, value = header.encode(), event.encode()
    headers = bytes([len(name)]) + name + b"\x07" + struct.pack(">H", len(value)) + value + extra
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    framed = prelude + struct.pack(">I", crc32(prelude)) + headers + payload
    return framed + struct.pack(">I", crc32(framed))


def converse_stream(*events: tuple[str, object]) -> bytes:
    """A ConverseStream answer."""
    return b"".join(message(name, json.dumps(value).encode()) for name, value in events)


def invoke_stream(*chunks: object) -> bytes:
    """An InvokeModelWithResponseStream answer: each chunk holds a model's own JSON as base64."""
    packed = (base64.b64encode(json.dumps(chunk).encode()).decode() for chunk in chunks)
    return b"".join(message("chunk", json.dumps({"bytes": value}).encode()) for value in packed)
