"""`TelemetryCollector`: executions told event by event, and saved to an `EventStore` when they end."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any

from kagura.observability.context import new_id
from kagura.observability.store import EventStore
from kagura.observability.traced import ending
from kagura.observability.trouble import report_trouble


class TelemetryCollector:
    """Collects what happens in executions. Tasks and threads that share one collector each have their own execution."""

    def __init__(self, store: EventStore | None = None) -> None:
        self.store = EventStore() if store is None else store
        self._current: ContextVar[dict[str, Any] | None] = ContextVar("kagura_collected", default=None)

    @asynccontextmanager
    async def track_execution(self, agent_name: str, **kwargs: Any) -> AsyncIterator[str]:
        """An execution for the block, with what it was given; gives its id.

        What the block raises is recorded and raised. A store that fails is said in the log, and harms no block.
        """
        execution: dict[str, Any] = {
            "id": f"exec_{new_id()}",
            "agent_name": agent_name,
            "started_at": time.time(),
            "kwargs": kwargs,
            "events": [],
            "metrics": {},
            "tags": {},
        }
        token = self._current.set(execution)
        error: BaseException | None = None
        try:
            yield execution["id"]
        except BaseException as raised:
            error = raised
            raise
        finally:
            self._leave(token)
            execution["status"], told = ending(error)
            execution["error"] = told and told["message"]
            execution["ended_at"] = max(time.time(), execution["started_at"])
            execution["duration"] = execution["ended_at"] - execution["started_at"]
            try:
                await self.store.save_execution(execution)
            except Exception as trouble:
                report_trouble(trouble)

    def _leave(self, token: Any) -> None:
        try:
            self._current.reset(token)
        except ValueError:
            self._current.set(None)

    def record_event(self, event_type: str, **data: Any) -> None:
        """An event of the current execution; outside of one it is dropped."""
        execution = self._current.get()
        if execution is not None:
            execution["events"].append({"type": event_type, "timestamp": time.time(), "data": data})

    def record_llm_call(
        self, model: str, prompt_tokens: int, completion_tokens: int, duration: float, cost: float | None
    ) -> None:
        """A model call that has just ended: seconds, and US dollars, None where nobody knows."""
        self.record_event(
            "llm_call",
            model=model,
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
            duration=duration,
            cost=cost,
        )

    def record_tool_call(self, tool_name: str, duration: float, **kwargs: Any) -> None:
        """A tool call that has just ended, with its arguments; `duration` in seconds."""
        self.record_event("tool_call", tool_name=tool_name, duration=duration, kwargs=kwargs)

    def record_metric(self, name: str, value: float) -> None:
        """A number of the current execution; a later one of the same name takes its place."""
        execution = self._current.get()
        if execution is not None:
            execution["metrics"][name] = value

    def add_tag(self, name: str, value: object) -> None:
        """A tag of the current execution."""
        execution = self._current.get()
        if execution is not None:
            execution["tags"][name] = str(value)
