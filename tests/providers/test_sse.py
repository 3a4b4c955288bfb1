import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kagura.providers.sse import SSEEvent, SSEParser, SSESplitter, parse

STREAM = b": hello\n\nevent: a\ndata: {}\n\ndata: x\ndata: y\nid: 7\n\ndata: [DONE]\n\n"
EVENTS = [SSEEvent("a", "{}"), SSEEvent(None, "x\ny", "7"), SSEEvent(None, "[DONE]")]


def cut(stream: bytes, at: list[int]) -> list[bytes]:
    edges = [0, *sorted(min(place, len(stream)) for place in at), len(stream)]
    return [stream[start:end] for start, end in itertools.pairwise(edges)]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_lines_end_with_lf_crlf_or_cr(end: bytes) -> None:
    assert parse(STREAM.replace(b"\n", end)) == EVENTS


@given(st.lists(st.integers(0, len(STREAM) + 8)), st.sampled_from([b"\n", b"\r\n", b"\r"]))
def test_events_are_the_same_at_any_cut(places: list[int], end: bytes) -> None:
    parser = SSEParser()
    events = [event for chunk in cut(STREAM.replace(b"\n", end), places) for event in parser.feed(chunk)]
    assert events + parser.close() == EVENTS


@given(
    st.lists(st.sampled_from([b"\n", b"\r", b"data: x", b":c", b"\xc3", b"\xa9", b"event: e"]), max_size=30), st.data()
)
def test_incremental_and_whole_parsing_agree_on_any_bytes(pieces: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(pieces)
    places = data.draw(st.lists(st.integers(0, len(stream)), max_size=8))
    parser = SSEParser()
    events = [event for chunk in cut(stream, places) for event in parser.feed(chunk)]
    assert events + parser.close() == parse(stream)


@given(st.lists(st.sampled_from([b"\n", b"\r\n", b"\r", b"data: x", b"\xc3\xa9"]), max_size=30), st.data())
def test_blocks_and_rest_are_the_bytes_that_came(pieces: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(pieces)
    splitter = SSESplitter()
    blocks: list[bytes] = []
    for chunk in cut(stream, data.draw(st.lists(st.integers(0, len(stream)), max_size=8))):
        blocks += splitter.feed(chunk)
    assert b"".join(blocks) + splitter.rest == stream


def test_a_block_keeps_its_blank_line() -> None:
    splitter = SSESplitter()
    assert splitter.feed(b"data: 1\r\n\r\ndata: 2\r\n") == [b"data: 1\r\n\r\n"]
    assert splitter.feed(b"\r") == []
    assert splitter.feed(b"\ndata: 3") == [b"data: 2\r\n\r\n"]
    assert splitter.rest == b"data: 3"


@pytest.mark.parametrize("block", [b"data: 1\n\n", b"data: 1\r\n\r\n", b"data: 1\r\r"])
def test_no_whole_block_is_held_back(block: bytes) -> None:
    assert SSESplitter().feed(block) == [block]


def test_a_long_event_in_small_chunks() -> None:
    splitter = SSESplitter()
    block = b"data: " + b"x" * 50_000 + b"\n\n"
    blocks = [found for at in range(0, len(block), 7) for found in splitter.feed(block[at : at + 7])]
    assert blocks == [block]


def test_byte_order_mark_opens_the_stream() -> None:
    assert parse(b"\xef\xbb\xbfdata: x\n\n") == [SSEEvent(None, "x")]
    parser = SSEParser()
    assert parser.feed(b"\xef\xbb\xbfdata: x\n\n") == [SSEEvent(None, "x")]


def test_missing_last_blank_line() -> None:
    assert parse(b"data: a\n\ndata: b") == [SSEEvent(None, "a"), SSEEvent(None, "b")]


def test_only_one_space_after_the_colon_is_dropped() -> None:
    assert parse(b"data:  x\n\n") == [SSEEvent(None, " x")]
    assert parse(b"data:x\n\n") == [SSEEvent(None, "x")]


def test_comment_lines_are_no_events() -> None:
    assert parse(b": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\ndata: x\n\n") == [SSEEvent(None, "x")]
