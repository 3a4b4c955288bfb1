"""Retries: which call is the next attempt of an earlier one's step.

SDKs and agents resend the same bytes after an error, a cut or a 429, and most of them do not say so. Only calls that
failed or were cut can be tried again, so that equal requests that all succeed stay calls of their own.
"""

import hashlib
from collections import OrderedDict

import msgspec

from kagura.model import Exchange, Outcome, Span, SpanKind, Status
from kagura.providers.framing import header
from kagura.store import Store

WINDOW_US = 120_000_000
"""So long after the end of an attempt the next one may begin: backoff and `retry-after` of the SDKs stay below it."""

HASTE_US = 1_000_000
"""A client that gave up may be back before the relay has noticed that it left."""

REMEMBERED = 3072
"""Different requests that are kept in mind."""

REMEMBERED_EQUALS = 64
"""Calls of each that are."""

RECALLED = 200
"""Calls of each bad end that a new collector reads from the store."""

OWN_EXECUTION = "call"
"""The source of an execution that a call was given because nobody named one."""

JOINED = "retry"
"""The source of the execution of a call that follows its first attempt."""

HASH = "request_hash"
"""The attribute by which a stored attempt is known again."""

_KINDS = (SpanKind.LLM, SpanKind.EMBEDDING)
_BAD = (Status.FAILED, Status.INTERRUPTED)


class Attempt(msgspec.Struct, eq=False):
    """What must be known of a call to find the attempts before and after it."""

    id: str
    key: str
    started_at: int
    execution_id: str
    source: str | None
    ended_at: int = 0
    """When the next attempt may begin at the earliest; 0 while it runs or where it went well."""
    until: int = 0
    number: int = 1
    first: str | None = None
    next: "Attempt | None" = None

    def may_follow(self, other: "Attempt") -> bool:
        """Whether this call may be the next attempt after `other`."""
        if other.next is not None or not other.ended_at or self is other:
            return False
        same = self.execution_id == other.execution_id or self.source == OWN_EXECUTION
        in_time = max(other.ended_at, other.started_at) <= self.started_at <= other.until
        return same and in_time

    def follow(self, other: "Attempt") -> None:
        """Make this call the next attempt after `other`, and so the ones behind it."""
        other.next = self
        before: Attempt = other
        this: Attempt | None = self
        while this is not None:
            this.number, this.first = before.number + 1, before.first or before.id
            if this.source == OWN_EXECUTION:
                this.source = JOINED
            this.execution_id = before.execution_id
            before, this = this, this.next

    def mark(self, span: Span) -> None:
        """Write to the span what was found out about it."""
        if self.first is not None:
            span.attempt, span.first_attempt_id = self.number, self.first
            span.execution_id, span.execution_source = self.execution_id, self.source


class Attempts:
    """The calls of the last minutes by what they asked."""

    def __init__(self) -> None:
        self._by_key: OrderedDict[str, list[Attempt]] = OrderedDict()
        self._by_id: dict[str, Attempt] = {}

    def recall(self, store: Store) -> None:
        """Know the calls again that an earlier collector left without a good end."""
        keys: dict[str, str] = {}
        for span in store.unfinished_spans(RECALLED):
            step = span.first_attempt_id or span.id
            key = span.attributes.get(HASH) or keys.get(step)
            if not isinstance(key, str):
                continue
            keys.setdefault(step, key)
            known = self._remember(span, key)
            known.number, known.first = span.attempt, span.first_attempt_id
            if span.status in _BAD and span.ended_at is not None:
                known.ended_at, known.until = span.ended_at, span.ended_at + WINDOW_US
            before = self._by_id.get(step)
            while before is not None and before.next is not None:
                before = before.next
            if before is not None and before is not known:
                before.next = known

    def place(self, span: Span, exchange: Exchange) -> list[Attempt]:
        """Give a call its attempt; returns calls that are stored already and turn out to be attempts after it."""
        if span.kind not in _KINDS or exchange.method != "POST" or not exchange.request_body.size:
            return []
        known = self._by_id.get(span.id)
        if known is None:
            known = self._remember(span, request_key(span, exchange))
            before = [other for other in self._by_key[known.key] if known.may_follow(other)]
            if before:
                known.follow(min(before, key=lambda other: (other.ended_at, other.id)))
        moved = self._end(known, span, exchange) if span.status in _BAD else []
        known.mark(span)
        if span.status is not Status.COMPLETED:
            span.attributes[HASH] = known.key
        return moved

    def _remember(self, span: Span, key: str) -> Attempt:
        known = Attempt(span.id, key, span.started_at, span.execution_id, span.execution_source)
        calls = self._by_key.setdefault(key, [])
        self._by_key.move_to_end(key)
        calls.append(known)
        self._by_id[known.id] = known
        gone = [calls.pop(0)] if len(calls) > REMEMBERED_EQUALS else []
        if len(self._by_key) > REMEMBERED:
            gone += self._by_key.popitem(last=False)[1]
        for old in gone:
            self._by_id.pop(old.id, None)
        return known

    def _end(self, known: Attempt, span: Span, exchange: Exchange) -> list[Attempt]:
        """Note a bad end; the call that follows on it may have been read before it, from another process's file."""
        ended_at = span.ended_at or span.started_at
        known.ended_at = ended_at - HASTE_US if exchange.outcome is Outcome.CLIENT_CLOSED else ended_at
        known.until = max(ended_at, exchange.done_at or 0) + WINDOW_US
        after = [other for other in self._by_key[known.key] if other.first is None and other.may_follow(known)]
        if not after:
            return []
        this: Attempt | None = min(after, key=lambda other: (other.started_at, other.id))
        moved = []
        if this is not None:
            this.follow(known)
        while this is not None:
            moved.append(this)
            this = this.next
        return moved


def request_key(span: Span, exchange: Exchange) -> str:
    """What equal requests of one client share: where they go, who sends them, and every byte of the body."""
    client = header(exchange.request_headers, "user-agent")
    who = (exchange.provider, exchange.target, client, exchange.labels.agent or "", span.user or "")
    body = exchange.request_body
    hashed = hashlib.blake2b("\0".join((*who, str(body.size), "")).encode("utf-8", "replace"), digest_size=16)
    hashed.update(body.data)
    return hashed.hexdigest()
