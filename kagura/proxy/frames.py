"""Reading a websocket's bytes as they pass, frames of RFC 6455 with permessage-deflate (RFC 7692). No input or output.

The bytes themselves are relayed as they are; this reads a copy, in bounded memory, whatever their size.
"""

import zlib
from typing import NamedTuple

from websockets.exceptions import ProtocolError
from websockets.frames import Close, Frame, Opcode

try:
    from websockets.speedups import apply_mask
except ImportError:
    from websockets.utils import apply_mask

_CONTROL = 0x8
_TAIL = b"\x00\x00\xff\xff"
"""What a compressed message leaves out at its end (RFC 7692, section 7.2.2)."""
_STEP = 65_536
"""Bytes that are inflated at a time, so that a small frame cannot become a large memory."""


class Message(NamedTuple):
    """A whole message, or a control frame."""

    opcode: int
    data: bytes
    """Its first bytes, inflated."""
    size: int
    """How many there were; more than `data` holds where the message is longer than the limit."""

    @property
    def text(self) -> bool:
        """Whether it is a text message that is there in full."""
        return self.opcode == Opcode.TEXT and self.size == len(self.data)

    @property
    def control(self) -> bool:
        """Whether it is a control frame: close, ping or pong."""
        return bool(self.opcode & _CONTROL)

    @property
    def close(self) -> Close | None:
        """The code and reason of a close frame; `None` for anything else, and for one that is not well-formed."""
        if self.opcode != Opcode.CLOSE:
            return None
        try:
            return Close.parse(self.data)
        except (ProtocolError, UnicodeDecodeError):
            return None


def close_frame(code: int, reason: str, *, mask: bool) -> bytes:
    """A close frame; what a client sends is masked."""
    return Frame(Opcode.CLOSE, Close(code, reason).serialize()).serialize(mask=mask)


class MessageReader:
    """Takes one direction of a websocket, cut anywhere, and gives out its messages and control frames.

    `limit` is how many bytes of a message are kept; the rest is counted.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._head = bytearray()
        self._left = -1
        """Payload bytes of the frame to come; negative while its head is read."""
        self._mask = b""
        self._frame = 0
        self._final = True
        self._data = _Gathering(limit)
        self._control = _Gathering(limit)
        self._message_opcode = 0
        self._inflater: zlib._Decompress | None = None
        self._compressed = False

    @property
    def between_frames(self) -> bool:
        """Whether the bytes so far end with a whole frame."""
        return self._left < 0 and not self._head

    def feed(self, data: bytes) -> list[Message]:
        """Take the next bytes, give out what they complete. Raises zlib.error where they do not inflate."""
        found: list[Message] = []
        at = 0
        while at < len(data) or self._left == 0:
            if self._left < 0:
                at = self._read_head(data, at)
                continue
            piece = data[at : at + self._left] if at or len(data) > self._left else data
            at += len(piece)
            self._left -= len(piece)
            self._take(piece)
            if self._left == 0:
                self._left = -1
                if (message := self._finished()) is not None:
                    found.append(message)
        return found

    def _read_head(self, data: bytes, at: int) -> int:
        """Take bytes of a frame's head; where they stand behind it."""
        head = self._head
        missing = _head_size(head) - len(head)
        head += data[at : at + missing]
        at += missing
        size = _head_size(head)
        if len(head) < size:
            return at
        masked, length = head[1] & 0x80, head[1] & 0x7F
        end = size - 4 if masked else size
        self._left = length if length < 126 else int.from_bytes(head[2:end], "big")
        self._mask = bytes(head[end:size])
        self._final, self._frame = bool(head[0] & 0x80), head[0] & 0x0F
        if self._frame & _CONTROL == 0 and self._frame != Opcode.CONT:
            self._message_opcode = self._frame
            self._compressed = bool(head[0] & 0x40)
        self._head = bytearray()
        return at

    def _take(self, piece: bytes) -> None:
        if self._mask and piece:
            mask = self._mask
            turn = len(piece) % 4
            piece, self._mask = apply_mask(piece, mask), mask[turn:] + mask[:turn]
        if self._frame & _CONTROL:
            self._control.add(piece)
        elif self._compressed:
            self._inflate(piece)
        else:
            self._data.add(piece)

    def _finished(self) -> Message | None:
        """What the frame that has ended completes."""
        if self._frame & _CONTROL:
            return self._control.message(self._frame)
        if not self._final:
            return None
        if self._compressed:
            self._inflate(_TAIL)
            if self._inflater is not None and self._inflater.eof:
                self._inflater = None
        return self._data.message(self._message_opcode)

    def _inflate(self, piece: bytes) -> None:
        """One window serves all messages: where each was deflated on its own, it only goes unused."""
        inflater = self._inflater = self._inflater or zlib.decompressobj(-zlib.MAX_WBITS)
        while piece and not inflater.eof:
            self._data.add(inflater.decompress(piece, _STEP))
            piece = inflater.unconsumed_tail
        while more := inflater.decompress(b"", _STEP):
            self._data.add(more)


class _Gathering:
    """The pieces of a message."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._kept = self._size = 0

    def add(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._kept < self._limit and piece:
            self._parts.append(piece[: self._limit - self._kept])
            self._kept += len(self._parts[-1])

    def message(self, opcode: int) -> Message:
        message = Message(opcode, b"".join(self._parts), self._size)
        self._parts, self._kept, self._size = [], 0, 0
        return message


def _head_size(head: bytearray) -> int:
    """How long a frame's head is, as far as its first bytes tell."""
    if len(head) < 2:
        return 2
    length = head[1] & 0x7F
    return 2 + (8 if length == 127 else 2 if length == 126 else 0) + (4 if head[1] & 0x80 else 0)
