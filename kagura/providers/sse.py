"""Server-sent events without input or output: bytes in at any cut, events or verbatim blocks out.

The line rules are those of the WHATWG HTML standard, section 9.2.6: lines end with CRLF, LF or CR, a byte order
mark may open the stream, a line that starts with a colon is a comment, several `data` lines are one text.
"""

import re
from typing import NamedTuple

_BLOCK_END = re.compile(rb"\n\n|\n\r\n|\n\r(?=[^\n])|\r\r\n?")
_LONGEST_END = 3
_BYTE_ORDER_MARK = "\ufeff"


class SSEEvent(NamedTuple):
    """One event of a stream."""

    event: str | None
    """The event's name; `None` where the stream gave none."""
    data: str
    """The data lines, joined by line feeds."""
    id: str | None = None


class SSESplitter:
    """Cuts a stream into blocks: an event each, verbatim, its blank line included.

    The blocks and `rest`, put together, are the bytes that were fed. A block comes out as soon as its blank line is
    there; only where a CR may still be half of a CRLF does it wait for the next byte.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def rest(self) -> bytes:
        """The bytes after the last whole block."""
        return bytes(self._buffer)

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take the next bytes and give back the blocks that they complete."""
        buffer = self._buffer
        if buffer and not _BLOCK_END.search(bytes(buffer[1 - _LONGEST_END :]) + chunk):
            buffer += chunk
            return []
        data = bytes(buffer) + chunk
        blocks: list[bytes] = []
        start = 0
        for end in _BLOCK_END.finditer(data):
            blocks.append(data[start : end.end()])
            start = end.end()
        buffer[:] = data[start:]
        return blocks


class SSEParser:
    """Reads a stream's events as its bytes arrive."""

    def __init__(self) -> None:
        self._splitter = SSESplitter()
        self._opened = False

    def feed(self, chunk: bytes) -> list[SSEEvent]:
        """Take the next bytes and give back the events that they complete."""
        return self._events(self._splitter.feed(chunk))

    def close(self) -> list[SSEEvent]:
        """The event that the stream ended in without a blank line, where there is one."""
        return self._events([self._splitter.rest])

    def _events(self, blocks: list[bytes]) -> list[SSEEvent]:
        events = []
        for block in blocks:
            content = _lines(block)
            if not self._opened and content:
                self._opened = True
                content = content.removeprefix(_BYTE_ORDER_MARK)
            if event := _event(content.strip("\n")):
                events.append(event)
        return events


def parse(body: bytes) -> list[SSEEvent]:
    """All events of a whole stream, also the last one where its blank line is missing."""
    blocks = _lines(body).removeprefix(_BYTE_ORDER_MARK).split("\n\n")
    return [event for block in blocks if (event := _event(block.strip("\n")))]


def _lines(data: bytes) -> str:
    """Text with LF at the end of each line."""
    content = data.decode("utf-8", "replace")
    return content.replace("\r\n", "\n").replace("\r", "\n") if "\r" in content else content


def _event(block: str) -> SSEEvent | None:
    """The event of one block; `None` where the block holds comments or nothing at all."""
    if block.startswith("data: ") and "\n" not in block:
        return SSEEvent(None, block[6:])
    name: str | None = None
    id_: str | None = None
    data: list[str] = []
    for line in block.split("\n"):
        field, _, value = line.partition(":")
        if field == "data":
            data.append(value[1:] if value[:1] == " " else value)
        elif field == "event":
            name = value[1:] if value[:1] == " " else value
        elif field == "id":
            id_ = value[1:] if value[:1] == " " else value
    if not data and not name:
        return None
    return SSEEvent(name, "\n".join(data), id_)
