"""The calls in flight, a row each: how long they take, whether the first token has come, how fast tokens come."""

from collections.abc import Mapping, Sequence

from rich.text import Text

from kagura.dashboard.amounts import duration
from kagura.dashboard.period import Clock
from kagura.dashboard.text import safe
from kagura.dashboard.tui.feed import Progress
from kagura.dashboard.tui.run_lines import Column, gap
from kagura.model import SpanKind
from kagura.store.questions import Flight

_AGE = 7
_QUESTION = 16
"""Cells from which the beginning of a question says something."""
_TITLES = {SpanKind.LLM: "", SpanKind.EMBEDDING: "embedding ", SpanKind.TOOL: "tool "}


class FlightLines:
    """The calls as rows, the youngest first."""

    def __init__(self, flights: Sequence[Flight], progress: Mapping[str, Progress], clock: Clock) -> None:
        self.flights, self._progress, self._clock = flights, progress, clock

    def __len__(self) -> int:
        return max(len(self.flights), 1)

    def fit(self, width: int) -> None:
        """Every width is fine."""

    def key(self, number: int) -> str:
        """The run that the call belongs to."""
        return self.flights[number].execution_id if number < len(self.flights) else ""

    def moving(self, number: int, width: int) -> tuple[int, int] | None:
        """The age of each."""
        return (0, _AGE) if number < len(self.flights) else None

    def head(self, width: int) -> Text | None:
        """The rows speak for themselves."""
        return None

    def line(self, number: int, width: int) -> Text:
        """Age, agent, model, state, rate and the first words of the question."""
        if number >= len(self.flights):
            return Text("Nothing in flight.", "dim")
        flight = self.flights[number]
        now = self._clock.now()
        what = _TITLES.get(flight.kind, "") + safe(flight.model or flight.name, 80)
        state, style = _state(flight, self._progress.get(flight.span_id))
        row = Text(no_wrap=True)
        for text, how, column in (
            (duration(now - flight.started_at), "", Column("", "", _AGE, right=True)),
            (safe(flight.agent, 200), "", Column("", "", max(12, min(width // 5, 30)))),
            (what, "", Column("", "", max(14, min(width // 6, 32)))),
            (state, style, Column("", "", 37)),
        ):
            row.append(column.fill(text), how)
            row.append(gap(width))
        room = width - row.cell_len
        return row.append(safe(flight.preview or "", width), "dim") if room >= _QUESTION else row


def _state(flight: Flight, progress: Progress | None) -> tuple[str, str]:
    """What is known of the answer: nothing, that it is waited for, or how it flows."""
    if progress is None:
        return "running", "cyan"
    if progress.first_byte_at is None:
        return "waiting for the first token", "yellow"
    first = f"first token {duration(progress.first_byte_at - flight.started_at)}"
    if progress.events:
        return f"streaming {_rate(progress)}{first}", "green"
    return f"answering {size(progress.bytes)}, {first}", "green"


def _rate(progress: Progress) -> str:
    if progress.first_byte_at is None or progress.last_byte_at is None:
        return ""
    took = progress.last_byte_at - progress.first_byte_at
    return f"~{progress.events * 1_000_000 / took:.0f} tok/s, " if took >= 200_000 else ""


def size(number: int) -> str:
    """Bytes in few cells: `812 B`, `1.2 kB`, `10.5 MB`."""
    if number < 1000:
        return f"{number} B"
    return f"{number / 1000:.1f} kB" if number < 1_000_000 else f"{number / 1_000_000:.1f} MB"
