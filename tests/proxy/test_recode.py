"""The usage filter inside compressed streams."""

import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard

from kagura.providers.decode import decode
from kagura.proxy.include_usage import UsageFilter
from kagura.proxy.recode import usage_filter
from kagura.proxy.wire import UpstreamError
from tests.proxy.test_include_usage import DONE, FIRST, KEPT, USAGE

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: zlib.compress(data, wbits=31),
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.compress,
}


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
def test_the_usage_chunk_goes_inside_an_encoding(encoding: str) -> None:
    data = COMPRESS[encoding](b"".join([*KEPT, USAGE, DONE]))
    for cut in range(len(data) + 1):
        stream = usage_filter(encoding)
        assert stream is not None
        got = stream.feed(data[:cut]) + stream.feed(data[cut:]) + stream.close()
        assert decode(got, encoding).data == b"".join([*KEPT, DONE])


def test_each_piece_can_be_read_at_once() -> None:
    encoder, reader = zlib.compressobj(wbits=31), zlib.decompressobj(31)
    stream = usage_filter("gzip")
    assert stream is not None
    for event in (*KEPT, FIRST):
        piece = stream.feed(encoder.compress(event) + encoder.flush(zlib.Z_SYNC_FLUSH))
        assert reader.decompress(piece) == event


def test_gzip_members_one_after_the_other_are_all_read() -> None:
    stream = usage_filter("gzip")
    assert stream is not None
    data = COMPRESS["gzip"](FIRST) + COMPRESS["gzip"](USAGE + DONE)
    assert zlib.decompress(stream.feed(data) + stream.close(), 31) == FIRST + DONE


def test_an_unknown_encoding_is_not_filtered() -> None:
    assert usage_filter("compress") is None
    assert isinstance(usage_filter(""), UsageFilter)


def test_bytes_that_are_not_in_the_encoding_are_the_providers_failure() -> None:
    stream = usage_filter("gzip")
    assert stream is not None
    with pytest.raises(UpstreamError, match="content-encoding"):
        stream.feed(b"this is not gzip at all")
