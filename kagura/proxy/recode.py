"""A stream filter over compressed bytes: decode, filter, encode alike, each piece flushed as it comes."""

import zlib
from collections.abc import Callable
from typing import NamedTuple, Protocol

from kagura.proxy.include_usage import UsageFilter
from kagura.proxy.wire import UpstreamError

_GZIP = 31
_ZLIB = 15
_LEVEL = 1
_BROTLI_QUALITY = 1


class StreamFilter(Protocol):
    """Takes a stream's bytes as they come and gives out those for the client."""

    def feed(self, data: bytes) -> bytes:
        """The next bytes."""
        ...

    def close(self) -> bytes:
        """The end of the stream."""
        ...


class Coding(NamedTuple):
    """The two directions of one content encoding, for pieces."""

    decode: Callable[[bytes], bytes]
    encode: Callable[[bytes], bytes]
    """Encoded bytes from which the other side can read all that was given so far."""
    finish: Callable[[], bytes]


class RecodingFilter:
    """Runs the usage filter inside an encoding, so that the client reads the encoding that the provider chose."""

    def __init__(self, coding: Coding, inner: UsageFilter) -> None:
        self._coding = coding
        self._inner = inner

    def feed(self, data: bytes) -> bytes:
        """The next bytes. Raises UpstreamError where they are not in the encoding."""
        if not data:
            return b""
        try:
            plain = self._coding.decode(data)
        except Exception as error:
            message = f"sent bytes that its content-encoding does not fit: {error}"
            raise UpstreamError(502, "upstream_protocol_error", message[:200]) from None
        kept = self._inner.feed(plain)
        return self._coding.encode(kept) if kept else b""

    def close(self) -> bytes:
        """The end of the stream."""
        rest = self._inner.close()
        return (self._coding.encode(rest) if rest else b"") + self._coding.finish()


def usage_filter(content_encoding: str) -> StreamFilter | None:
    """A filter for a stream in this encoding; `None` where the encoding is unknown and the bytes stay as they are."""
    name = content_encoding.strip().lower()
    if name in ("", "identity"):
        return UsageFilter()
    make = _CODINGS.get(name)
    try:
        return RecodingFilter(make(), UsageFilter()) if make else None
    except ImportError:
        return None


def _zlib(wbits: int) -> Coding:
    decoder, encoder = zlib.decompressobj(wbits), zlib.compressobj(_LEVEL, zlib.DEFLATED, wbits)

    def decode(data: bytes) -> bytes:
        nonlocal decoder
        plain = decoder.decompress(data)
        while decoder.eof and decoder.unused_data:
            data, decoder = decoder.unused_data, zlib.decompressobj(wbits)
            plain += decoder.decompress(data)
        return plain

    return Coding(decode, lambda data: encoder.compress(data) + encoder.flush(zlib.Z_SYNC_FLUSH), encoder.flush)


def _brotli() -> Coding:
    import brotli

    decoder, encoder = brotli.Decompressor(), brotli.Compressor(quality=_BROTLI_QUALITY)
    return Coding(decoder.process, lambda data: encoder.process(data) + encoder.flush(), encoder.finish)


def _zstd() -> Coding:
    import zstandard

    decoder = zstandard.ZstdDecompressor().decompressobj(read_across_frames=True)
    encoder = zstandard.ZstdCompressor(_LEVEL).compressobj()

    def encode(data: bytes) -> bytes:
        return encoder.compress(data) + encoder.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)

    return Coding(decoder.decompress, encode, encoder.flush)


_CODINGS: dict[str, Callable[[], Coding]] = {
    "gzip": lambda: _zlib(_GZIP),
    "x-gzip": lambda: _zlib(_GZIP),
    "deflate": lambda: _zlib(_ZLIB),
    "br": _brotli,
    "zstd": _zstd,
}
