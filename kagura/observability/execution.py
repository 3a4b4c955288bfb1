"""Executions: one run of an agent, as the SDK reports it."""

from collections.abc import Callable, Mapping
from typing import Any, Self

from kagura.observability.context import Run, Scope, current, new_id, now_us
from kagura.observability.recorder import recorder
from kagura.observability.spans import Span
from kagura.observability.traced import Nothing, Traced, ending
from kagura.observability.values import plain


class Execution(Traced):
    """One run of an agent, from `__enter__` to `__exit__`; or, as a decorator, one for every call.

    Inside another execution it is a child of that one. Under `kagura run` the outermost one is a branch of the run that
    was started there.
    """

    def __init__(
        self,
        agent: str | None = None,
        *,
        id: str | None = None,
        session_id: str | None = None,
        user: str | None = None,
        tags: Mapping[str, object] | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> None:
        self.agent = agent
        self.given_id = id
        self.session_id = session_id
        self.user = user
        self.tags = tags
        self.attributes = attributes
        self.input: Any = None
        """What the agent was given: the arguments of the function."""
        self._branch: Span | None = None
        self._run: Run | None = None
        self._started_at = 0

    @property
    def id(self) -> str | None:
        """The execution's id; None before it begins, and while recording is off."""
        return self._run.id if self._run else self.given_id

    def begin(self) -> Scope | None:
        """Report the start."""
        around, agent = current.get(), str(self.agent or "default")
        ambient = recorder.ambient
        if around is None and ambient is not None and self.given_id is None:
            self._run = Run(ambient.run.id, agent, self.session_id, self.user)
            self._branch = self._new_branch(agent)
            return self._branch.begin_in(Scope(self._run, None))
        parent = around or ambient
        session_id = self.session_id or (parent.run.session_id if parent else None)
        user = self.user or (parent.run.user if parent else None)
        self._run = Run(self.given_id or f"exec_{new_id()}", agent, session_id, user)
        self._started_at = now_us()
        data: dict[str, Any] = {"agent": agent, "source": "sdk"}
        if session_id is not None:
            data["session_id"] = session_id
        if user is not None:
            data["user"] = user
        if parent is not None and parent.run.id != self._run.id:
            data["parent_execution_id"], data["parent_span_id"] = parent.run.id, parent.span_id
        if self.tags:
            data["tags"] = {str(name): str(value) for name, value in self.tags.items()}
        if self.attributes:
            data["attributes"] = plain(dict(self.attributes))
        if self.input:
            data["input"] = plain(self.input)
        recorder.running[self._run.id] = {"agent": agent, "started_at": self._started_at}
        recorder.report("execution.start", self._run.id, data, self._started_at)
        return Scope(self._run, None)

    def _new_branch(self, agent: str) -> Span:
        branch = Span(agent, "agent", dict(self.attributes or {}), self.input or None)
        for name, value in (self.tags or {}).items():
            branch.add_tag(name, value)
        return branch

    def finish(self, error: BaseException | None) -> None:
        """Report the end and how it went."""
        run, branch = self._run, self._branch
        if branch is not None:
            branch.finish(error)
        if run is None or not self._started_at:
            return
        if recorder.running.pop(run.id, None) is None:
            # A forked child leaves its parent's block: the execution is the parent's to end.
            return
        status, told = ending(error)
        data: dict[str, Any] = {"agent": run.agent, "status": status, "started_at": self._started_at}
        if told is not None:
            data["error"] = f"{told['type']}: {told['message']}"
        recorder.report("execution.end", run.id, data, max(now_us(), self._started_at))

    def called(self, arguments: Callable[[], dict[str, Any]]) -> Self:
        """An execution for one call, with the arguments as its input."""
        one = type(self)(
            self.agent, session_id=self.session_id, user=self.user, tags=self.tags, attributes=self.attributes
        )
        one.input = arguments()
        return one

    def outermost(self, arguments: Callable[[], dict[str, Any]]) -> Traced:
        """An execution for one call of a method; what it calls within its agent belongs to it."""
        around = current.get()
        return Nothing() if around is not None and around.run.agent == self.agent else self.called(arguments)

    def __call__(self, function: Any) -> Any:
        """Record every call of a function as an execution, its agent named after it where no name was given.

        Of a class, every call of a public method from outside.
        """
        from kagura.observability.functions import function_name, traced_class

        if self.agent is None:
            self.agent = function_name(function)
        if isinstance(function, type):
            return traced_class(function, lambda _: self.outermost)
        return super().__call__(function)
