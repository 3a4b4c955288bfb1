"""A request's body: read whole where something must be decided by it, else piece by piece."""

from collections.abc import Callable, Mapping
from typing import Any

from kagura.model import Body
from kagura.proxy import asgi
from kagura.proxy.capture import Capture

GONE = "kagura.gone"
"""Where a scope's extensions hold what takes a callback for the client's leaving."""


class Intake:
    """The client's side of one request.

    `whole` is the body once `gather` has read it; else `pieces` come from `next`, beginning with what was gathered
    in vain.
    """

    def __init__(
        self,
        receive: asgi.Receive,
        headers: Mapping[bytes, bytes],
        capture_limit: int,
        extensions: Mapping[str, Any] = {},
    ) -> None:
        self._receive = receive
        self.call_when_gone: Callable[[Callable[[], None] | None], None] | None = extensions.get(GONE)
        """Takes what to call when the client goes away, or `None`; only servers that know how have it."""
        length = headers.get(b"content-length")
        self.length = int(length) if length is not None and length.isdigit() else None
        """The length that the client announced."""
        self.whole: bytes | None = None if self.length or b"transfer-encoding" in headers else b""
        """The whole body as the client sent it; `None` where it is streamed."""
        self.outgoing = b""
        """What goes to the provider instead of `whole`."""
        self.framed = self.length is not None or b"transfer-encoding" in headers
        """Whether the request has a body at all, be it empty."""
        self._pieces: list[bytes] = []
        self._capture = Capture(capture_limit)
        self._limit = capture_limit

    async def gather(self, limit: int) -> bool:
        """Read the body up to `limit` bytes; whether the client is still there."""
        if self.whole is not None or (self.length or 0) > limit:
            return True
        size = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                return False
            piece = message.get("body", b"")
            self._pieces.append(piece)
            size += len(piece)
            if not message.get("more_body", False):
                self.whole = self.outgoing = b"".join(self._pieces)
                self._pieces = []
                return True
            if size > limit:
                return True

    async def next(self) -> tuple[bytes, bool] | None:
        """The next bytes of a streamed body and whether more come; `None` where the client has gone."""
        if self._pieces:
            pieces, self._pieces = b"".join(self._pieces), []
            self._capture.add(pieces)
            return pieces, True
        message = await self._receive()
        if message["type"] == "http.disconnect":
            return None
        piece = message.get("body", b"")
        self._capture.add(piece)
        return piece, message.get("more_body", False)

    async def gone(self) -> None:
        """Return when the client goes away."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def captured(self) -> Body:
        """The copy of what the client has sent so far."""
        if self.whole is not None:
            return Body(self.whole[: self._limit], len(self.whole))
        return self._capture.body()

    def new_capture(self) -> Capture:
        """An empty copy with the same limit, for the answer."""
        return Capture(self._limit)

    @property
    def size(self) -> int:
        """Bytes that the client has sent so far."""
        return len(self.whole) if self.whole is not None else self._capture.size
