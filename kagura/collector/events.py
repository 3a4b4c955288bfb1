"""Events of SDK and commands → executions."""

from collections.abc import Callable
from typing import Any

from kagura.model import Event, Execution, JsonObject, Status


def execution_from(event: Event) -> Execution | None:
    """The execution that an event starts or ends; None for an event of a kind this version does not know."""
    build = _EVENTS.get(event.type)
    return build(event) if build else None


def _start(event: Event) -> Execution:
    data = event.data
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
        attributes=_object(data.get("attributes")),
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


_EVENTS: dict[str, Callable[[Event], Execution]] = {"execution.start": _start, "execution.end": _end}


def _status(value: Any) -> Status:
    known = {status.value for status in Status} - {Status.RUNNING}
    return Status(value) if isinstance(value, str) and value in known else Status.COMPLETED


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _object(value: Any) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _tags(value: Any) -> dict[str, str]:
    return {str(key): str(item) for key, item in value.items()} if isinstance(value, dict) else {}
