"""The measurements: blocks of load that take turns, so that a noisy neighbour hits every stack alike."""

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from benchmarks.load import Job, LoadClient, Result
from benchmarks.processes import Memory, cpu, memory
from benchmarks.stacks import Stack
from benchmarks.wire import EVENTS

Numbers = dict[str, Any]
MANY = 32
STEPS = 10
"""Times that memory is looked at during a long count of calls."""
SLOW_SHARE = 10
"""A stack that takes this many times longer than direct gets as many times fewer calls a round."""


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """How much is measured."""

    rounds: int = 15
    """Turns that each stack takes at one connection."""
    plain: int = 200
    """Plain calls a turn at one connection."""
    streams: int = 4
    """Streams a turn at one connection."""
    blocks: int = 3
    """Turns that each stack takes at 32 connections."""
    seconds: float = 3.0
    """Of each turn at 32 connections."""
    starts: int = 5
    """Times that kagura is started."""
    calls: int = 10_000
    """Calls after which memory is looked at again."""


QUICK = Size(rounds=3, plain=100, streams=2, blocks=1, seconds=1.0, starts=1, calls=1000)


def percentile(values: Sequence[int], share: float) -> float:
    """The value below which `share` of the values lie, in milliseconds, where they are microseconds."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] / 1000 if ordered else float("nan")


def _rounded(numbers: Numbers) -> Numbers:
    return {name: round(value, 3) if isinstance(value, float) else value for name, value in numbers.items()}


class Measurement:
    """All stacks side by side; `good` counts what each has answered, for the reckoning at the end."""

    def __init__(self, stacks: Sequence[Stack], client: LoadClient, size: Size, say: Callable[[str], None]) -> None:
        self._stacks, self._client, self._size, self._say = stacks, client, size, say
        # The answer that ended the wait for the start is a call as well.
        self.good = {stack.name: int(stack.started_in is not None) for stack in stacks}
        self.bad: dict[str, int] = {stack.name: 0 for stack in stacks}
        self.failures: dict[str, str] = {}

    def run(self, stack: Stack, job: Job) -> Result:
        """One block of load, counted."""
        result = self._client.run(job)
        self.good[stack.name] += len(result.answered)
        self.bad[stack.name] += result.failed
        if result.failure:
            self.failures.setdefault(stack.name, result.failure)
        return result

    def warm_up(self) -> dict[str, float]:
        """Some calls through each stack; how many times slower than direct each is at one connection."""
        medians = {}
        for stack in self._stacks:
            for stream in (True, False):
                result = self.run(stack, Job(port=stack.port, calls=200, seconds=3, connections=4, stream=stream))
            result = self.run(stack, Job(port=stack.port, calls=200, seconds=2))
            medians[stack.name] = percentile(result.answered, 0.5)
        base = medians[self._stacks[0].name]
        return {name: value / base for name, value in medians.items()}

    def one(self, slowness: dict[str, float], *, stream: bool) -> dict[str, Numbers]:
        """Latency at one connection, round by round, each against the same round's direct calls."""
        self._say(f"1 connection, {'streams' if stream else 'plain'}")
        wanted = self._size.streams if stream else self._size.plain
        rounds: dict[str, list[Result]] = {stack.name: [] for stack in self._stacks}
        for _ in range(self._size.rounds):
            for stack in self._stacks:
                calls = wanted if slowness[stack.name] < SLOW_SHARE or stream else wanted // SLOW_SHARE
                result = self.run(stack, Job(port=stack.port, calls=calls, seconds=30, stream=stream))
                rounds[stack.name].append(result)
        direct = rounds[self._stacks[0].name]
        if stream:
            return {name: _rounded(_streamed(results, direct)) for name, results in rounds.items()}
        return {name: _rounded(_compared("answered", results, direct)) for name, results in rounds.items()}

    def many(self, *, stream: bool) -> dict[str, Numbers]:
        """Throughput and CPU a call at 32 connections."""
        self._say(f"{MANY} connections, {'streams' if stream else 'plain'}")
        blocks: dict[str, list[Numbers]] = {stack.name: [] for stack in self._stacks}
        for _ in range(self._size.blocks):
            for stack in self._stacks:
                blocks[stack.name].append(self._block(stack, stream=stream))
        return {name: _middle(found) for name, found in blocks.items()}

    def _block(self, stack: Stack, *, stream: bool) -> Numbers:
        stack.settle(self.good[stack.name])
        relay, processes = stack.relay(), stack.processes()
        before = cpu(relay), cpu(processes)
        job = Job(port=stack.port, connections=MANY, seconds=self._size.seconds, stream=stream)
        result = self.run(stack, job)
        relay_cpu = cpu(relay) - before[0]
        stack.settle(self.good[stack.name])
        count = len(result.answered) or 1
        numbers: Numbers = {
            "calls_per_second": count / result.seconds,
            "p50_ms": percentile(result.answered, 0.5),
            "p99_ms": percentile(result.answered, 0.99),
            "relay_cpu_us": relay_cpu / count * 1e6,
            "stack_cpu_us": (cpu(processes) - before[1]) / count * 1e6,
        }
        if stream:
            numbers["first_event_p50_ms"] = percentile(result.first, 0.5)
            numbers["relay_cpu_us_per_event"] = relay_cpu / count / EVENTS * 1e6
        return numbers

    def idle(self) -> dict[str, Memory]:
        """Memory of each stack that has answered one call and rested."""
        time.sleep(2)
        return {stack.name: memory(stack.processes()) for stack in self._stacks[1:]}

    def growth(self) -> dict[str, Numbers]:
        """Memory in ten steps over many calls; fewer where they would take a stack too long."""
        self._say(f"memory over {self._size.calls:,} calls")
        found = {}
        for stack in self._stacks[1:]:
            deadline, before = time.monotonic() + stack.patience, self.good[stack.name]
            steps: list[float] = []
            while len(steps) < STEPS and (left := deadline - time.monotonic()) > 0:
                job = Job(port=stack.port, connections=MANY, calls=self._size.calls // STEPS, seconds=left)
                self.run(stack, job)
                stack.settle(self.good[stack.name])
                steps.append(memory(stack.processes()).rss)
            found[stack.name] = {"calls": self.good[stack.name] - before, "rss_mb": steps}
        return found


def _compared(field: str, results: list[Result], direct: list[Result]) -> Numbers:
    """Percentiles of all rounds; what is added is the median over the rounds, and the pooled p99 beside it."""
    values, base = _pooled(field, results), _pooled(field, direct)
    pairs = [(getattr(one, field), getattr(other, field)) for one, other in zip(results, direct, strict=True)]
    added = [percentile(one, 0.5) - percentile(other, 0.5) for one, other in pairs if one and other]
    return {
        "p50_ms": percentile(values, 0.5),
        "p99_ms": percentile(values, 0.99),
        "added_p50_ms": statistics.median(added) if added else float("nan"),
        "added_p50_ms_of_rounds": [round(value, 3) for value in (min(added), max(added))] if added else [],
        "added_p99_ms": percentile(values, 0.99) - percentile(base, 0.99),
        "calls": len(values),
    }


def _streamed(results: list[Result], direct: list[Result]) -> Numbers:
    numbers = {f"first_event_{name}": value for name, value in _compared("first", results, direct).items()}
    events = _compared("events", results, direct)
    return numbers | {f"event_{name}": events[name] for name in ("added_p50_ms", "added_p99_ms")}


def _pooled(field: str, results: list[Result]) -> list[int]:
    return [value for result in results for value in getattr(result, field)]


def _middle(blocks: list[Numbers]) -> Numbers:
    """The median of each number over the blocks."""
    return _rounded({name: statistics.median(block[name] for block in blocks) for name in blocks[0]})


def starts(make: Callable[[int], Stack], times: int) -> list[float]:
    """Seconds from start to first answer, each time with nothing kept from the last."""
    seconds = []
    for number in range(times):
        stack = make(number)
        stack.start()
        stack.stop()
        seconds.append(round(stack.started_in or 0.0, 3))
    return seconds
