"""Exchange → span: what the bytes meant, what it cost, whose call it was, what is kept of it."""

import logging
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from kagura.collector import span_events
from kagura.collector.batched import at_batch_rates
from kagura.collector.estimation import estimate
from kagura.collector.identity import identify
from kagura.collector.redaction import Redaction
from kagura.collector.span_events import Reported, span_from
from kagura.config import Settings
from kagura.model import (
    Call,
    CallError,
    Cost,
    Event,
    Exchange,
    JsonObject,
    Outcome,
    Result,
    Span,
    SpanKind,
    Status,
)
from kagura.otel.outgoing_ids import read_traceparent
from kagura.pricing import Catalog
from kagura.pricing.facts import facts_of
from kagura.providers import Provider, load, realtime
from kagura.providers.decode import decode
from kagura.providers.framing import header
from kagura.providers.reader import read
from kagura.store import SpanContents

log = logging.getLogger(__name__)


class Interpreted(NamedTuple):
    """A span and what is kept of its prompt and answer."""

    span: Span
    contents: SpanContents | None
    call: Call


class Interpreter:
    """Turns captured exchanges into spans. Never raises: what cannot be understood is recorded as that."""

    def __init__(self, providers: Mapping[str, Provider], catalog: Catalog, redaction: Redaction) -> None:
        self._providers = providers
        self._catalog = catalog
        self._redaction = redaction

    @classmethod
    def from_settings(cls, settings: Settings) -> "Interpreter":
        """An interpreter with the providers, prices and redaction of the settings."""
        providers = load({name: row.given() for name, row in settings.providers.items()})
        prices = [path for path in (settings.prices_file,) if Path(path).exists()]
        catalog = Catalog.load(prices, settings.prices, settings.discounts)
        return cls(providers, catalog, Redaction(settings.capture, settings.redact))

    def interpret(self, exchange: Exchange) -> Interpreted:
        """The span of an exchange; it is running where the exchange has no outcome."""
        try:
            call = read(exchange, self._providers.get(exchange.provider))
            span = self._span(exchange, call)
        except Exception as error:
            log.exception("call %s could not be understood", exchange.id)
            call = Call(endpoint="other", kind=SpanKind.SPAN, billable=False, notes=[f"not understood: {error!r}"])
            return Interpreted(self._span(exchange, call), None, call)
        return Interpreted(span, self._kept(exchange, call, span), call)

    def interpret_event(self, event: Event) -> Reported | None:
        """The span that an event reports; None for an event of another kind."""
        if event.type != span_events.TYPE:
            return None
        try:
            return span_from(event, self._catalog, self._redaction)
        except Exception:
            log.exception("a reported span could not be understood")
            return None

    def interpret_result(self, fetch: Exchange, parent: Span, result: Result, id: str) -> Interpreted:
        """The span of a call whose answer another exchange fetched: below that one, at its time, at its own price."""
        call = result.call
        model = call.response_model
        span = Span(
            id=id,
            execution_id=parent.execution_id,
            execution_source=parent.execution_source,
            kind=call.kind,
            name=f"{_OPERATIONS[call.kind]} {model}" if model else call.endpoint,
            agent=parent.agent,
            status=Status.FAILED if call.error else Status.COMPLETED,
            started_at=parent.started_at,
            ended_at=parent.started_at,
            parent_id=parent.id,
            session_id=parent.session_id,
            user=parent.user,
            provider=parent.provider,
            endpoint=call.endpoint,
            stream=False,
            tags=dict(parent.tags),
            attributes={"fetched": True, **({"notes": call.notes} if call.notes else {})},
        )
        self.complete(span, fetch, result)
        return Interpreted(span, self._kept(fetch, call, span, raw=False), call)

    def complete(self, span: Span, fetch: Exchange, result: Result) -> None:
        """Write to a span the answer that an exchange fetched for it."""
        call, redaction = result.call, self._redaction
        at = span.started_at if result.at is None else min(result.at, fetch.received_at)
        span.request_model = span.request_model or call.request_model
        span.response_model = call.response_model or span.response_model
        span.response_id = call.response_id or span.response_id
        span.usage, span.finish_reason = call.usage, call.finish_reason
        span.cost = Cost() if call.usage is None else self._priced(fetch, call, at)
        if result.batched:
            span.cost = at_batch_rates(span.cost, fetch.provider)
        span.tool_calls = redaction.tool_calls(call.tool_calls)
        span.output_preview = redaction.answer(call)
        if call.error:
            span.status, span.error = Status.FAILED, redaction.text(call.error.message)
            span.error_type = call.error.type

    def _kept(self, exchange: Exchange, call: Call, span: Span, *, raw: bool = True) -> SpanContents | None:
        try:
            return self._contents(exchange, call, raw=raw)
        except Exception as error:
            log.exception("the contents of call %s could not be kept", span.id)
            span.attributes.setdefault("notes", []).append(f"contents not kept: {error!r}")
            return None

    def _estimate(self, exchange: Exchange, call: Call) -> JsonObject | None:
        """Count what the provider did not; returns how that was done."""
        try:
            found = estimate(exchange, call)
        except Exception as error:
            log.exception("the tokens of call %s could not be counted", exchange.id)
            call.notes.append(f"not counted: {error!r}")
            return None
        if found is None:
            return None
        call.usage, basis = found
        return basis

    def _span(self, exchange: Exchange, call: Call) -> Span:
        identity = identify(exchange, call)
        basis = self._estimate(exchange, call)
        status, error = _status(exchange, call)
        redaction = self._redaction
        model = call.request_model or call.response_model
        caller = read_traceparent(header(exchange.request_headers, "traceparent"))
        return Span(
            id=exchange.id,
            execution_id=identity.execution_id,
            execution_source=identity.source,
            kind=call.kind,
            name=f"{_OPERATIONS.get(call.kind, call.endpoint)} {model}" if model else call.endpoint,
            agent=identity.agent,
            status=status,
            started_at=exchange.received_at,
            ended_at=None if status is Status.RUNNING else _end(exchange),
            parent_id=exchange.labels.parent_id,
            trace_id=caller.trace_id if caller else None,
            session_id=identity.session_id,
            user=identity.user,
            time_to_first_chunk=_since(exchange.received_at, exchange.first_byte_at),
            error=redaction.text(error.message) if error else None,
            error_type=error.type if error else None,
            provider=exchange.provider,
            endpoint=call.endpoint,
            request_model=call.request_model,
            response_model=call.response_model,
            response_id=call.response_id,
            stream=call.stream,
            http_status=exchange.status,
            outcome=exchange.outcome,
            usage=call.usage,
            cost=self._cost(exchange, call, status),
            finish_reason=call.finish_reason,
            tool_calls=redaction.tool_calls(call.tool_calls),
            input_preview=redaction.question(call),
            output_preview=redaction.answer(call),
            tags=dict(exchange.labels.tags),
            attributes=_attributes(exchange, call) | ({"estimate": basis} if basis else {}),
        )

    def _cost(self, exchange: Exchange, call: Call, status: Status) -> Cost | None:
        """What the call cost; None where there is nothing to pay for, a Cost without total where nobody knows."""
        if status is Status.RUNNING or not call.billable or (call.usage is None and status is Status.FAILED):
            return None
        if call.usage is None:
            return Cost()
        return self._priced(exchange, call, exchange.received_at)

    def _priced(self, exchange: Exchange, call: Call, at: int) -> Cost:
        provider = self._providers.get(exchange.provider)
        facts = facts_of(call, exchange.target, (provider.base_url if provider else None) or "")
        return self._catalog.cost(exchange.provider, call.request_model, call.response_model, call.usage, at, facts)

    def _contents(self, exchange: Exchange, call: Call, *, raw: bool = True) -> SpanContents | None:
        if self._redaction.level != "full" or exchange.outcome is None:
            return None
        answer = exchange.response_body.data if raw else b""
        if answer:
            answer = self._redaction.data(decode(answer, header(exchange.response_headers, "content-encoding")).data)
        return SpanContents(
            inputs=self._redaction.messages(call.input_messages),
            parameters=self._redaction.parameters(call.parameters),
            outputs=self._redaction.messages(call.output_messages),
            raw_response=answer or None,
            raw_request=self._request(exchange) if raw else None,
        )

    def _request(self, exchange: Exchange) -> bytes | None:
        """The request's body, decoded; none where there is not all of it, or no such request was made."""
        body = exchange.request_body
        if not self._redaction.keeps_requests or body.truncated or exchange.method == realtime.METHOD:
            return None
        encoding = next((value for name, value in exchange.request_headers if name == "content-encoding"), "")
        return self._redaction.body(decode(body.data, encoding).data) or None


_OPERATIONS = {SpanKind.LLM: "chat", SpanKind.EMBEDDING: "embeddings"}
"""Operation names of the OpenTelemetry GenAI conventions."""


_REFUSED_UPGRADE = 426
"""Says to a client that tried a websocket that plain HTTP will do, which is nothing that went wrong."""


def _status(exchange: Exchange, call: Call) -> tuple[Status, CallError | None]:
    """How the call ended, and what went wrong."""
    if exchange.outcome is None:
        return Status.RUNNING, None
    if exchange.outcome is Outcome.INTERRUPTED:
        return Status.INTERRUPTED, CallError(message="the proxy stopped before the call ended", type="interrupted")
    if exchange.status == _REFUSED_UPGRADE and exchange.method == "GET":
        return Status.COMPLETED, None
    if call.error:
        return Status.FAILED, call.error
    if exchange.outcome is Outcome.UPSTREAM_ERROR:
        return Status.FAILED, CallError(message=exchange.error or "the provider broke off", type="upstream_error")
    if exchange.status is not None and exchange.status >= 400:
        return Status.FAILED, CallError(message=f"HTTP status {exchange.status}", type=str(exchange.status))
    if exchange.outcome is Outcome.CLIENT_CLOSED and not (call.complete and exchange.status):
        return Status.INTERRUPTED, CallError(message="the client closed the connection", type="client_closed")
    if call.stream and not call.complete and not exchange.response_body.truncated:
        return Status.FAILED, CallError(message="the stream ended before the answer did", type="truncated_stream")
    return Status.COMPLETED, None


def _end(exchange: Exchange) -> int:
    return exchange.last_byte_at or exchange.done_at or exchange.received_at


def _since(start: int, instant: int | None) -> int | None:
    return None if instant is None else max(0, instant - start)


_KEPT_HEADERS = (
    *("user-agent", "traceparent", "x-request-id", "request-id", "x-stainless-retry-count"),
    *("anthropic-version", "anthropic-beta", "openai-beta"),
)
_KEPT_PREFIXES = ("x-claude-code-", "x-codex-", "x-ratelimit-", "anthropic-ratelimit-", "helicone-", "x-litellm-")


@lru_cache(maxsize=1024)
def _is_kept(header: str) -> bool:
    return header in _KEPT_HEADERS or header.startswith(_KEPT_PREFIXES)


def _attributes(exchange: Exchange, call: Call) -> JsonObject:
    """What is worth keeping beside the columns."""
    headers = [*exchange.request_headers, *exchange.response_headers]
    kept = {name: value for name, value in headers if _is_kept(name)}
    found: JsonObject = {"method": exchange.method, "target": exchange.target, "headers": kept}
    if exchange.request_body.truncated or exchange.response_body.truncated:
        found["truncated"] = True
        found["request_bytes"], found["response_bytes"] = exchange.request_body.size, exchange.response_body.size
    if exchange.usage_asked:
        found["usage_asked"] = True
    if not call.complete and exchange.outcome is not None and call.stream:
        found["incomplete"] = True
    if call.previous_response_id:
        found["previous_response_id"] = call.previous_response_id
    if call.notes:
        found["notes"] = call.notes
    return found
