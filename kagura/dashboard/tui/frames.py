"""What the screen and the reader of the store say to each other: frames of a length (little-endian u32) and bytes."""

import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO

_LENGTH = struct.Struct("<I")


def write_frame(pipe: "IO[bytes]", data: bytes) -> None:
    """Write a frame. Raises OSError where nobody reads any more."""
    pipe.write(_LENGTH.pack(len(data)) + data)
    pipe.flush()


def read_frame(pipe: "IO[bytes]") -> bytes | None:
    """The next frame; `None` at the end."""
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    data = pipe.read(length)
    return data if len(data) == length else None
