"""Counters of one proxy process, and their Prometheus text."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence

from kagura import __version__
from kagura.proxy.flights import Flight
from kagura.proxy.recorder import Recorder


class Metrics:
    """What the relay counts as it goes."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.flights: dict[str, Flight] = {}
        """The calls that go on now, by their ids."""
        self.websockets = 0
        self.calls: Counter[tuple[str, str]] = Counter()
        """By provider and status; `error` where the provider gave none, `refused` where no provider was asked."""
        self.outcomes: Counter[str] = Counter()
        self.request_bytes = 0
        self.response_bytes = 0
        self.events = 0
        self.labels_ignored = 0

    @property
    def in_flight(self) -> int:
        """How many calls go on now."""
        return len(self.flights)

    @property
    def total(self) -> int:
        """All calls that have ended."""
        return sum(self.calls.values())

    def uptime(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started


def exposition(metrics: Metrics, recorder: Recorder) -> str:
    """The Prometheus text format, version 0.0.4."""
    return "".join(f"{line}\n" for line in _lines(metrics, recorder))


def _lines(metrics: Metrics, recorder: Recorder) -> Iterator[str]:
    yield from _family("kagura_info", "gauge", "The running version.", [(f'{{version="{__version__}"}}', 1)])
    calls = [
        (f'{{provider="{_escaped(provider)}",status="{status}"}}', count)
        for (provider, status), count in sorted(metrics.calls.items())
    ]
    yield from _family("kagura_calls_total", "counter", "Calls that have ended.", calls)
    outcomes = [(f'{{outcome="{outcome}"}}', count) for outcome, count in sorted(metrics.outcomes.items())]
    yield from _family("kagura_outcomes_total", "counter", "Calls by how they ended.", outcomes)
    for name, kind, text, value in (
        ("kagura_calls_in_flight", "gauge", "Calls that go on now.", metrics.in_flight),
        ("kagura_websockets_open", "gauge", "Websockets that are open now.", metrics.websockets),
        ("kagura_request_bytes_total", "counter", "Bytes of request bodies.", metrics.request_bytes),
        ("kagura_response_bytes_total", "counter", "Bytes of answers' bodies.", metrics.response_bytes),
        ("kagura_events_total", "counter", "Events taken from SDKs.", metrics.events),
        ("kagura_labels_ignored_total", "counter", "Malformed X-Kagura headers.", metrics.labels_ignored),
        ("kagura_journal_errors_total", "counter", "Records that the journal did not take.", recorder.failures),
        ("kagura_calls_unrecorded_total", "counter", "Calls whose end is not recorded.", recorder.calls_lost),
        ("kagura_calls_waiting", "gauge", "Ended calls that wait in memory for the journal.", recorder.calls_waiting),
        ("kagura_uptime_seconds", "gauge", "Seconds since the start.", round(metrics.uptime(), 3)),
    ):
        yield from _family(name, kind, text, [("", value)])


def _family(name: str, kind: str, text: str, samples: Sequence[tuple[str, float]]) -> Iterator[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {kind}"
    for labels, value in samples:
        yield f"{name}{labels} {value}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
