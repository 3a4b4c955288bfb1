"""Spans: one thing that an agent did, as the SDK reports it."""

from collections.abc import Callable
from time import time_ns
from types import TracebackType
from typing import Any, Self

from kagura.observability.context import Run, Scope, current, new_id
from kagura.observability.recorder import recorder
from kagura.observability.traced import Traced, ending
from kagura.observability.trouble import report_trouble
from kagura.observability.values import plain

RECORD_COUNT = "gen_ai.memory.record.count"
"""How many records a memory operation or a retrieval moved (OpenTelemetry GenAI conventions)."""
_COUNTED = ("memory", "retrieval")


class Span(Traced):
    """One thing that happens, from `__enter__` to `__exit__`; or, as a decorator, one for every call.

    What is set on it until it ends is recorded with it.
    """

    id = ""
    started_at = 0
    tags: dict[str, str] | None = None
    output: Any = None
    """What came out of it."""
    _given: Any = None
    _run: Run
    _parent: str | None

    def __init__(
        self, name: str | None, kind: str = "span", attributes: dict[str, Any] | None = None, input: Any = None
    ) -> None:
        self.name = name
        self.kind = kind
        self.attributes = attributes
        self.input = input
        """What it was given: arguments, a query."""

    def set_attribute(self, name: str, value: Any) -> None:
        """Keep a value with the span."""
        if self.attributes is None:
            self.attributes = {}
        self.attributes[name] = value

    def add_tag(self, name: str, value: object) -> None:
        """Tag the span alone; `tracker.add_tag` tags the execution."""
        if self.tags is None:
            self.tags = {}
        self.tags[str(name)] = str(value)

    @property
    def record_count(self) -> int | None:
        """How many records a memory operation or a retrieval moved."""
        found = (self.attributes or {}).get(RECORD_COUNT)
        return found if isinstance(found, int) else None

    @record_count.setter
    def record_count(self, count: int) -> None:
        self.set_attribute(RECORD_COUNT, count)

    def begin(self) -> Scope | None:
        """Begin below the span around it; without an execution, in one of its own."""
        return self.begin_in(recorder.scope())

    def begin_in(self, around: Scope | None) -> Scope:
        """Begin below a given scope."""
        self.id = id = new_id()
        self.started_at = time_ns() // 1000
        if around is None:
            self._run, self._parent = Run(f"exec_{id}", "default"), None
        else:
            self._run, self._parent = around
        if self.input is not None:
            # Now: the function may change what it was given.
            self.input = self._given = plain(self.input)
        recorder.opened(self)
        return Scope(self._run, id)

    def __enter__(self) -> Self:
        # This and the next are the base's in fewer steps: an agent waits for them at every span.
        if recorder.on:
            try:
                self._scope = scope = self.begin_in(current.get() or recorder.ambient)
                self._token = current.set(scope)
            except Exception as error:
                report_trouble(error)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._scope is None:
            return
        self._scope, token = None, self._token
        try:
            if token is not None:
                current.reset(token)
        except ValueError:
            # Left in another context than entered: this one never had the scope.
            pass
        try:
            self.finish(error)
        except Exception as trouble:
            report_trouble(trouble)

    def finish(self, error: BaseException | None) -> None:
        """Write the span."""
        recorder.open.pop(self.id, None)
        data = self._data()
        data["ended_at"] = ended_at = max(time_ns() // 1000, self.started_at)
        if error is None:
            data["status"] = "completed"
        else:
            data["status"], told = ending(error)
            if told is not None:
                data["error"] = told
        if self.output is not None:
            data["output"] = plain(self.output)
        recorder.report("span", self._run.id, data, ended_at)

    def announce(self) -> None:
        """Write that the span runs."""
        recorder.report("span", self._run.id, self._data(), self.started_at)

    def _data(self) -> dict[str, Any]:
        run = self._run
        data: dict[str, Any] = {
            "id": self.id,
            "kind": self.kind,
            "name": self.name,
            "agent": run.agent,
            "started_at": self.started_at,
        }
        if self._parent is not None:
            data["parent_id"] = self._parent
        if run.session_id is not None:
            data["session_id"] = run.session_id
        if run.user is not None:
            data["user"] = run.user
        if self.attributes:
            data["attributes"] = plain(self.attributes)
        if self.tags:
            data["tags"] = self.tags
        if self.input is not None:
            data["input"] = self.input if self.input is self._given else plain(self.input)
        return data

    def called(self, arguments: Callable[[], dict[str, Any]]) -> Self:
        """A span for one call, with the arguments as its input."""
        attributes = None if self.attributes is None else dict(self.attributes)
        return type(self)(self.name, self.kind, attributes, arguments() if self.input is None else self.input)

    def returned(self, result: Any) -> None:
        """Keep what the call returned, and how many records that is."""
        if self.output is None:
            self.output = result
        if self.kind in _COUNTED and isinstance(result, list | tuple) and self.record_count is None:
            self.record_count = len(result)

    def __call__(self, function: Any) -> Any:
        """Record every call of a function as a span, named after it where no name was given, or of a class."""
        from kagura.observability.functions import function_name, traced_class

        if isinstance(function, type):
            return traced_class(function, lambda name: type(self)(name, self.kind, self.attributes, self.input).called)
        if self.name is None:
            self.name = function_name(function)
        return super().__call__(function)
