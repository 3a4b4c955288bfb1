"""The gateway comparison: `python -m benchmarks`, or `make bench`. See benchmarks/README.md."""

import argparse
import json
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from benchmarks import collector, peers, report
from benchmarks.load import LoadClient, load_client
from benchmarks.measure import QUICK, Measurement, Size, starts
from benchmarks.stacks import Kagura, LiteLLM, Stack, TcpRelay, provider

CONSOLE = Console(width=max(Console().width, 110))
BUSY = 0.3
"""Load average per CPU above which the machine is not ours alone."""


def say(what: str) -> None:
    """Tell on stderr what goes on, so that stdout holds the report alone."""
    print(f"  {what} …", file=sys.stderr, flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run of some seconds; its numbers mean little")
    parser.add_argument("--no-litellm", action="store_true", help="leave LiteLLM proxy out")
    parser.add_argument("--calls", type=int, help="of the look at memory [default: 10,000]; 100,000 for the bar")
    parser.add_argument("--delay-ms", type=float, default=0.0, help="that the provider waits before it answers")
    parser.add_argument("--pause-ms", type=float, default=2.0, help="between the events of a stream")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all numbers to this file")
    return parser.parse_args()


def measured(stacks: list[Stack], client: LoadClient, size: Size) -> tuple[dict[str, Any], Measurement]:
    """All numbers of all stacks, which run until this is over."""
    numbers: dict[str, Any] = {stack.name: {"version": stack.version} for stack in stacks}
    measurement = Measurement(stacks, client, size, say)
    parts: dict[str, dict[str, Any]] = {"idle": msgspec.to_builtins(measurement.idle())}
    slowness = measurement.warm_up()
    parts["growth"] = measurement.growth()
    parts["one_plain"] = measurement.one(slowness, stream=False)
    parts["one_stream"] = measurement.one(slowness, stream=True)
    parts["many_plain"] = measurement.many(stream=False)
    parts["many_stream"] = measurement.many(stream=True)
    for part, by_stack in parts.items():
        for name, found in by_stack.items():
            numbers[name][part] = found
    return numbers, measurement


def compare(options: argparse.Namespace, size: Size) -> dict[str, Any]:
    """Start everything, measure, stop everything, count what was recorded."""
    remarks: list[str] = []
    info = report.machine()
    if info["load_average"] > BUSY * info["cpus"]:
        remarks.append("Others were using this machine: trust the ratios and the CPU times more than the milliseconds.")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kagura-bench-")))
        upstream = stack.enter_context(provider(options.delay_ms, options.pause_ms))
        client = stack.enter_context(load_client())
        say(f"start-up, {size.starts} times")
        seconds = starts(lambda number: Kagura(_below(folder, f"start-{number}"), upstream), size.starts)
        stacks: list[Stack] = [Stack(folder, upstream), TcpRelay(folder, upstream), Kagura(folder, upstream)]
        with ExitStack() as running:
            for one in stacks:
                one.start()
                running.callback(one.stop)
            if options.no_litellm:
                remarks.append("LiteLLM proxy was left out.")
            else:
                try:
                    stacks.append(litellm(folder, upstream, running))
                except peers.PeerError as error:
                    remarks.append(
                        f"No comparison with LiteLLM proxy, which could not be installed or started: {error}"
                    )
            numbers, measurement = measured(stacks, client, size)
        for one in stacks:
            if one.started_in is not None:
                numbers[one.name]["start_s"] = round(one.started_in, 3)
            answered, failed = measurement.good[one.name], measurement.bad[one.name]
            numbers[one.name]["calls"] = {"answered": answered, "failed": failed, "recorded": one.recorded()}
        numbers["kagura"] |= {"start_s": sorted(seconds)[len(seconds) // 2], "start_s_all": seconds}
    remarks += [f"{name}: a call failed: {what}" for name, what in measurement.failures.items()]
    return {"machine": info, "stacks": numbers, "remarks": remarks}


def litellm(folder: Path, upstream: int, running: ExitStack) -> Stack:
    """LiteLLM proxy, installed where this is the first time, and started. Raises PeerError."""
    say("LiteLLM proxy (the first time, its environment is made)")
    stack = LiteLLM(folder, upstream, peers.litellm_environment())
    stack.start()
    running.callback(stack.stop)
    return stack


def _below(folder: Path, name: str) -> Path:
    path = folder / name
    path.mkdir()
    return path


def main() -> int:
    if not Path("/proc/self/stat").exists():
        print("The gateway comparison reads CPU and memory from /proc, which this system has not.", file=sys.stderr)
        return 2
    options = arguments()
    size = QUICK if options.quick else Size()
    if options.calls:
        size = msgspec.structs.replace(size, calls=options.calls)
    result = compare(options, size)
    say("the collector alone")
    result["collector"] = collector.compare(1000 if options.quick else 6_000)
    result["size"] = msgspec.to_builtins(size)
    result["ratios"] = report.ratios(result)
    result["bars"] = [bar._asdict() | {"holds": bar.holds} for bar in report.bars(result)]
    report.show(result, CONSOLE)
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
