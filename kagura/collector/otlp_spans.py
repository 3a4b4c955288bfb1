"""Spans and executions of the store as OpenTelemetry's, with their places and, where asked for, what was said."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from kagura.config import Settings
from kagura.model import Execution, Span
from kagura.otel.encoding import Content, Encoder, OutgoingSpan, Server, Value
from kagura.otel.outgoing_place import Places
from kagura.providers import load
from kagura.store import Store
from kagura.store.views import ExecutionRow

_PORTS = {"http": 80, "https": 443}


class OutgoingSpans:
    """Makes what is sent or exported, a batch at a time."""

    def __init__(self, settings: Settings, store: Store, *, content: bool, with_received: bool) -> None:
        self._store = store
        self._content = content
        self._with_received = with_received
        self._lookup = _Lookup(store)
        self._encoder = Encoder(servers(settings))

    def spans(self, batch: Iterable[Span]) -> Iterator[tuple[str, OutgoingSpan]]:
        """The spans of a batch by their ids in the store, each made as it is taken: what one says may be large."""
        given = list(batch)
        places = Places(self._lookup, with_received=self._with_received)
        places.know(given)
        asking = self._asking(given)
        for span in given:
            content = self._said(span, asking) if self._content else None
            yield span.id, self._encoder.span(span, places.of_span(span), content)

    def executions(self, batch: Iterable[ExecutionRow]) -> Iterator[tuple[str, OutgoingSpan]]:
        """The spans that stand for executions, by their ids; where the caller's trace has its own, there is none."""
        given = list(batch)
        places = Places(self._lookup, with_received=self._with_received)
        places.know((), given)
        for row in given:
            place = places.of_execution(row)
            if place:
                yield row.id, self._encoder.execution(row, place, _sums(row), with_content=self._content)

    def _asking(self, batch: Iterable[Span]) -> dict[str, Any]:
        """By a tool's call id, with what arguments the model asked for it."""
        if not self._content:
            return {}
        ids = {str(span.attributes["asked_by"]) for span in batch if "asked_by" in span.attributes}
        calls = self._store.spans_by_id(sorted(ids)).values() if ids else ()
        return {call.id: call.arguments for span in calls for call in span.tool_calls if call.id}

    def _said(self, span: Span, asking: Mapping[str, Any]) -> Content:
        kept = self._store.span_contents(span.id)
        arguments = asking.get(str(span.attributes.get("gen_ai.tool.call.id")))
        if kept is None:
            return Content(arguments=arguments)
        return Content(inputs=kept.inputs, outputs=kept.outputs, parameters=kept.parameters, arguments=arguments)


class _Lookup:
    """What placing asks of the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def spans(self, ids: Iterable[str]) -> dict[str, Span]:
        """The spans of these ids."""
        return self._store.spans_by_id(ids)

    def executions(self, ids: Iterable[str]) -> Mapping[str, Execution]:
        """The executions of these ids."""
        return self._store.executions_by_id(ids)

    def first_traced(self, execution_ids: Iterable[str], own: Callable[[str], str]) -> Mapping[str, Span]:
        """The first span of each execution that has a trace id other than its `own`."""
        return self._store.first_traced(execution_ids, own)


def servers(settings: Settings) -> dict[str, Server]:
    """Where each provider of the settings is reached."""
    table = load({name: row.given() for name, row in settings.providers.items()})
    found = {}
    for name, provider in table.items():
        address = urlsplit(provider.base_url or "")
        try:
            port = address.port or _PORTS.get(address.scheme, 0)
        except ValueError:
            continue
        if address.hostname:
            found[name] = Server(address.hostname, port)
    return found


def _sums(row: ExecutionRow) -> dict[str, Value | None]:
    return {
        "status": row.status.value,
        "llm_calls": row.llm_calls,
        "retries": row.retries,
        "tool_calls": row.tool_calls,
        "errors": row.errors,
        "input_tokens": row.tokens.input,
        "output_tokens": row.tokens.output,
        "cost_usd": float(row.cost.billed),
        "estimated_cost_usd": float(row.cost.estimated) or None,
        "unknown_cost_calls": row.cost.unknown_calls or None,
    }
