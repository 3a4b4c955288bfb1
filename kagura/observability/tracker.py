"""What an agent reports of itself: spans, tool calls, memory, retrieval, numbers and tags.

`span`, `tool`, `memory` and `retrieval` are blocks (`with`, `async with`) and decorators. Outside an execution, a span
is an execution of its own; a number or a tag is dropped.
"""

from collections.abc import Callable
from typing import Any, TypeVar, overload

from kagura.observability.installing import recorder
from kagura.observability.spans import RECORD_COUNT, Span
from kagura.observability.traced import decorator
from kagura.observability.trouble import report_trouble

F = TypeVar("F", bound=Callable[..., Any])

_OPERATION = "gen_ai.operation.name"


@overload
def span(name: F, /) -> F: ...
@overload
def span(name: str | None = None, **attributes: Any) -> Span: ...
def span(name: Any = None, **attributes: Any) -> Any:
    """A step of the agent's own, with attributes of any name."""
    if isinstance(name, str):
        return Span(name, "span", attributes or None)
    return decorator(name, lambda given: Span(given, "span", attributes or None))


@overload
def tool(name: F, /) -> F: ...
@overload
def tool(name: str | None = None, *, arguments: Any = None, call_id: str | None = None, **attributes: Any) -> Span: ...
def tool(name: Any = None, *, arguments: Any = None, call_id: str | None = None, **attributes: Any) -> Any:
    """A tool call; `call_id` is the id that the model gave it. A block sets `output` on the span."""
    attributes[_OPERATION] = "execute_tool"
    if call_id is not None:
        attributes["gen_ai.tool.call.id"] = call_id
    return decorator(name, lambda given: Span(given, "tool", attributes, arguments))


@overload
def memory(operation: F, /) -> F: ...
@overload
def memory(
    operation: str | None = None,
    *,
    query: Any = None,
    record_count: int | None = None,
    store_id: str | None = None,
    **attributes: Any,
) -> Span: ...
def memory(
    operation: Any = None,
    *,
    query: Any = None,
    record_count: int | None = None,
    store_id: str | None = None,
    **attributes: Any,
) -> Any:
    """An operation on a memory: `search`, `create`, `update`, `upsert`, `delete`.

    The number of records is set on the span (`record_count`), or is the length of the list that a function returns.
    """
    if isinstance(operation, str):
        attributes[_OPERATION] = f"{operation.removesuffix('_memory')}_memory"
    if store_id is not None:
        attributes["gen_ai.memory.store.id"] = store_id
    return decorator(operation, lambda given: Span(given, "memory", _counted(attributes, record_count), _asked(query)))


@overload
def retrieval(name: F, /) -> F: ...
@overload
def retrieval(
    name: str | None = None, *, query: Any = None, record_count: int | None = None, **attributes: Any
) -> Span: ...
def retrieval(name: Any = None, *, query: Any = None, record_count: int | None = None, **attributes: Any) -> Any:
    """A search in documents; the number found is set and counted as with `memory`."""
    attributes[_OPERATION] = "retrieval"
    return decorator(name, lambda given: Span(given, "retrieval", _counted(attributes, record_count), _asked(query)))


def record_metric(name: str, value: float) -> None:
    """Record a number for the execution; `telemetry_db.get_metrics` sums it up."""
    try:
        scope = recorder.scope() if recorder.on else None
        if scope is not None:
            data = {"name": str(name), "value": float(value), "span_id": scope.span_id}
            recorder.report("metric", scope.run.id, data, recorder.metric_instant())
    except Exception as error:
        report_trouble(error)


def add_tag(name: str, value: object) -> None:
    """Tag the execution; a later value of the same name takes the place of the earlier one."""
    try:
        scope = recorder.scope() if recorder.on else None
        if scope is not None:
            recorder.report("tag", scope.run.id, {"name": str(name), "value": str(value)})
    except Exception as error:
        report_trouble(error)


def _counted(attributes: dict[str, Any], count: int | None) -> dict[str, Any]:
    return attributes if count is None else attributes | {RECORD_COUNT: count}


def _asked(query: Any) -> Any:
    return None if query is None else {"query": query}
