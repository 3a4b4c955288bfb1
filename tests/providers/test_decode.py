import gzip
import random
import sys
import zlib

import brotli
import pytest
import zstandard

from kagura.providers.decode import decode

TEXT = b'{"answer": 42}' * 500


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PACKERS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}


@pytest.mark.parametrize("encoding", PACKERS)
def test_each_encoding(encoding: str) -> None:
    assert decode(PACKERS[encoding](TEXT), encoding) == (TEXT, [])


def test_deflate_without_its_header() -> None:
    assert decode(raw_deflate(TEXT), "deflate") == (TEXT, [])


def test_gzip_of_several_members() -> None:
    assert decode(gzip.compress(b"one") + gzip.compress(b"two"), "gzip") == (b"onetwo", [])


def test_encodings_are_undone_from_the_last() -> None:
    assert decode(brotli.compress(gzip.compress(TEXT)), "gzip, br") == (TEXT, [])


@pytest.mark.parametrize("encoding", PACKERS)
def test_cut_data_gives_its_beginning(encoding: str) -> None:
    text = random.Random(7).randbytes(400_000)
    packed = PACKERS[encoding](text)
    data, notes = decode(packed[: len(packed) // 2], encoding)
    assert len(data) > 100_000
    assert text.startswith(data)
    assert notes == []


def test_a_lying_header_leaves_the_body_and_a_note() -> None:
    for encoding in PACKERS:
        data, notes = decode(TEXT, encoding)
        assert data == TEXT
        assert encoding in notes[0]


def test_unknown_encoding_is_noted() -> None:
    assert decode(b"x", "compress") == (b"x", ["content-encoding compress is unknown"])


@pytest.mark.parametrize(("module", "encoding"), [("brotli", "br"), ("zstandard", "zstd")])
def test_a_missing_library_is_noted(module: str, encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    data, notes = decode(b"packed", encoding)
    assert data == b"packed"
    assert "not installed" in notes[0]


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
def test_a_decompression_bomb_is_bounded(encoding: str) -> None:
    bomb = PACKERS[encoding](bytes(5_000_000))
    data, notes = decode(bomb, encoding, limit=100_000)
    assert len(data) == 100_000
    assert "cut at 100000 bytes" in notes[0]
