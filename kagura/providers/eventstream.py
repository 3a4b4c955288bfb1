"""The binary framing of Amazon's event streams (`application/vnd.amazon.eventstream`).

A message is: total length, header length (both 32 bits, big endian), CRC-32 of those eight bytes, headers, payload,
CRC-32 of all before it. A header is: length of the name, name, one byte of type, value.
"""

import struct
from binascii import crc32
from typing import NamedTuple

_PRELUDE = struct.Struct(">III")
_MINIMUM = 16
_FIXED_WIDTHS = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
_BYTES_AND_TEXT = (6, 7)


class EventMessage(NamedTuple):
    """One message of an event stream."""

    headers: dict[str, str]
    """The headers whose values are text or bytes, such as `:event-type`, `:exception-type`, `:message-type`."""
    payload: bytes


def looks_like(body: bytes) -> bool:
    """Whether `body` starts with the prelude of an event stream's message."""
    if len(body) < _MINIMUM:
        return False
    length, headers, checksum = _PRELUDE.unpack_from(body)
    return bool(_MINIMUM + headers <= length and crc32(body[:8]) == checksum)


def parse(body: bytes) -> list[EventMessage]:
    """The whole messages of `body`, up to the first that is cut or broken."""
    messages = []
    at = 0
    while looks_like(body[at : at + _MINIMUM]):
        length, header_length, _ = _PRELUDE.unpack_from(body, at)
        message = body[at : at + length]
        if len(message) < length or crc32(message[:-4]) != int.from_bytes(message[-4:], "big"):
            break
        payload_at = 12 + header_length
        messages.append(EventMessage(_headers(message[12:payload_at]), message[payload_at:-4]))
        at += length
    return messages


def _headers(block: bytes) -> dict[str, str]:
    """The text headers of a message; stops at the first that does not fit."""
    headers = {}
    at = 0
    while at < len(block):
        name_end = at + 1 + block[at]
        name = block[at + 1 : name_end].decode("utf-8", "replace")
        type_ = block[name_end] if name_end < len(block) else -1
        at = name_end + 1
        if type_ in _BYTES_AND_TEXT:
            width = int.from_bytes(block[at : at + 2], "big")
            at += 2
            headers[name] = block[at : at + width].decode("utf-8", "replace")
        elif type_ in _FIXED_WIDTHS:
            width = _FIXED_WIDTHS[type_]
        else:
            break
        at += width
    return headers
