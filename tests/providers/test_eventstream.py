from kagura.providers.eventstream import EventMessage, looks_like, parse
from tests.providers.amazon import message


def test_messages_with_headers_of_every_width() -> None:
    stream = message("metadata", b'{"a":1}', extra=b"\x04flag\x00\x04when\x08" + bytes(8)) + message("end", b"")
    assert parse(stream) == [
        EventMessage({":event-type": "metadata"}, b'{"a":1}'),
        EventMessage({":event-type": "end"}, b""),
    ]


def test_a_cut_message_is_left_out() -> None:
    stream = message("one", b"1") + message("two", b"2")
    for length in range(len(message("one", b"1")), len(stream)):
        assert [found.payload for found in parse(stream[:length])] == [b"1"]


def test_a_broken_checksum_ends_the_stream() -> None:
    stream = bytearray(message("one", b"1") + message("two", b"2"))
    stream[-6] ^= 1
    assert [found.payload for found in parse(bytes(stream))] == [b"1"]


def test_other_bytes_do_not_look_like_it() -> None:
    assert looks_like(message("one", b"1"))
    assert not looks_like(b'{"json": true, "long": "enough"}')
    assert not looks_like(bytes(64))
