"""What has a beginning and an end, spans and executions alike: as a block, or around a function."""

from collections.abc import Callable
from contextvars import Token
from types import TracebackType
from typing import Any, Self, TypeVar, overload

from kagura.observability.context import Scope, current
from kagura.observability.recorder import recorder
from kagura.observability.trouble import report_trouble

F = TypeVar("F", bound=Callable[..., Any])


class Traced:
    """Entered, it is the scope of what happens inside; left, it is recorded with how that went.

    Nothing that goes wrong in here reaches the code inside. While recording is off it does nothing.
    """

    _scope: Scope | None = None
    _token: Token[Scope | None] | None = None

    def begin(self) -> Scope | None:
        """Begin now; the scope for what happens inside."""
        raise NotImplementedError

    def finish(self, error: BaseException | None) -> None:
        """End now, with what was raised."""
        raise NotImplementedError

    def called(self, arguments: Callable[[], dict[str, Any]]) -> Self:
        """The one to record a call of a decorated function with these arguments."""
        raise NotImplementedError

    def returned(self, result: Any) -> None:
        """Take note of what the decorated function returned."""

    def start(self) -> None:
        """Begin without becoming the scope of the caller."""
        if recorder.on:
            try:
                self._scope = self.begin()
            except Exception as error:
                report_trouble(error)

    def end(self, error: BaseException | None) -> None:
        """End what `start` began."""
        if self._scope is not None:
            self._scope = None
            try:
                self.finish(error)
            except Exception as trouble:
                report_trouble(trouble)

    def push(self) -> None:
        """Become the scope of the running code."""
        if self._scope is not None:
            self._token = current.set(self._scope)

    def pop(self) -> None:
        """Give the scope back."""
        token, self._token = self._token, None
        if token is not None:
            try:
                current.reset(token)
            except ValueError:
                # Left in another context than entered: this one never had the scope.
                pass

    def __enter__(self) -> Self:
        if recorder.on:
            self.start()
            self.push()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._scope is not None:
            self.pop()
            self.end(error)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def __call__(self, function: F) -> F:
        """Record every call of a function."""
        from kagura.observability.functions import traced

        wrapped: F = traced(function, self.called)
        return wrapped


class Nothing(Traced):
    """What is not recorded."""

    def begin(self) -> Scope | None:
        """Nothing begins."""
        return None

    def finish(self, error: BaseException | None) -> None:
        """Nothing ends."""

    def called(self, arguments: Callable[[], dict[str, Any]]) -> Self:
        """The same for every call."""
        return self


@overload
def decorator(given: F, make: Callable[[str | None], Traced]) -> F: ...
@overload
def decorator(given: str | None, make: Callable[[str | None], Traced]) -> Traced: ...
def decorator(given: Any, make: Callable[[str | None], Traced]) -> Any:
    """What a decorator gives that is used with and without parentheses: `given` is the function, or its name."""
    if given is None or isinstance(given, str):
        return make(given)
    return make(None)(given)


def ending(error: BaseException | None) -> tuple[str, dict[str, str] | None]:
    """The status of what ended with `error`, and the error as it is recorded.

    A generator that is closed, and `sys.exit(0)`, are good ends; being cancelled or interrupted is no failure.
    """
    if error is None or isinstance(error, GeneratorExit) or (isinstance(error, SystemExit) and not error.code):
        return "completed", None
    told = {"message": _message(error), "type": type(error).__name__}
    if isinstance(error, Exception | SystemExit):
        return "failed", told
    return "interrupted", told


def _message(error: BaseException) -> str:
    try:
        return (str(error) or type(error).__name__)[:2000]
    except Exception:
        return type(error).__name__
