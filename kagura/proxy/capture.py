"""A bounded copy of what passes."""

from kagura.model import Body


class Capture:
    """Keeps the first bytes of a body and counts the rest."""

    def __init__(self, limit: int) -> None:
        self._left = limit
        self.parts: list[bytes] = []
        """What was kept, as it came."""
        self.size = 0

    def add(self, data: bytes) -> None:
        """Take the next bytes."""
        self.size += len(data)
        if self._left > 0:
            self.parts.append(data if len(data) <= self._left else data[: self._left])
            self._left -= len(data)

    def body(self) -> Body:
        """The copy."""
        return Body(b"".join(self.parts), self.size)
