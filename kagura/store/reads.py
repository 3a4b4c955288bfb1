"""The reading methods of a store that may be asked for from elsewhere, and what passes for them: plain data."""

from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from itertools import pairwise
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from kagura.model import Span
from kagura.store.batch import SpanContents
from kagura.store.views import AgentRow, AgentSummary, CacheSavings, CostRow, ExecutionRow, Overview, Prompt, Trace

RETURNS: dict[str, Any] = {
    "agent_names": list[str],
    "agent_summary": AgentSummary,
    "agents": list[AgentRow],
    "cache_savings": CacheSavings | None,
    "costs": list[CostRow],
    "ended_since": list[Span],
    "execution_page": list[ExecutionRow],
    "executions": list[ExecutionRow],
    "find_execution": list[ExecutionRow],
    "first_call": int | None,
    "latest_ended": list[Span],
    "latest_execution": ExecutionRow | None,
    "near_execution_ids": list[str],
    "number_of_executions": int,
    "number_of_spans": int,
    "oldest_running": int | None,
    "overview": Overview,
    "prompts": dict[str, Prompt],
    "session_executions": list[ExecutionRow],
    "span": Span | None,
    "span_contents": SpanContents | None,
    "span_page": list[Span],
    "tag_keys": list[str],
    "trace": Trace | None,
}
"""What each method returns, by its name."""

_DAY, _SLOT = 86_400, 900
_Offsets = Annotated[list[tuple[int, Annotated[int, Meta(gt=-86_400, lt=86_400)]]], Meta(min_length=1, max_length=1000)]
_FROM = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp())
"""Before it nothing was recorded."""


class Offsets(tzinfo):
    """A time zone as what its clocks were ahead of UTC from which instant on, both in seconds."""

    def __init__(self, steps: list[tuple[int, int]]) -> None:
        self._steps = steps

    def _ahead(self, seconds: float) -> int:
        return next((offset for since, offset in reversed(self._steps) if since <= seconds), self._steps[0][1])

    def _possible(self, wall: datetime) -> list[int]:
        """The offsets with which a wall clock may show this; the earlier instant first."""
        seconds = wall.replace(tzinfo=UTC).timestamp()
        every = sorted({offset for _, offset in self._steps}, reverse=True)
        return [offset for offset in every if self._ahead(seconds - offset) == offset] or [self._ahead(seconds)]

    def fromutc(self, moment: datetime) -> datetime:
        """The wall clock of a moment whose fields are UTC."""
        ahead = self._ahead(moment.replace(tzinfo=UTC).timestamp())
        wall = moment + timedelta(seconds=ahead)
        return wall.replace(fold=int(self._possible(wall)[0] != ahead))

    def utcoffset(self, moment: datetime | None) -> timedelta:
        """What the wall clock is ahead of UTC."""
        if moment is None:
            return timedelta(0)
        return timedelta(seconds=self._possible(moment)[-1 if moment.fold else 0])

    def dst(self, moment: datetime | None) -> None:
        """Unknown: the offset already holds it."""

    def tzname(self, moment: datetime | None) -> str:
        """How users would call it."""
        return "local"


@cache
def _steps(zone: tzinfo) -> list[tuple[int, int]]:
    """The offsets of a zone until tomorrow, each from a quarter of an hour on."""

    def offset(seconds: int) -> int:
        ahead = datetime.fromtimestamp(seconds, zone).utcoffset()
        return int(ahead.total_seconds()) if ahead else 0

    days = range(_FROM, int(datetime.now(UTC).timestamp()) + 2 * _DAY, _DAY)
    found = [(_FROM, offset(_FROM))]
    for day, following in pairwise(days):
        if offset(following) != found[-1][1]:
            at = next(at for at in range(day, following + _SLOT, _SLOT) if offset(at) != found[-1][1])
            found.append((at, offset(at)))
    return found


def encode(value: object) -> bytes:
    """An argument or an answer as msgpack."""
    return msgspec.msgpack.encode(value, enc_hook=_as_data)


def decode(data: bytes | msgspec.Raw, type: Any) -> Any:
    """The other way round. Raises msgspec.ValidationError."""
    return msgspec.msgpack.decode(data, type=type, dec_hook=_from_data)


def _as_data(value: object) -> object:
    if isinstance(value, tzinfo):
        return _steps(value)
    raise NotImplementedError


def _from_data(kind: type, data: object) -> object:
    if kind is tzinfo:
        return Offsets(msgspec.convert(data, _Offsets))
    raise NotImplementedError
