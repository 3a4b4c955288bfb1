"""What is shown: the machine, a table of the stacks, the ratios, and the project's bars with what was reached."""

import importlib.metadata
import os
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

Report = dict[str, Any]
PACKAGES = ("uvicorn", "uvloop", "httptools", "msgspec", "sqlalchemy", "fastapi")


class Row(NamedTuple):
    """A line of the table: where its number stands below a stack, and how it is written."""

    title: str
    path: tuple[str, ...]
    form: str


ROWS = (
    Row("1 connection, plain: p50, ms", ("one_plain", "p50_ms"), ".3f"),
    Row("  added p50, ms", ("one_plain", "added_p50_ms"), "+.3f"),
    Row("  added p99, ms", ("one_plain", "added_p99_ms"), "+.3f"),
    Row("1 connection, streams: first event p50, ms", ("one_stream", "first_event_p50_ms"), ".3f"),
    Row("  first event added p50, ms", ("one_stream", "first_event_added_p50_ms"), "+.3f"),
    Row("  any event added p50, ms", ("one_stream", "event_added_p50_ms"), "+.3f"),
    Row("  any event added p99, ms", ("one_stream", "event_added_p99_ms"), "+.3f"),
    Row("32 connections, plain: requests/s", ("many_plain", "calls_per_second"), ",.0f"),
    Row("  p50, ms", ("many_plain", "p50_ms"), ".1f"),
    Row("  p99, ms", ("many_plain", "p99_ms"), ".1f"),
    Row("  CPU a request, relay, µs", ("many_plain", "relay_cpu_us"), ",.0f"),
    Row("  CPU a request, relay and collector, µs", ("many_plain", "stack_cpu_us"), ",.0f"),
    Row("32 connections, streams: streams/s", ("many_stream", "calls_per_second"), ",.0f"),
    Row("  first event p50, ms", ("many_stream", "first_event_p50_ms"), ".1f"),
    Row("  CPU a stream, relay, µs", ("many_stream", "relay_cpu_us"), ",.0f"),
    Row("  CPU a stream, relay and collector, µs", ("many_stream", "stack_cpu_us"), ",.0f"),
    Row("start to first answer, s", ("start_s",), ".2f"),
    Row("resident memory idle, MB", ("idle", "rss"), ",.0f"),
    Row("resident memory after the long count, MB", ("growth", "rss_mb", "-1"), ",.0f"),
    Row("  calls of the long count", ("growth", "calls"), ",d"),
    Row("calls answered", ("calls", "answered"), ",d"),
    Row("calls failed", ("calls", "failed"), ",d"),
    Row("calls in the store, priced", ("calls", "recorded"), ",d"),
)
RATIOS = {
    "CPU a request, LiteLLM to relay": ("many_plain", "relay_cpu_us"),
    "CPU a request, LiteLLM to relay and collector": ("many_plain", "stack_cpu_us"),
    "CPU a stream, LiteLLM to relay": ("many_stream", "relay_cpu_us"),
    "CPU a stream, LiteLLM to relay and collector": ("many_stream", "stack_cpu_us"),
    "added p50, LiteLLM to kagura": ("one_plain", "added_p50_ms"),
    "resident memory idle, LiteLLM to kagura": ("idle", "rss"),
    "start to first answer, LiteLLM to kagura": ("start_s",),
}


def machine() -> dict[str, Any]:
    """Where the numbers come from."""
    model = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "cpu": model[0].partition(":")[2].strip() if model else platform.machine(),
        "cpus": len(os.sched_getaffinity(0)),
        "load_average": os.getloadavg()[0],
        "kernel": platform.release(),
        "python": platform.python_version(),
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
    }


def found(numbers: Any, path: tuple[str, ...]) -> Any:
    """The number at a path, or None where there is none."""
    for key in path:
        if isinstance(numbers, list):
            numbers = numbers[int(key)] if numbers else None
        elif isinstance(numbers, dict):
            numbers = numbers.get(key)
    return numbers


def ratios(report: Report) -> dict[str, float]:
    """How many times more LiteLLM needs; empty where it did not run."""
    stacks = report["stacks"]
    pairs = {name: (found(stacks.get("litellm"), path), found(stacks["kagura"], path)) for name, path in RATIOS.items()}
    return {name: round(peer / own, 1) for name, (peer, own) in pairs.items() if peer and own}


class Bar(NamedTuple):
    """A number to reach."""

    title: str
    reached: float | None
    bar: float
    at_least: bool = False

    @property
    def holds(self) -> bool | None:
        """Whether it is reached; None where it was not measured."""
        if self.reached is None:
            return None
        return self.reached >= self.bar if self.at_least else self.reached <= self.bar


def _added(own: Report, path: tuple[str, ...]) -> float | None:
    """What kagura adds; None where the noise was larger than that, so that direct looked slower."""
    value = found(own, path)
    return value if isinstance(value, float) and value > 0 else None


def bars(report: Report) -> Iterator[Bar]:
    """The project's bars beside what this run reached."""
    own = report["stacks"]["kagura"]
    steps = own["growth"]["rss_mb"]
    yield Bar("added latency, plain, p50, ms", _added(own, ("one_plain", "added_p50_ms")), 0.25)
    yield Bar("added latency, plain, p99, ms", _added(own, ("one_plain", "added_p99_ms")), 2)
    yield Bar("first event of a stream later by, ms", _added(own, ("one_stream", "first_event_added_p50_ms")), 0.3)
    compared = report["ratios"]
    yield Bar("CPU a request, LiteLLM to relay", compared.get("CPU a request, LiteLLM to relay"), 70, True)
    both = "CPU a request, LiteLLM to relay and collector"
    yield Bar(both, compared.get(both), 40, True)
    yield Bar("start to first answer, s", own["start_s"], 1)
    yield Bar("resident memory idle, MB", own["idle"]["rss"], 100)
    yield Bar(f"growth over {own['growth']['calls']:,} calls, MB", round(steps[-1] - own["idle"]["rss"], 1), 20)
    for kind, numbers in report["collector"].items():
        yield Bar(f"journal to store, {kind}, spans/s of one core", numbers["spans_per_cpu_second"], 5000, True)
    yield Bar("calls lost", own["calls"]["answered"] - own["calls"]["recorded"], 0)


def show(report: Report, console: Console) -> None:
    """Print a finished report."""
    stacks = report["stacks"]
    table = Table(title="One run, one provider, blocks in turn", title_justify="left")
    table.add_column("")
    for name, numbers in stacks.items():
        table.add_column(f"{name} {numbers['version']}".strip(), justify="right")
    for row in ROWS:
        values = [found(numbers, row.path) for numbers in stacks.values()]
        table.add_row(row.title, *("" if value is None else format(value, row.form) for value in values))
    console.print(table)
    for name, ratio in report["ratios"].items():
        console.print(f"{name}: {ratio:,.1f}", highlight=False)
    console.print(_bar_table(report))
    info = report["machine"]
    console.print(
        f"{info['cpus']} × {info['cpu']}, load {info['load_average']:.1f} at the start, Python {info['python']}, "
        + ", ".join(f"{name} {version}" for name, version in info["packages"].items()),
        highlight=False,
    )
    for remark in report["remarks"]:
        console.print(f"! {remark}", style="yellow", markup=False, highlight=False)


def _bar_table(report: Report) -> Table:
    table = Table(title="The bars", title_justify="left")
    table.add_column("")
    for name in ("reached", "bar", ""):
        table.add_column(name, justify="right")
    words = {True: "holds", False: "missed", None: "not measured, or lost in noise"}
    for bar in bars(report):
        sign = "≥" if bar.at_least else "≤"
        reached = "" if bar.reached is None else f"{bar.reached:,.6g}"
        table.add_row(bar.title, reached, f"{sign} {bar.bar:,g}", words[bar.holds])
    return table
