"""Reading websocket bytes, against the frames that the websockets library writes."""

import os
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Close, Frame, Opcode

from kagura.proxy.frames import Message, MessageReader, close_frame

LIMIT = 1 << 20
SIZES = st.one_of(st.integers(0, 400), st.sampled_from([125, 126, 2043, 2044, 65_535, 65_536]))
MESSAGES = st.lists(st.tuples(st.sampled_from([Opcode.TEXT, Opcode.BINARY]), st.lists(SIZES, min_size=1, max_size=3)))


def payload(size: int) -> bytes:
    """Half of it cannot be deflated."""
    return Random(size).randbytes(size // 2) + b"x" * (size - size // 2)


def fragments(opcode: Opcode, sizes: list[int]) -> list[Frame]:
    """A message in as many frames as it has sizes, a ping between each two."""
    frames = []
    for number, size in enumerate(sizes):
        frames.append(Frame(Opcode.CONT if number else opcode, payload(size), fin=number == len(sizes) - 1))
        if number < len(sizes) - 1:
            frames.append(Frame(Opcode.PING, b"?"))
    return frames


def whole(opcode: Opcode, sizes: list[int]) -> list[Message]:
    """What a reader makes of `fragments`."""
    data = b"".join(payload(size) for size in sizes)
    return [*[Message(Opcode.PING, b"?", 1)] * (len(sizes) - 1), Message(opcode, data, len(data))]


@settings(deadline=None, max_examples=60)
@given(
    messages=MESSAGES,
    mask=st.booleans(),
    deflate=st.sampled_from([None, False, True]),
    cut=st.integers(1, 5000) | st.integers(1, 20),
)
def test_messages_come_out_as_they_went_in_at_any_cut(
    messages: list[tuple[Opcode, list[int]]], mask: bool, deflate: bool | None, cut: int
) -> None:
    extensions = [] if deflate is None else [PerMessageDeflate(deflate, deflate, 12, 12)]
    wire = b"".join(
        frame.serialize(mask=mask, extensions=extensions) for message in messages for frame in fragments(*message)
    )
    reader = MessageReader(LIMIT)
    read = [message for at in range(0, len(wire), cut) for message in reader.feed(wire[at : at + cut])]
    assert read == [part for message in messages for part in whole(*message)]
    assert reader.between_frames


@pytest.mark.parametrize("deflated", [False, True])
def test_a_message_beyond_the_limit_is_counted_and_the_next_one_read(deflated: bool) -> None:
    extensions = [PerMessageDeflate(False, False, 15, 15)] if deflated else []
    data = os.urandom(50_000) + b"x" * 500_000
    wire = b"".join(Frame(Opcode.TEXT, part).serialize(mask=True, extensions=extensions) for part in (data, b"next"))
    long, following = MessageReader(1000).feed(wire)
    assert long == Message(Opcode.TEXT, data[:1000], len(data))
    assert not long.text
    assert following == Message(Opcode.TEXT, b"next", 4)
    assert following.text


def test_between_frames_means_between_frames() -> None:
    frame = Frame(Opcode.BINARY, b"abc").serialize(mask=False)
    reader = MessageReader(LIMIT)
    for end in range(1, len(frame)):
        reader.feed(frame[end - 1 : end])
        assert not reader.between_frames
    assert reader.feed(frame[-1:]) == [Message(Opcode.BINARY, b"abc", 3)]
    assert reader.between_frames


@pytest.mark.parametrize("mask", [False, True])
def test_a_closing_frame_says_why(mask: bool) -> None:
    (message,) = MessageReader(LIMIT).feed(close_frame(1001, "the proxy stops", mask=mask))
    assert message.control
    assert message.close == Close(1001, "the proxy stops")


@pytest.mark.parametrize("data", [b"\x03", b"\x03\xe8\xff"])
def test_a_closing_frame_that_is_not_well_formed_says_nothing(data: bytes) -> None:
    assert Message(Opcode.CLOSE, data, len(data)).close is None
