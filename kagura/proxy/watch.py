"""What the relay sees of a websocket's frames: the messages, for the records, and who says goodbye."""

import logging

from websockets.frames import Close

from kagura.model import Outcome
from kagura.proxy.dialogue import Dialogue
from kagura.proxy.frames import MessageReader
from kagura.proxy.wire import RawHeaders

_log = logging.getLogger("kagura.proxy")
_DEFLATE = b"permessage-deflate"
_NORMAL = frozenset((1000, 1001, 1005))
"""Codes of a websocket that ended as it should."""


class Watch:
    """Reads a copy of both directions. Whatever it cannot read passes all the same."""

    def __init__(self, dialogue: Dialogue, headers: RawHeaders, message_limit: int) -> None:
        """`headers` are those of the provider's 101, which say how messages are packed."""
        self._dialogue = dialogue
        self._client, self._provider = MessageReader(message_limit), MessageReader(message_limit)
        self._blind = not _readable(headers)
        self.close: Close | None = None
        """The first closing frame."""
        self.closed_by_client: bool | None = None
        """Whose it was; `None` where nobody has sent one."""

    @property
    def interruptible(self) -> bool:
        """Whether a closing frame can stand here, and cuts nobody's answer off."""
        return self._blind or (self._dialogue.idle and self._client.between_frames and self._provider.between_frames)

    @property
    def blind(self) -> bool:
        """Whether the frames cannot be read."""
        return self._blind

    def from_client(self, data: bytes) -> None:
        """Look at bytes of the client's."""
        self._look(self._client, data, by_client=True)

    def from_provider(self, data: bytes) -> None:
        """Look at bytes of the provider's."""
        self._look(self._provider, data, by_client=False)

    def _look(self, reader: MessageReader, data: bytes, *, by_client: bool) -> None:
        if self._blind:
            return
        take = self._dialogue.sent if by_client else self._dialogue.received
        try:
            for message in reader.feed(data):
                if message.control:
                    self._note(message.close, by_client=by_client)
                else:
                    take(message)
        except Exception:
            _log.exception("a websocket's frames cannot be read; they pass on, its further calls are not recorded")
            self._blind = True

    def _note(self, close: Close | None, *, by_client: bool) -> None:
        if close is not None and self.close is None:
            self.close, self.closed_by_client = close, by_client

    def outcome(self, *, client_first: bool, broken: Exception | None) -> tuple[Outcome, str | None]:
        """How calls ended that the end of the connection cut off, and why."""
        by_client = client_first if self.closed_by_client is None else self.closed_by_client
        if by_client:
            return Outcome.CLIENT_CLOSED, None
        why = str(self.close) if self.close else str(broken) if broken else "the connection ended without goodbye"
        return Outcome.UPSTREAM_ERROR, f"upstream_disconnected: {why}"

    @property
    def ended_well(self) -> bool:
        """Whether somebody closed the websocket as it is meant to be closed."""
        return self.close is not None and self.close.code in _NORMAL


def _readable(headers: RawHeaders) -> bool:
    """Whether messages are packed in a way that is known: not at all, or deflated."""
    agreed = [value for name, value in headers if name.lower() == b"sec-websocket-extensions" and value.strip()]
    return not agreed or (len(agreed) == 1 and b"," not in agreed[0] and agreed[0].split(b";")[0].strip() == _DEFLATE)
