"""Results that are fetched: each batch line and each background response is one call, counted when it is first seen.

A background response belongs to the call that asked for it: its span gets the usage. A batch's lines were asked for in
a file, so each becomes a span of its own below the fetch, and cost by model stays exact.
"""

import hashlib
from collections.abc import Mapping

from kagura.collector.interpretation import Interpreter
from kagura.model import Call, Exchange, Result, Span, SpanKind, Status
from kagura.store import Batch, Store

_ASKING = (SpanKind.LLM, SpanKind.EMBEDDING)


class Results:
    """Adds to a batch what its exchanges fetched, once for each result however often it is fetched."""

    def __init__(self, store: Store, interpreter: Interpreter) -> None:
        self._store = store
        self._interpreter = interpreter

    def add(self, batch: Batch, exchange: Exchange, span: Span, call: Call) -> None:
        """Note what a call may be fetched under, and count what it fetched itself."""
        if call.result_key and span.kind in _ASKING:
            batch.results[_scoped(exchange, call.result_key)] = span.id
        if not call.results:
            return
        by_key = {_scoped(exchange, result.key): result for result in call.results}
        holders = self._holders(batch, by_key)
        for index, (key, result) in enumerate(by_key.items()):
            if key not in holders:
                if result.asked_for:
                    continue
                found = self._interpreter.interpret_result(exchange, span, result, _id(span, index))
                batch.spans.append(found.span)
                if found.contents:
                    batch.contents.append((found.span.id, found.contents))
                batch.results[key] = found.span.id
            elif (holder := holders[key]) is not None and _waits(holder):
                self._interpreter.complete(holder, exchange, result)
                batch.spans.append(holder)

    def _holders(self, batch: Batch, keys: Mapping[str, Result]) -> dict[str, Span | None]:
        """The spans of results that were seen before; `None` for one that retention has removed."""
        ids = self._store.result_spans(keys) | {key: batch.results[key] for key in keys.keys() & batch.results.keys()}
        stored = self._store.known_spans(ids.values())
        latest = {span.id: span for span in batch.spans}
        return {key: latest.get(id) or stored.get(id) for key, id in ids.items()}


def _waits(holder: Span) -> bool:
    """Whether a span that asked has ended without knowing what it used."""
    return holder.usage is None and holder.status is not Status.RUNNING


def _scoped(exchange: Exchange, key: str) -> str:
    return f"{exchange.provider} {key}"


def _id(fetch: Span, index: int) -> str:
    """The span id of a result: the same however often the fetch is read from the journal."""
    return hashlib.blake2b(f"{fetch.id} {index}".encode(), digest_size=8).hexdigest()
