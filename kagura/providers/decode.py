"""Content encodings undone on a copy of a body: gzip, deflate, br, zstd.

The copy may be cut anywhere, its header may lie, and its sender may be hostile: what can be read is given back, with
a note on what could not, and never more than `MAX_DECODED` bytes.
"""

import io
import zlib
from collections.abc import Callable
from typing import NamedTuple

MAX_DECODED = 256 * 1024 * 1024
"""A copy that decodes to more is cut here."""

_ANY_ZLIB_HEADER = 47
_RAW_DEFLATE = -15


class Decoded(NamedTuple):
    """A decoded copy of a body."""

    data: bytes
    notes: list[str]
    """What was odd; empty where all went well."""


def decode(data: bytes, content_encoding: str, limit: int = MAX_DECODED) -> Decoded:
    """Undo the encodings that a `content-encoding` header names, the last one first.

    A step that fails leaves the bytes as they were before it, since recorders and proxies that decode a body often
    leave the header behind.
    """
    notes: list[str] = []
    for name in reversed([part.strip().lower() for part in content_encoding.split(",")]):
        if name in ("", "identity") or not data:
            continue
        decoder = _DECODERS.get(name)
        if decoder is None:
            notes.append(f"content-encoding {name[:40]} is unknown")
            break
        try:
            data = decoder(data, limit + 1)
        except ImportError:
            notes.append(f"content-encoding {name} needs a library that is not installed")
            break
        except Exception as error:
            notes.append(f"content-encoding {name} does not fit the body: {error}"[:200])
            break
        if len(data) > limit:
            data = data[:limit]
            notes.append(f"the decoded body was cut at {limit} bytes")
    return Decoded(data, notes)


def _gzip(data: bytes, limit: int) -> bytes:
    """Decode gzip (and zlib) members one after the other."""
    out = bytearray()
    while data and len(out) < limit:
        member = zlib.decompressobj(_ANY_ZLIB_HEADER)
        try:
            out += member.decompress(data, limit - len(out))
        except zlib.error:
            if out:
                break
            raise
        data = member.unused_data
    return bytes(out)


def _deflate(data: bytes, limit: int) -> bytes:
    """Decode deflate: with the zlib header as RFC 9110 says, or without it as some servers send it."""
    try:
        return _gzip(data, limit)
    except zlib.error:
        return zlib.decompressobj(_RAW_DEFLATE).decompress(data, limit)


def _brotli(data: bytes, limit: int) -> bytes:
    import brotli

    decoder = brotli.Decompressor()
    out = bytearray(decoder.process(data, output_buffer_limit=limit))
    while len(out) < limit and (more := decoder.process(b"", output_buffer_limit=limit - len(out))):
        out += more
    return bytes(out)


def _zstandard(data: bytes, limit: int) -> bytes:
    import zstandard

    with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data), read_across_frames=True) as reader:
        return reader.read(limit)


_DECODERS: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstandard,
}
