"""Exchanges as the journal holds them, and what the store makes of them."""

import json
from pathlib import Path
from typing import Any

from kagura.collector import drain
from kagura.config import Settings
from kagura.journal import Ended, JournalWriter, Started
from kagura.model import Body, Labels, Outcome, Span
from kagura.store import Store

T = 1_790_000_000_000_000
SECOND = 1_000_000
CHAT = "/v1/chat/completions"


def body(value: Any) -> Body:
    """JSON, or bytes as they are."""
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Body(data, len(data))


def sse(*events: Any, done: bool = False) -> bytes:
    """A stream of events; those with a `type` are named after it."""
    lines = [
        (f"event: {event['type']}\n" if "type" in event else "") + f"data: {json.dumps(event)}\n\n" for event in events
    ]
    return ("".join(lines) + ("data: [DONE]\n\n" if done else "")).encode()


class Recorder:
    """Writes exchanges into a journal and drains it into the store."""

    def __init__(self, home: Path) -> None:
        self.settings = Settings(home=home)
        self._calls = 0

    def ask(
        self,
        request: Any,
        *,
        at: int = T,
        provider: str = "openai",
        target: str = CHAT,
        method: str = "POST",
        headers: tuple[tuple[str, str], ...] = (),
        **labels: Any,
    ) -> Started:
        """The beginning of a call."""
        self._calls += 1
        return Started(
            id=f"{self._calls:016x}",
            provider=provider,
            dialect=provider,
            method=method,
            target=target,
            received_at=at,
            labels=Labels(**labels),
            request_headers=[("content-type", "application/json"), *headers],
            request_body=body(request) if request is not None else Body(),
        )

    def answer(
        self,
        start: Started,
        answer: Any = b"",
        *,
        status: int | None = 200,
        after: int = SECOND,
        outcome: Outcome = Outcome.COMPLETED,
        kind: str = "application/json",
        **fields: Any,
    ) -> Ended:
        """The end of a call, `after` microseconds."""
        end = start.received_at + after
        copied = answer if isinstance(answer, Body) else body(answer)
        return Ended(
            id=start.id,
            outcome=outcome,
            done_at=end,
            first_byte_at=end if status else None,
            last_byte_at=end if status else None,
            status=status,
            response_headers=[("content-type", kind)],
            response_body=copied,
            **fields,
        )

    def store(self, *records: Started | Ended) -> None:
        """Journal the records, as one process, and drain them."""
        writer = JournalWriter(self.settings.journal_dir)
        for record in records:
            writer.append(record)
        writer.close()
        assert drain(self.settings)

    def call(self, request: Any, answer: Any = b"", **fields: Any) -> Span:
        """One call from its beginning to its end; returns its span."""
        names = ("at", "provider", "target", "method", "headers", "execution_id", "session_id", "agent")
        start = self.ask(request, **{name: fields.pop(name) for name in names if name in fields})
        self.store(start, self.answer(start, answer, **fields))
        return next(span for span in self.spans() if span.id == start.id)

    def spans(self) -> list[Span]:
        """Every span, by start."""
        with Store.open(self.settings.db_url, read_only=True) as store:
            traces = [store.trace(row.id) for row in store.executions(limit=10_000)]
        spans = [span for trace in traces if trace for span in trace.spans]
        return sorted(spans, key=lambda span: (span.started_at, span.id))
