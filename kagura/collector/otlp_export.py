"""Sends what has ended to an OTLP receiver, from a thread of its own beside the collector.

What waits stands in the store's outbox, so that neither a receiver that is away nor the death of this process loses a
span, and only one batch is in memory. A span is sent at least once: what was on its way when a process died goes again.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from kagura.collector.otlp_spans import OutgoingSpans
from kagura.config import Settings
from kagura.errors import ConfigError, StoreError
from kagura.model import Span, Status, now_us
from kagura.otel.conventions import SPAN_ID
from kagura.otel.encoding import OutgoingSpan
from kagura.otel.outgoing_http import Answer, Receiver, Verdict, one_line, shown_url
from kagura.otel.outgoing_place import origin_of
from kagura.otel.outgoing_wire import Protobuf, resource_attributes
from kagura.store import Store
from kagura.store.outbox import EXECUTION, QUIET_US, SPAN, Waiting

log = logging.getLogger(__name__)

LINES = 200
"""Spans that are taken from the outbox at a time."""
BYTES = 4 << 20
"""A request is closed when it has grown so large; receivers take 4 MB at least."""
LEASE_US = 60_000_000
"""Spans that a dead process had taken are sent again after so long."""
IDLE_SECONDS = 1.0
LONGEST_BACKOFF = 60.0
FAILURES = 10
"""A receiver that fails over the same span so often will never take it."""
SPLITS = 32
"""Requests that are spent on finding the spans of one batch that a receiver refuses."""
LAST_SECONDS = 3.0
"""So long the end of the process waits for what is left to be sent."""
TOLD_EVERY = 600.0
"""Seconds after which the same trouble is told again."""
NOTED_EVERY_US = 10_000_000


class Piece(NamedTuple):
    """A line of the outbox, and the message that it became."""

    line: Waiting
    message: Any


class Sending:
    """Takes lines from the outbox and sends what they mean. One batch is one call of `step`."""

    def __init__(
        self, settings: Settings, store: Store, receiver: Receiver | None = None, now: Callable[[], int] = now_us
    ) -> None:
        otlp = settings.otlp
        self._store, self._now = store, now
        self._receiver = receiver or Receiver(otlp)
        self._url = shown_url(otlp.endpoint or "")
        self._protobuf = Protobuf(resource_attributes(otlp.resource))
        self._spans = OutgoingSpans(settings, store, content=otlp.content, with_received=otlp.forward)
        self._bare = OutgoingSpans(settings, store, content=False, with_received=otlp.forward)
        self._forward = otlp.forward
        self._failures = 0
        self._told = ("", 0.0)
        self._noted_at = 0

    def step(self, *, last: bool = False) -> float | None:
        """Send one batch; the seconds to wait before the next, or `None` where nothing waits.

        With `last`, what still settles is sent as well.
        """
        taken_at = self._now()
        lines = self._store.claim(taken_at + (QUIET_US if last else 0), LINES, LEASE_US)
        if not lines:
            return None
        remaining = dict.fromkeys(lines)
        for pieces in self._requests(lines):
            wait = self._deliver(pieces, [SPLITS])
            if wait is not None:
                self._store.put_off(list(remaining), self._now() + round(wait * 1_000_000))
                return wait
            for piece in pieces:
                remaining.pop(piece.line, None)
            if self._now() > taken_at + LEASE_US // 2:
                taken_at = self._now()
                self._store.put_off(list(remaining), taken_at + LEASE_US)
        # The rest is not to be sent: it runs again, is gone, or came in over OTLP itself.
        self._store.sent(remaining)
        return 0.0

    def _requests(self, lines: Sequence[Waiting]) -> Iterator[list[Piece]]:
        """Lines as messages, as many together as one request takes."""
        pieces: list[Piece] = []
        size = 0
        for line, span in self._made(lines):
            message = self._protobuf.span(span)
            pieces.append(Piece(line, message))
            size += message.ByteSize()
            if size >= BYTES:
                yield pieces
                pieces, size = [], 0
        if pieces:
            yield pieces

    def _made(self, lines: Sequence[Waiting]) -> Iterator[tuple[Waiting, OutgoingSpan]]:
        of_spans = {line.id: line for line in lines if line.kind == SPAN}
        spans = [span for span in self._store.spans_by_id(of_spans).values() if self._is_sent(span)]
        for id, made in self._spans.spans(spans):
            yield of_spans[id], made
        of_executions = {line.id: line for line in lines if line.kind == EXECUTION}
        executions = self._store.executions_by_id(of_executions).values()
        for id, made in self._spans.executions(row for row in executions if row.status is not Status.RUNNING):
            yield of_executions[id], made

    def _is_sent(self, span: Span) -> bool:
        if span.status is Status.RUNNING:
            return False
        # What another kagura sent is not sent on, or two that send to each other would never end.
        return origin_of(span) is None or (self._forward and SPAN_ID not in span.attributes)

    def _deliver(self, pieces: list[Piece], splits: list[int]) -> float | None:
        """Send one request, in parts where the receiver refuses it; seconds to wait where it cannot be now."""
        answer = self._receiver.post(self._protobuf.request([piece.message for piece in pieces]))
        verdict = answer.verdict
        if verdict is Verdict.FAILED and max(piece.line.refusals for piece in pieces) >= FAILURES:
            verdict = Verdict.REFUSED
        if verdict is Verdict.SENT:
            self._sent(pieces, answer)
        elif verdict in (Verdict.LATER, Verdict.FAILED):
            return self._failed(pieces, answer, counts=verdict is Verdict.FAILED)
        elif len(pieces) > 1 and splits[0] > 0:
            splits[0] -= 2
            middle = len(pieces) // 2
            return first_of(self._deliver(part, splits) for part in (pieces[:middle], pieces[middle:]))
        elif not (verdict is Verdict.TOO_LARGE and self._sent_bare(pieces)):
            self._refused(pieces, answer)
        return None

    def _sent(self, pieces: Sequence[Piece], answer: Answer) -> None:
        self._store.sent(piece.line for piece in pieces)
        rejected, reason = self._protobuf.rejected(answer.body)
        if rejected > 0:
            log.warning("%s did not take %s of %s spans: %s", self._url, rejected, len(pieces), one_line(reason))
            self._store.note("refused", self._now(), f"{rejected} spans: {one_line(reason)}")
        recovered, self._failures = self._failures > 0, 0
        if recovered or self._now() - self._noted_at > NOTED_EVERY_US:
            self._noted_at = self._now()
            self._store.note("sent", self._noted_at)
        if recovered:
            self._told = ("", 0.0)
            log.info("spans are sent to %s again; %s wait", self._url, f"{self._store.waiting():,}")

    def _failed(self, pieces: Sequence[Piece], answer: Answer, *, counts: bool) -> float:
        self._failures += 1
        wait = answer.wait or min(LONGEST_BACKOFF, 2.0 ** min(self._failures - 1, 6))
        if counts:
            self._store.put_off([piece.line for piece in pieces], self._now(), refused=True)
        self._store.note("failed", self._now(), answer.reason)
        told, at = self._told
        if told != answer.reason or time.monotonic() - at > TOLD_EVERY:
            self._told = (answer.reason, time.monotonic())
            log.warning(
                "spans cannot be sent to %s, %s wait in the store; next try in %.0f s: %s",
                self._url,
                f"{self._store.waiting():,}",
                wait,
                answer.reason,
            )
        return wait

    def _refused(self, pieces: Sequence[Piece], answer: Answer) -> None:
        """What a receiver will never take is skipped: all that comes after it still goes."""
        self._store.sent(piece.line for piece in pieces)
        ids = ", ".join(piece.line.id for piece in pieces[:3]) + (", …" if len(pieces) > 3 else "")
        text = f"{len(pieces)} span{'' if len(pieces) == 1 else 's'} ({ids}): {answer.reason}"
        log.warning("%s refuses %s", self._url, text)
        self._store.note("refused", self._now(), text)

    def _sent_bare(self, pieces: Sequence[Piece]) -> bool:
        """Whether a span that is too large was taken without what was said in it."""
        spans = self._store.spans_by_id(piece.line.id for piece in pieces if piece.line.kind == SPAN)
        bare = [self._protobuf.span(made) for _, made in self._bare.spans(spans.values())]
        answer = self._receiver.post(self._protobuf.request(bare)) if bare else Answer(Verdict.REFUSED)
        if answer.verdict is not Verdict.SENT:
            return False
        self._sent(pieces, answer)
        return True


class Exporter:
    """The thread that sends, from `start` to `stop`."""

    def __init__(self, settings: Settings) -> None:
        self.gives_way = False
        """Whether the collector has more to do than it manages, so that sending slows down."""
        self._settings = settings
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kagura otlp", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self) -> None:
        """Send what is left, for a moment, and end; what cannot be sent stays in the store."""
        self._stop.set()
        self._thread.join(LAST_SECONDS)

    def _run(self) -> None:
        wait, stopping = 0.0, False
        while not stopping:
            stopping = self._stop.wait(wait)
            try:
                with Store.open(self._settings.db_url, create=False) as store:
                    sending = self._sending(store)
                    if sending:
                        self._send(sending)
                return
            except StoreError as error:
                log.debug("the store cannot be read for the OTLP receiver: %s", error)
                wait = 2.0
            except Exception:
                log.exception("spans cannot be sent to the OTLP receiver; next try in %.0f s", LONGEST_BACKOFF)
                wait = LONGEST_BACKOFF

    def _sending(self, store: Store) -> Sending | None:
        try:
            return Sending(self._settings, store)
        except ConfigError as error:
            log.error("nothing is sent to the OTLP receiver, spans wait in the store: %s", error)
            store.note("failed", now_us(), error.message)
            return None

    def _send(self, sending: Sending) -> None:
        wait = 0.0
        while not self._stop.wait(max(wait, IDLE_SECONDS if self.gives_way else 0.0)):
            found = sending.step()
            wait = IDLE_SECONDS if found is None else found
        until = time.monotonic() + LAST_SECONDS
        while time.monotonic() < until and sending.step(last=True) == 0.0:
            pass


def first_of(waits: Iterator[float | None]) -> float | None:
    """The first time to wait, after which nothing more is tried."""
    return next((wait for wait in waits if wait is not None), None)
