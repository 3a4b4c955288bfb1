"""Sends stored spans to an OTLP receiver at once, while the caller waits: history from before one was configured."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from kagura.collector.otlp_file import chosen_spans
from kagura.collector.otlp_spans import OutgoingSpans
from kagura.config import Settings
from kagura.otel.encoding import OutgoingSpan
from kagura.otel.outgoing_http import Answer, Receiver, Verdict, one_line
from kagura.otel.outgoing_wire import Protobuf, resource_attributes
from kagura.store import Store
from kagura.store.export import Chosen

REQUEST = 500
"""Spans of one request at most."""
BYTES = 3 << 20
"""A request is closed when it has grown so large; receivers take 4 MB at least."""
TRIES = 6
LONGEST_PAUSE = 30.0


class Told(NamedTuple):
    """What the receiver said to what was sent."""

    sent: int = 0
    refused: int = 0
    """Spans that it will never take."""
    reason: str = ""
    """Why it refused some, the last time."""


class Sender:
    """Sends spans in requests of a fitting size: patiently to a receiver that is busy, not to one that is away."""

    def __init__(self, settings: Settings, receiver: Receiver, pause: Callable[[float], None] = time.sleep) -> None:
        self.told = Told()
        self.stopped = ""
        """Why the receiver takes no more; empty where all was sent."""
        self.reached: int | None = None
        """All spans that began before then were sent; the others are to be sent again."""
        self._settings, self._receiver, self._pause = settings, receiver, pause
        self._protobuf = Protobuf(resource_attributes(settings.otlp.resource))

    def send(
        self, store: Store, chosen: Chosen, *, executions: bool, content: bool, counted: Callable[[int], None]
    ) -> None:
        """Send the chosen spans that have ended, in the order of their start.

        `counted` is told how many rows were read.
        """
        outgoing = OutgoingSpans(self._settings, store, content=content, with_received=True)
        made = chosen_spans(outgoing, store, chosen, executions=executions, counted=counted, ended=True)
        for spans in self._requests(made):
            self.stopped = self._deliver([message for _, message in spans])
            if self.stopped:
                return
            self.reached = max(self.reached or 0, *(span.started_at for span, _ in spans))

    def _requests(self, made: Iterable[OutgoingSpan]) -> Iterator[list[tuple[OutgoingSpan, Any]]]:
        given = iter(made)
        while first := list(islice(given, 1)):
            request = [(first[0], self._protobuf.span(first[0]))]
            size = request[0][1].ByteSize()
            while size < BYTES and len(request) < REQUEST and (more := next(given, None)) is not None:
                request.append((more, self._protobuf.span(more)))
                size += request[-1][1].ByteSize()
            yield request

    def _deliver(self, messages: Sequence[Any]) -> str:
        """Send these, in parts where the receiver refuses them; why not, where it takes nothing now."""
        answer = self._posted(messages)
        if answer.verdict is Verdict.SENT:
            self._count(len(messages), answer)
        elif answer.verdict in (Verdict.LATER, Verdict.FAILED):
            return answer.reason
        elif len(messages) > 1:
            middle = len(messages) // 2
            return self._deliver(messages[:middle]) or self._deliver(messages[middle:])
        else:
            self.told = self.told._replace(refused=self.told.refused + 1, reason=answer.reason)
        return ""

    def _posted(self, messages: Sequence[Any]) -> Answer:
        request = self._protobuf.request(messages)
        for attempt in range(TRIES - 1):
            answer = self._receiver.post(request)
            away = not self.told.sent and answer.wait is None
            if away or answer.verdict not in (Verdict.LATER, Verdict.FAILED):
                return answer
            self._pause(min(LONGEST_PAUSE, 2.0**attempt if answer.wait is None else answer.wait))
        return self._receiver.post(request)

    def _count(self, number: int, answer: Answer) -> None:
        rejected, reason = self._protobuf.rejected(answer.body)
        rejected = max(0, min(rejected, number))
        sent, refused, before = self.told
        self.told = Told(sent + number - rejected, refused + rejected, one_line(reason) if rejected else before)
