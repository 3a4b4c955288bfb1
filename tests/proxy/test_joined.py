"""Head and body in one write; nothing is held back for longer, and no order is changed."""

import asyncio
from typing import cast

from kagura.proxy.joined import JoinedHead

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


class Wire(asyncio.Transport):
    """Keeps what is done to it."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[object] = []

    def write(self, data: object) -> None:
        self.done.append(data)

    def close(self) -> None:
        self.done.append("closed")

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.done.append(protocol)

    def is_closing(self) -> bool:
        return "closed" in self.done


def joined(wire: Wire) -> asyncio.Transport:
    return cast(asyncio.Transport, JoinedHead(wire))


async def test_head_and_body_are_one_write() -> None:
    wire = Wire()
    transport = joined(wire)
    transport.write(HEAD)
    transport.write(b"body")
    await asyncio.sleep(0)
    assert wire.done == [HEAD + b"body"]


async def test_a_head_without_a_body_goes_out_in_the_same_turn() -> None:
    wire = Wire()
    joined(wire).write(HEAD)
    assert wire.done == []
    await asyncio.sleep(0)
    assert wire.done == [HEAD]


async def test_later_pieces_wait_for_nothing() -> None:
    wire = Wire()
    transport = joined(wire)
    transport.write(HEAD)
    await asyncio.sleep(0)
    transport.write(b"1")
    transport.write(b"2")
    assert wire.done == [HEAD, b"1", b"2"]


async def test_a_body_that_looks_like_a_head_keeps_its_place() -> None:
    wire = Wire()
    transport = joined(wire)
    transport.write(HEAD)
    transport.write(HEAD)
    transport.write(HEAD)
    await asyncio.sleep(0)
    assert wire.done == [HEAD + HEAD, HEAD]


async def test_closing_sends_what_waits_first() -> None:
    wire = Wire()
    transport = joined(wire)
    transport.write(HEAD)
    transport.close()
    await asyncio.sleep(0)
    assert wire.done == [HEAD, "closed"]
    assert transport.is_closing()


async def test_another_protocol_begins_after_what_waits() -> None:
    wire, protocol = Wire(), asyncio.Protocol()
    transport = joined(wire)
    transport.write(HEAD)
    transport.set_protocol(protocol)
    assert wire.done == [HEAD, protocol]
