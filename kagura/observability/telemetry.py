"""Executions: `@telemetry.instrument`, `telemetry.execution(…)`, and whether anything is recorded at all.

Recording is opt-in: `KAGURA_ENABLED=1`, `telemetry.enable()`, or a program that `kagura run` started.
"""

from collections.abc import Callable, Mapping
from contextvars import copy_context
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, overload

from kagura.observability.execution import Execution
from kagura.observability.installing import recorder
from kagura.observability.traced import decorator

F = TypeVar("F", bound=Callable[..., Any])
P = ParamSpec("P")
R = TypeVar("R")


@overload
def instrument(agent: F, /) -> F: ...
@overload
def instrument(
    agent: str | None = None,
    *,
    session_id: str | None = None,
    user: str | None = None,
    tags: Mapping[str, object] | None = None,
    attributes: Mapping[str, Any] | None = None,
) -> Execution: ...
def instrument(
    agent: Any = None,
    *,
    session_id: str | None = None,
    user: str | None = None,
    tags: Mapping[str, object] | None = None,
    attributes: Mapping[str, Any] | None = None,
) -> Any:
    """Record every call of a function as an execution; `agent` is its name, the function's where none is given.

    With or without parentheses, on sync and async functions, generators and methods, above or below other decorators.
    """
    return decorator(
        agent,
        lambda name: Execution(name, session_id=session_id, user=user, tags=tags, attributes=attributes),
    )


def execution(
    agent: str,
    *,
    id: str | None = None,
    session_id: str | None = None,
    user: str | None = None,
    tags: Mapping[str, object] | None = None,
    attributes: Mapping[str, Any] | None = None,
) -> Execution:
    """A block (`with`, `async with`) that is one execution of an agent; `id` is any name that is unique."""
    return Execution(agent, id=id, session_id=session_id, user=user, tags=tags, attributes=attributes)


def enable(*, home: Path | str | None = None, proxy: str | None = None) -> None:
    """Record from now on.

    Events go to the journal in `home` (else `$KAGURA_HOME`), or to the proxy at the address `proxy` (else
    `$KAGURA_PROXY`).
    """
    recorder.enable(home, proxy)


def disable() -> None:
    """Record nothing from now on, whatever the environment says."""
    recorder.disable()


def is_enabled() -> bool:
    """Whether anything is recorded."""
    return recorder.on


def flush(timeout: float = 5.0) -> bool:
    """Wait up to so many seconds until the proxy has everything; at once True where events go to the local journal."""
    return recorder.flush(timeout)


def current_execution_id() -> str | None:
    """The execution that the caller runs in; None outside of all, and while nothing is recorded."""
    scope = recorder.scope() if recorder.on else None
    return scope.run.id if scope else None


def headers() -> dict[str, str]:
    """The headers that place a call of the proxy below the caller's span; empty outside an execution.

    Calls to the proxy by httpx, httpx2, aiohttp, requests and urllib3 carry them without a word.
    """
    from kagura.observability.headers import headers_of

    scope = recorder.scope() if recorder.on else None
    return headers_of(scope) if scope else {}


def propagate(function: Callable[P, R]) -> Callable[P, R]:
    """The function bound to the caller's execution and span, for threads: they inherit neither.

    Tasks of asyncio, `asyncio.to_thread` and task groups need it not.
    """
    context = copy_context()

    @wraps(function)
    def bound(*args: P.args, **kwargs: P.kwargs) -> R:
        return context.copy().run(function, *args, **kwargs)

    return bound
