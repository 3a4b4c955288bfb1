"""Events of SDK and commands → executions and the numbers that they record.

- `execution.start`, `execution.end`: `agent`, `status`, `error`, `started_at`, `source`, `tags`, `attributes`,
  `parent_execution_id` with `parent_span_id`, `input` (what the agent was given, any JSON), ….
- `execution.alive`: the execution's process, which writes no journal here, lives.
- `tag`: `name`, `value`; a tag for an execution that has begun.
- `metric`: `name`, `value`, `span_id`; a number that an execution recorded.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from kagura.collector.redaction import Redaction
from kagura.model import PARENT_SPAN, Event, Execution, JsonObject, Status
from kagura.store import Metric


def execution_from(event: Event, redaction: Redaction) -> Execution | None:
    """The execution that an event speaks of; None for an event of a kind this version does not know."""
    build = _EVENTS.get(event.type)
    execution = build(event) if build else None
    if execution is not None and (given := event.data.get("input")) is not None:
        shown = given if isinstance(given, str) else msgspec.json.encode(given).decode()
        kept: Any = redaction.preview(shown)
        if redaction.level == "full":
            kept = _parsed(redaction.json(given)) or kept
        if kept is not None:
            execution.attributes = execution.attributes | {"kwargs" if isinstance(kept, dict) else "input": kept}
    return execution


def _parsed(data: bytes) -> Any:
    try:
        return msgspec.json.decode(data)
    except msgspec.DecodeError:
        return None


def _start(event: Event) -> Execution:
    data = event.data
    span = _text(data.get(PARENT_SPAN))
    return Execution(
        id=event.execution_id,
        agent=_text(data.get("agent")) or "default",
        status=Status.RUNNING,
        started_at=event.at,
        source=_text(data.get("source")) or "sdk",
        declared=True,
        session_id=_text(data.get("session_id")),
        user=_text(data.get("user")),
        parent_execution_id=_text(data.get("parent_execution_id")),
        tags=_tags(data.get("tags")),
        attributes=_object(data.get("attributes")) | ({PARENT_SPAN: span} if span else {}),
    )


def _end(event: Event) -> Execution:
    data = event.data
    started_at = data.get("started_at")
    return Execution(
        id=event.execution_id,
        agent=_text(data.get("agent")) or "default",
        status=_status(data.get("status")),
        started_at=started_at if isinstance(started_at, int) else event.at,
        ended_at=event.at,
        source=_text(data.get("source")) or "sdk",
        declared=True,
        error=_text(data.get("error")),
        tags=_tags(data.get("tags")),
        attributes=_object(data.get("attributes")),
    )


def _tag(event: Event) -> Execution | None:
    name, value = _text(event.data.get("name")), event.data.get("value")
    if name is None or not event.execution_id:
        return None
    return Execution(
        id=event.execution_id,
        agent="default",
        status=Status.RUNNING,
        started_at=event.at,
        tags={name: str(value)},
    )


_EVENTS: dict[str, Callable[[Event], Execution | None]] = {
    "execution.start": _start,
    "execution.end": _end,
    "tag": _tag,
}


def metric_from(event: Event) -> Metric | None:
    """The number that an event records; None for an event of another kind, or without a name or a number."""
    name, value = _text(event.data.get("name")), event.data.get("value")
    if event.type != "metric" or name is None or not event.execution_id:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    span_id = _text(event.data.get("span_id"))
    return Metric(execution_id=event.execution_id, name=name, value=float(value), at=event.at, span_id=span_id)


def _status(value: Any) -> Status:
    known = {status.value for status in Status} - {Status.RUNNING}
    return Status(value) if isinstance(value, str) and value in known else Status.COMPLETED


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _object(value: Any) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _tags(value: Any) -> dict[str, str]:
    return {str(key): str(item) for key, item in value.items()} if isinstance(value, dict) else {}
