"""Asking an OpenAI-style stream for its usage where the client did not, and taking the extra chunk out again."""

import re

import msgspec

from kagura.providers.sse import SSESplitter
from kagura.proxy.splice import JsonObject

_ASKED = b'{"include_usage":true}'
_OPENED = b'{"stream_options":%b,' % _ASKED
"""How an object that has members begins once it has this one more."""
_FIELDS = (b"data:", b"event:", b"id:", b"retry:")
_LINE_END = re.compile(rb"\r\n|\n|\r")
_HAS_CHOICE = re.compile(rb'"choices"\s*:\s*(?:[^\[\s]|\[\s*[^\]\s])')
_DATA = re.compile(rb"^data: ?(.*?)\r?$", re.MULTILINE)
LONGEST_USAGE_EVENT = 65_536
"""A longer event is not the usage chunk."""


class _StreamOptions(msgspec.Struct):
    include_usage: msgspec.Raw = msgspec.Raw(b"null")


class _Request(msgspec.Struct):
    stream: bool = False
    stream_options: _StreamOptions | msgspec.UnsetType | None = msgspec.UNSET


_REQUEST = msgspec.json.Decoder(_Request)
_UNASKED = (b"null", b"false")


def with_usage_asked(body: bytes) -> bytes | None:
    """The body of a streaming request with `stream_options.include_usage`, or `None` where nothing is to be added.

    Nothing is added where the client asked itself, where no stream is wanted, or where the body is in any way unclear.
    Most bodies are decided by one look at two members; only where a value is to be replaced is each member found.
    """
    if b'"stream"' not in body:
        return None
    try:
        look = _REQUEST.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if not look.stream or (look.stream_options and bytes(look.stream_options.include_usage) not in _UNASKED):
        return None
    if look.stream_options is msgspec.UNSET and body.count(b'"stream"') == 1:
        return body.replace(b"{", _OPENED, 1)
    request = JsonObject(body)
    if request.value("stream") != b"true":
        return None
    options = request.value("stream_options")
    if not options:
        return request.with_member(b"stream_options", _ASKED)
    if options == b"null":
        return request.with_value("stream_options", _ASKED)
    inner = JsonObject(options)
    if inner.value("include_usage") in (b"false", b"null"):
        return request.with_value("stream_options", inner.with_value("include_usage", b"true"))
    if "include_usage" in inner or not (inner.places or _is_empty_object(options)):
        return None
    return request.with_value("stream_options", inner.with_member(b"include_usage", b"true"))


def _is_empty_object(text: bytes) -> bool:
    return text.startswith(b"{") and not text[1:-1].strip()


class _Chunk(msgspec.Struct):
    choices: list[object]
    usage: dict[str, object] | None = None


_CHUNK = msgspec.json.Decoder(_Chunk)


class UsageFilter:
    """Takes the chunk with `choices: []` and usage out of a stream, cut anywhere, and no other byte.

    Only what may be the beginning of such a chunk is held back; all else passes at once, whole event or not.
    """

    def __init__(self) -> None:
        self._splitter = SSESplitter()
        self._passed = 0
        """Bytes of the unfinished event that have been given out."""
        self.removed = 0
        """Chunks taken out."""

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes of the stream, give out what the client may have."""
        out = []
        for block in self._splitter.feed(data):
            if self._passed or not self._is_usage(block):
                out.append(block[self._passed :])
            self._passed = 0
        rest = self._splitter.rest
        if self._passed or not _may_become_usage(rest):
            out.append(rest[self._passed :])
            self._passed = len(rest)
        return b"".join(out)

    def close(self) -> bytes:
        """The bytes still held back when the stream ends without a blank line."""
        rest = self._splitter.rest
        return b"" if not self._passed and self._is_usage(rest) else rest[self._passed :]

    def _is_usage(self, block: bytes) -> bool:
        if b'"usage"' not in block or b'"choices"' not in block:
            return False
        try:
            chunk = _CHUNK.decode(b"\n".join(_DATA.findall(block)))
        except (msgspec.DecodeError, UnicodeDecodeError):
            return False
        if chunk.choices or not chunk.usage:
            return False
        self.removed += 1
        return True


def _may_become_usage(rest: bytes) -> bool:
    """Whether an unfinished event can still turn out to be the usage chunk."""
    if len(rest) > LONGEST_USAGE_EVENT or _HAS_CHOICE.search(rest):
        return False
    for line in _LINE_END.split(rest):
        if line.startswith(b"data:"):
            value = line[5:].lstrip(b" ")
            return not value or value.startswith(b"{")
        if not any(line.startswith(field) or field.startswith(line) for field in _FIELDS):
            return False
    return True
