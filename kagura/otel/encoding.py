"""Spans and executions of the store → spans as OpenTelemetry means them, before they take the form of a wire."""

import math
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from kagura.model import Execution, JsonObject, Span, SpanKind, Status
from kagura.otel import conventions as names
from kagura.otel.outgoing_messages import message, messages

Value = str | bool | int | float | list[str] | list[bool] | list[int] | list[float]

MAX_TEXT = 65_536
"""Characters of a text that is no message."""

_UNIFORM: tuple[set[type], ...] = ({str}, {bool}, {int})
"""What the items of a list may be."""
_BILLED = frozenset((SpanKind.LLM, SpanKind.EMBEDDING))
_INTERNAL = frozenset(("method", "target", "headers", "estimate", "notes", "otel", "request_hash"))
"""Attributes of the store that are for kagura alone."""
_SAYING = frozenset(("command", "data", "kwargs"))
"""Attributes that hold what an agent was started with, or what it recorded."""


class Place(NamedTuple):
    """Where in a trace a span stands; ids in hexadecimal."""

    trace_id: str
    span_id: str
    parent_id: str | None


class Server(NamedTuple):
    """Where a provider is reached."""

    address: str
    port: int


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """What a span may say of prompts and answers, each part as JSON that the store keeps."""

    inputs: Sequence[bytes] = ()
    outputs: Sequence[bytes] = ()
    parameters: bytes | None = None
    arguments: Any = None
    """What the model asked a tool with; `None` where that is not known."""


class OutgoingSpan(msgspec.Struct, kw_only=True):
    """A span of OpenTelemetry; instants are microseconds since the epoch."""

    place: Place
    name: str
    is_client: bool
    started_at: int
    ended_at: int
    failed: bool
    message: str | None
    attributes: dict[str, Value]


class Encoder:
    """Gives spans and executions their names in the conventions."""

    def __init__(self, servers: Mapping[str, Server] | None = None) -> None:
        self._servers = servers or {}

    def span(self, span: Span, place: Place, content: Content | None = None) -> OutgoingSpan:
        """A span that has ended; what was said in it only where `content` is given."""
        operation = operation_of(span)
        by_kagura = span.inferred or "target" in span.attributes
        attributes = _custom(span.attributes, content is not None, "kagura." if by_kagura else "")
        attributes |= _known(self._attributes(span, operation))
        attributes |= _cost(span)
        if content is not None:
            attributes |= _known(_said(span, content))
        # The words of a tool that failed are its result.
        is_result = span.inferred and span.kind is not SpanKind.AGENT
        return OutgoingSpan(
            place=place,
            name=_name(span, operation),
            is_client=span.kind in _BILLED,
            started_at=span.started_at,
            ended_at=span.started_at if span.ended_at is None else span.ended_at,
            failed=span.status is not Status.COMPLETED,
            message=None if is_result and content is None else span.error,
            attributes=attributes,
        )

    def execution(
        self, execution: Execution, place: Place, sums: Mapping[str, Value | None], *, with_content: bool = False
    ) -> OutgoingSpan:
        """The span around everything that an execution did; `sums` are told as `kagura.execution.…`.

        Tokens and cost have no names of the conventions here, lest receivers count them once more.
        """
        attributes: dict[str, Value | None] = {
            names.OPERATION: names.INVOKE_AGENT,
            names.AGENT_NAME: execution.agent,
            names.CONVERSATION: execution.session_id or execution.id,
            names.SESSION: execution.session_id,
            names.USER: execution.user,
            names.ERROR_TYPE: None if execution.status is Status.COMPLETED else execution.status.value,
            "kagura.execution_id": execution.id,
            "kagura.execution_source": execution.source,
            "kagura.parent_execution_id": execution.parent_execution_id,
        }
        attributes |= {f"kagura.execution.{name}": value for name, value in sums.items()}
        attributes |= {f"kagura.tag.{name}": value for name, value in execution.tags.items()}
        ended_at = execution.started_at if execution.ended_at is None else execution.ended_at
        return OutgoingSpan(
            place=place,
            name=f"{names.INVOKE_AGENT} {execution.agent}",
            is_client=False,
            started_at=execution.started_at,
            ended_at=max(ended_at, execution.started_at),
            failed=execution.status is not Status.COMPLETED,
            message=execution.error,
            attributes=dict(_known(attributes)) | _custom(execution.attributes, with_content),
        )

    def _attributes(self, span: Span, operation: str | None) -> dict[str, Value | None]:
        found: dict[str, Value | None] = {
            names.OPERATION: operation,
            names.AGENT_NAME: _agent(span),
            names.CONVERSATION: span.session_id or span.execution_id,
            names.SESSION: span.session_id,
            names.USER: span.user,
            names.ERROR_TYPE: _error_type(span),
            names.HTTP_STATUS: span.http_status,
            "kagura.execution_id": span.execution_id,
            "kagura.execution_source": span.execution_source,
            names.SPAN_ID: span.id,
            "kagura.kind": span.kind.value,
            "kagura.status": span.status.value,
            "kagura.inferred": span.inferred or None,
            "kagura.endpoint": span.endpoint,
            "kagura.attempt": span.attempt if span.attempt > 1 else None,
            "kagura.first_attempt_id": span.first_attempt_id,
        }
        found |= {f"kagura.tag.{name}": value for name, value in span.tags.items()}
        if span.provider is not None:
            found |= self._call(span)
        if span.kind in (SpanKind.TOOL, SpanKind.MEMORY, SpanKind.RETRIEVAL) and span.provider is None:
            found[names.TOOL_NAME] = span.name if operation == names.EXECUTE_TOOL else None
            found[names.TOOL_TYPE] = _tool_type(span) if operation == names.EXECUTE_TOOL else None
        return found

    def _call(self, span: Span) -> dict[str, Value | None]:
        provider = str(span.provider)
        server = self._servers.get(provider)
        found: dict[str, Value | None] = {
            names.PROVIDER: names.PROVIDERS.get(provider, provider),
            names.REQUEST_MODEL: span.request_model,
            names.REQUEST_STREAM: span.stream or None,
            names.PREVIOUS_RESPONSE: _text(span.attributes.get("previous_response_id")),
            names.RESPONSE_MODEL: span.response_model,
            names.RESPONSE_ID: span.response_id,
            names.FINISH_REASONS: [span.finish_reason] if span.finish_reason else None,
            names.SERVER_ADDRESS: server.address if server else None,
            names.SERVER_PORT: server.port if server else None,
        }
        if span.stream and span.time_to_first_chunk is not None:
            found[names.TIME_TO_FIRST_CHUNK] = span.time_to_first_chunk / 1_000_000
        if span.usage:
            found |= {name: getattr(span.usage, field) for field, name in names.USAGE}
            found["kagura.usage.source"] = span.usage.source.value
            found |= {f"kagura.usage.{unit}": _number(amount) for unit, amount in span.usage.units.items()}
        return found


def operation_of(span: Span) -> str | None:
    """The `gen_ai.operation.name` of a span; `None` for a step of the agent's own."""
    if span.kind is SpanKind.LLM:
        return names.ENDPOINT_OPERATIONS.get(span.endpoint or "", names.CHAT)
    said = _text(span.attributes.get(names.OPERATION))
    if span.kind is SpanKind.MEMORY:
        return said or names.EXECUTE_TOOL
    if span.kind is SpanKind.RETRIEVAL and span.inferred:
        return names.EXECUTE_TOOL
    return said or names.OPERATIONS.get(span.kind)


def _agent(span: Span) -> str:
    """The agent that a span is of; a sub-agent that calls or a program's spans show is told by the span's name."""
    own = span.inferred or names.RECEIVED in span.attributes or span.agent == "default"
    return span.name if span.kind is SpanKind.AGENT and own else span.agent


def _name(span: Span, operation: str | None) -> str:
    if span.kind in _BILLED:
        model = span.request_model or span.response_model
        return f"{operation} {model}" if model else str(operation)
    if span.kind is SpanKind.AGENT:
        return f"{operation} {_agent(span)}"
    if operation == names.EXECUTE_TOOL or span.kind is SpanKind.RETRIEVAL:
        return f"{operation} {span.name}"
    return operation or span.name if span.kind is SpanKind.MEMORY else span.name


def _error_type(span: Span) -> str | None:
    if span.status is Status.COMPLETED:
        return None
    if span.error_type:
        return span.error_type
    if span.status is Status.INTERRUPTED:
        return Status.INTERRUPTED.value
    return str(span.http_status) if span.http_status and span.http_status >= 400 else "_OTHER"


def _tool_type(span: Span) -> str:
    return "extension" if span.attributes.get("server_side") else "function"


def _cost(span: Span) -> dict[str, Value]:
    """What a call cost. An amount that rests on counted tokens is never told as one that was billed."""
    cost = span.cost
    if cost is None or cost.total is None:
        return {}
    found: dict[str, Value | None] = {
        "kagura.cost.estimated" if cost.estimated else names.COST: float(cost.total),
        "kagura.cost.currency": "USD",
        "kagura.cost.source": cost.source and cost.source.value,
        "kagura.cost.price_version": cost.price_version,
        "kagura.cost.price_model": cost.price_model,
    }
    return dict(_known(found))


def is_said(attribute: str) -> bool:
    """Whether an attribute of this name holds what somebody said."""
    return attribute in _SAYING or attribute.startswith(names.CONTENT)


def _custom(attributes: JsonObject, with_content: bool, prefix: str = "") -> dict[str, Value]:
    """Attributes that programs gave to their spans; those that kagura found out bear its name as `prefix`."""
    found = {}
    for name, value in attributes.items():
        if name in _INTERNAL or (not with_content and is_said(name)):
            continue
        plain = _plain(value, with_content)
        if plain is not None:
            found[name if "." in name else f"{prefix}{name}"] = plain
    return found


def _plain(value: Any, with_content: bool) -> Value | None:
    """A value as an attribute can hold it; objects are JSON text, which goes out with contents only."""
    if isinstance(value, str):
        return value[:MAX_TEXT]
    if isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list) and {type(item) for item in value} in _UNIFORM:
        return value
    if with_content and value is not None:
        return _json(value)[:MAX_TEXT]
    return None


def _said(span: Span, content: Content) -> dict[str, Value | None]:
    if span.kind not in (SpanKind.LLM, SpanKind.EMBEDDING):
        return _given(span, content)
    inputs, outputs = messages(content.inputs, "user"), messages(content.outputs, "assistant")
    system = [part for said in inputs if said["role"] == "system" for part in said["parts"]]
    others = [said for said in inputs if said["role"] != "system"]
    if span.finish_reason:
        for said in outputs[-1:]:
            said["finish_reason"] = span.finish_reason
    found: dict[str, Value | None] = {
        names.SYSTEM_INSTRUCTIONS: _json(system) if system else None,
        names.INPUT_MESSAGES: _json(others) if others else None,
        names.OUTPUT_MESSAGES: _json(outputs) if outputs else None,
    }
    return found | _parameters(content.parameters)


def _given(span: Span, content: Content) -> dict[str, Value | None]:
    """What a step was given and what came of it: all of it where it is kept, else its first words."""
    given = content.arguments if content.arguments is not None else _first(content.inputs, span.input_preview)
    result = _first(content.outputs, span.output_preview)
    if span.kind in names.QUERY and operation_of(span) != names.EXECUTE_TOOL:
        return {names.QUERY[span.kind]: _as_text(given), "output.value": _as_text(result)}
    if span.kind in (SpanKind.TOOL, SpanKind.MEMORY, SpanKind.RETRIEVAL):
        return {names.TOOL_ARGUMENTS: _as_text(given), names.TOOL_RESULT: _as_text(result)}
    return {
        names.INPUT_MESSAGES: None if given is None else _json([message(given, "user")]),
        names.OUTPUT_MESSAGES: None if result is None else _json([message(result, "assistant")]),
    }


def _first(parts: Sequence[bytes], preview: str | None) -> Any:
    if not parts:
        return preview
    try:
        return msgspec.json.decode(parts[0])
    except (msgspec.DecodeError, RecursionError):
        return preview


def _as_text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else _json(value)


def _parameters(data: bytes | None) -> dict[str, Value | None]:
    try:
        given = msgspec.json.decode(data) if data else {}
    except (msgspec.DecodeError, RecursionError):
        return {}
    found: dict[str, Value | None] = {}
    for name, known in names.REQUEST_PARAMETERS.items() if isinstance(given, dict) else ():
        if isinstance(given.get(name), int | float):
            found[known] = given[name]
    return found


def _known(attributes: Mapping[str, Value | None]) -> Iterator[tuple[str, Value]]:
    return ((name, value) for name, value in attributes.items() if value is not None)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(amount: Decimal) -> float | int:
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def _json(value: Any) -> str:
    try:
        return msgspec.json.encode(value, enc_hook=str).decode()
    except (TypeError, ValueError, RecursionError):
        return str(value)
