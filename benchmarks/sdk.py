"""What the SDK costs an agent: a span, a tool call, a number, in the caller's thread, on and off.

    python benchmarks/sdk.py [--spans 20000] [--json FILE]

Each number is the best of seven rounds, in microseconds of the clock and of the thread's processor time; the last line
is the time to import it in a new process, the best of nine, with the start of Python taken away.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from kagura.observability import telemetry, tracker

ROUNDS = 7
IMPORT = "import time; t = time.perf_counter(); from kagura.observability import telemetry, tracker; "


@telemetry.instrument
def instrumented() -> None:
    pass


@tracker.tool
def tool(query: str) -> str:
    return query


def span() -> None:
    with tracker.span("step"):
        pass


ACTIONS: dict[str, Callable[[], object]] = {
    "span": span,
    "tool call with arguments and result": lambda: tool("the weather in Kyoto"),
    "metric": lambda: tracker.record_metric("items", 42),
    "instrumented function": instrumented,
}


def best(action: Callable[[], object], count: int) -> dict[str, float]:
    """Microseconds a time."""
    wall, processor = [], []
    for _ in range(ROUNDS):
        began, used = time.perf_counter(), time.thread_time()
        for _ in range(count):
            action()
        wall.append((time.perf_counter() - began) / count * 1e6)
        processor.append((time.thread_time() - used) / count * 1e6)
    return {"wall_us": min(wall), "cpu_us": min(processor)}


def import_ms() -> float:
    """Milliseconds to import the SDK in a new process."""
    command = [sys.executable, "-c", IMPORT + "print((time.perf_counter() - t) * 1000)"]
    return min(float(subprocess.run(command, capture_output=True, check=True).stdout) for _ in range(9))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spans", type=int, default=20_000, help="how many in all rounds together")
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    options = parser.parse_args()
    count = max(1, options.spans // ROUNDS)
    results: dict[str, dict[str, float]] = {}
    telemetry.disable()
    for name, action in ACTIONS.items():
        results[f"off: {name}"] = best(action, count)
    with tempfile.TemporaryDirectory() as home:
        telemetry.enable(home=home)
        with telemetry.execution("benchmark"):
            span()
            for name, action in ACTIONS.items():
                results[f"on: {name}"] = best(action, count)
        telemetry.disable()
    for name, numbers in results.items():
        print(f"{name:42} {numbers['wall_us']:8.2f} µs   {numbers['cpu_us']:8.2f} µs CPU")
    loaded = import_ms()
    print(f"{'import':42} {loaded:8.2f} ms")
    if options.json:
        options.json.write_text(json.dumps(results | {"import": {"wall_ms": loaded}}, indent=2))


if __name__ == "__main__":
    main()
