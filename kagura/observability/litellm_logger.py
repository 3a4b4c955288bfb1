"""`litellm.callbacks = [kagura.observability.litellm_callback]`: LiteLLM's calls in the local journal."""

from collections import OrderedDict
from collections.abc import Mapping
from functools import cache
from typing import Any

from litellm.integrations.custom_logger import CustomLogger

from kagura.config import Settings
from kagura.model import Event
from kagura.observability.litellm_call import event_from
from kagura.observability.reporter import Reporter

REMEMBERED = 10_000
"""Calls whose second report is recognised."""


class KaguraLogger(CustomLogger):  # type: ignore[misc]
    """Reports each call once, whichever of LiteLLM's hooks tell of it; none of them ever raises."""

    def __init__(self, reporter: Reporter | None = None) -> None:
        super().__init__()
        self._reporter = reporter or Reporter()
        self._seen: OrderedDict[tuple[object, ...], None] = OrderedDict()

    def log_success_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
        """A call has ended well; a stream's chunks were put together."""
        self._record(kwargs, response_obj)

    def log_failure_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
        """A call has failed."""
        self._record(kwargs, response_obj)

    async def async_log_success_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
        """The same for asynchronous calls."""
        self._record(kwargs, response_obj)

    async def async_log_failure_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
        """The same for asynchronous calls."""
        self._record(kwargs, response_obj)

    def _record(self, kwargs: Mapping[str, Any], response: Any) -> None:
        def make(settings: Settings) -> Event | None:
            return None if self._is_known(kwargs) else event_from(kwargs, response, settings)

        self._reporter.report(make)

    def _is_known(self, kwargs: Mapping[str, Any]) -> bool:
        """Whether the call was told of before: LiteLLM calls several hooks for some, and retries under one id."""
        payload = kwargs.get("standard_logging_object") or {}
        key = (kwargs.get("litellm_call_id"), payload.get("startTime"), payload.get("status"))
        if key in self._seen:
            return True
        self._seen[key] = None
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return False


@cache
def callback() -> KaguraLogger:
    """The one callback of this process."""
    return KaguraLogger()
