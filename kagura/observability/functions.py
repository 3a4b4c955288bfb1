"""Functions of every kind, wrapped so that each call is recorded."""

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from types import CoroutineType, FunctionType, TracebackType
from typing import Any, Protocol, Self

from kagura.observability.recorder import recorder

_RECEIVERS = ("self", "cls")


class Step(Protocol):
    """What has a beginning and an end around a call."""

    def start(self) -> None:
        """Begin without becoming the scope of the caller."""

    def push(self) -> None:
        """Become the scope of the running code."""

    def pop(self) -> None:
        """Give the scope back."""

    def returned(self, result: Any) -> None:
        """Take note of what the function returned."""

    def end(self, error: BaseException | None) -> None:
        """End what `start` began."""

    def __enter__(self) -> Self:
        """Begin, as the scope of the running code."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the scope back and end."""


_Begin = Callable[[Callable[[], dict[str, Any]]], Step]
_Call = Callable[[tuple[Any, ...], dict[str, Any]], Step]


def traced_class(cls: type, begin: Callable[[str], _Begin]) -> type:
    """The class itself, with each public method that its body defines recorded as the step that `begin(name)` makes."""
    for name, member in list(vars(cls).items()):
        is_public = name == "__call__" or not name.startswith("_")
        if is_public and isinstance(member, FunctionType | classmethod | staticmethod):
            setattr(cls, name, traced(member, begin(name)))
    return cls


def traced(function: Any, begin: _Begin) -> Any:
    """The function with each call recorded as the step that `begin` makes of its arguments; kind and signature stay.

    Sync and async functions, generators, async generators, methods, and whatever returns a coroutine.
    """
    if isinstance(function, classmethod | staticmethod):
        return type(function)(traced(function.__func__, begin))
    names = _names(function)

    def call(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Step:
        return begin(lambda: _arguments(names, args, kwargs))

    if inspect.isasyncgenfunction(function):
        return _async_generator(function, call)
    if inspect.isgeneratorfunction(function):
        return _generator(function, call)
    if inspect.iscoroutinefunction(function):
        return _coroutine(function, call)
    return _function(function, call)


def function_name(function: Any) -> str:
    """What a function is called."""
    if isinstance(function, classmethod | staticmethod):
        function = function.__func__
    while isinstance(function, functools.partial):
        function = function.func
    return getattr(function, "__name__", None) or type(function).__name__


def _function(function: Any, call: _Call) -> Any:
    @functools.wraps(function, updated=() if not hasattr(function, "__dict__") else ("__dict__",))
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if not recorder.on:
            return function(*args, **kwargs)
        step = call(args, kwargs)
        step.__enter__()
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            step.__exit__(type(error), error, None)
            raise
        if type(result) is CoroutineType:
            # A decorator between this one and the async function made a plain function of it.
            step.pop()
            return _awaited(result, step)
        step.returned(result)
        step.__exit__(None, None, None)
        return result

    return wrapper


async def _awaited(coroutine: Coroutine[Any, Any, Any], step: Step) -> Any:
    step.push()
    try:
        result = await coroutine
    except BaseException as error:
        step.pop()
        step.end(error)
        raise
    step.pop()
    step.returned(result)
    step.end(None)
    return result


def _coroutine(function: Any, call: _Call) -> Any:
    @functools.wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        if not recorder.on:
            return await function(*args, **kwargs)
        with call(args, kwargs) as step:
            result = await function(*args, **kwargs)
            step.returned(result)
        return result

    return wrapper


def _generator(function: Any, call: _Call) -> Any:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        if not recorder.on:
            return (yield from function(*args, **kwargs))
        step = call(args, kwargs)
        step.start()
        try:
            result = yield from _stepping(function(*args, **kwargs), step)
        except BaseException as error:
            step.end(error)
            raise
        step.end(None)
        return result

    return wrapper


def _stepping(inner: Generator[Any, Any, Any], step: Step) -> Generator[Any, Any, Any]:
    """`yield from inner`, with the scope set only while `inner` runs: between two items the consumer has its own."""
    sent: Any = None
    raised: BaseException | None = None
    while True:
        step.push()
        try:
            item = inner.send(sent) if raised is None else inner.throw(raised)
        except StopIteration as stop:
            return stop.value
        finally:
            step.pop()
        sent, raised = None, None
        try:
            sent = yield item
        except GeneratorExit:
            step.push()
            try:
                inner.close()
            finally:
                step.pop()
            raise
        except BaseException as error:
            raised = error


def _async_generator(function: Any, call: _Call) -> Any:
    @functools.wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        step = call(args, kwargs)
        step.start()
        inner = function(*args, **kwargs)
        sent: Any = None
        raised: BaseException | None = None
        try:
            while True:
                step.push()
                try:
                    item = await (inner.asend(sent) if raised is None else inner.athrow(raised))
                except StopAsyncIteration:
                    break
                finally:
                    step.pop()
                sent, raised = None, None
                try:
                    sent = yield item
                except GeneratorExit:
                    await inner.aclose()
                    raise
                except BaseException as error:
                    raised = error
        except BaseException as error:
            step.end(error)
            raise
        step.end(None)

    return wrapper


def _names(function: Any) -> list[str]:
    """The parameters that positional arguments go to, in order; none where nobody can tell."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    return [one.name for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]


def _arguments(names: list[str], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """A call's arguments by name, without the object that a method belongs to."""
    found = dict(zip(names, args, strict=False))
    if names and names[0] in _RECEIVERS:
        found.pop(names[0], None)
    if len(args) > len(names):
        found["args"] = list(args[len(names) :])
    return found | kwargs
