"""How fast the trace store writes and answers.

    python benchmarks/store.py [--spans 100000] [--days 1] [--url sqlite:////tmp/store.db] [--json FILE]

Writes spans of some days in batches of 500, then times what the screens ask. With `--url` of a store that is there
already, `--keep` skips the writing.
"""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from kagura.model import Cost, CostLine, CostSource, Span, SpanKind, Status, ToolCall, Usage
from kagura.store import Batch, Store

START = 1_760_000_000_000_000
DAY = 86_400_000_000

BATCH = 500
TURNS = 8
AGENTS = ("research", "translate", "code_review", "support", "default")
MODELS = (
    ("openai", "gpt-4o"),
    ("openai", "gpt-4o-mini"),
    ("anthropic", "claude-sonnet-4-5"),
    ("gemini", "gemini-2.5-pro"),
)
TOOLS = ("search", "read_file", "run_tests")


def spans(count: int, days: int, seed: int = 1) -> Iterator[Span]:
    """Runs of some model calls with a tool between them, spread evenly over the days."""
    random_ = random.Random(seed)
    step = days * DAY // count
    for number in range(count):
        run, turn = divmod(number, TURNS)
        at = START + number * step
        if turn % 2:
            yield tool_span(random_, number, run, at)
        else:
            yield llm_span(random_, number, run, at)


def llm_span(random_: random.Random, number: int, run: int, at: int) -> Span:
    provider, model = MODELS[random_.randrange(len(MODELS))]
    tokens = random_.randrange(200, 5000)
    rate = Decimal("0.0000025")
    failed = random_.random() < 0.01
    return Span(
        id=f"{random_.getrandbits(64):016x}",
        execution_id=f"run-{run:09d}",
        kind=SpanKind.LLM,
        name=model,
        agent=AGENTS[run % len(AGENTS)],
        status=Status.FAILED if failed else Status.COMPLETED,
        started_at=at,
        ended_at=at + random_.randrange(300_000, 9_000_000),
        execution_source="header",
        session_id=f"session-{run // 5}",
        time_to_first_chunk=200_000,
        provider=provider,
        endpoint="chat/completions",
        request_model=model,
        response_model=f"{model}-2024-08-06",
        response_id=f"chatcmpl-{number:024d}",
        stream=True,
        http_status=500 if failed else 200,
        outcome="completed",
        usage=Usage(input=tokens, output=tokens // 4, cache_read=tokens // 2, raw={"prompt_tokens": tokens}),
        cost=Cost(
            total=tokens * rate,
            source=CostSource.CATALOG,
            lines=[CostLine(unit="input", quantity=Decimal(tokens), rate=rate)],
            price_model=model,
            price_version="genai-prices 2025-06-01",
        ),
        finish_reason="tool_calls",
        tool_calls=[ToolCall(name=TOOLS[number % 3], id=f"call_{number}", arguments={"query": "the weather in Kyoto"})],
        input_preview="What is the weather in Kyoto, and what should I wear for a walk along the river?",
        output_preview="I will look that up.",
    )


def tool_span(random_: random.Random, number: int, run: int, at: int) -> Span:
    return Span(
        id=f"{random_.getrandbits(64):016x}",
        execution_id=f"run-{run:09d}",
        kind=SpanKind.TOOL,
        name=TOOLS[number % 3],
        agent=AGENTS[run % len(AGENTS)],
        status=Status.COMPLETED,
        started_at=at,
        ended_at=at + random_.randrange(10_000, 900_000),
        inferred=True,
    )


def write(store: Store, count: int, days: int) -> dict[str, float]:
    """Write, timing the store alone."""
    wall = cpu = 0.0
    batch: list[Span] = []
    for span in spans(count, days):
        batch.append(span)
        if len(batch) == BATCH:
            began, used = time.perf_counter(), time.process_time()
            store.write(Batch(spans=batch, positions={"one": span.started_at}))
            wall += time.perf_counter() - began
            cpu += time.process_time() - used
            batch = []
    store.write(Batch(spans=batch))
    return {"spans_per_second": count / wall, "spans_per_cpu_second": count / cpu}


def best(work: Callable[[], object], times: int = 5) -> float:
    """Milliseconds of the median of some repetitions."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        took.append((time.perf_counter() - began) * 1000)
    return sorted(took)[len(took) // 2]


def answer(store: Store, count: int, days: int) -> dict[str, float]:
    """What the screens ask, in milliseconds."""
    today = START + (days - 1) * DAY
    middle = f"run-{count // TURNS // 2:09d}"
    odd = START + (days - 1) * DAY // 2 + 123_456_789
    questions: dict[str, Callable[[], object]] = {
        "overview, today": lambda: store.overview(since=today),
        "overview, ever": lambda: store.overview(),
        "recent executions": lambda: store.executions(limit=30),
        "running executions": lambda: store.executions(status=Status.RUNNING),
        "cost of a day": lambda: store.costs(since=today, until=today + DAY),
        "cost of an odd day": lambda: store.costs(since=odd, until=odd + DAY),
        "cost of all, by model": lambda: store.costs("model"),
        "cost of all, by day": lambda: store.costs("day"),
        "cost of a day, by session": lambda: store.costs("session", since=today),
        "agent, today": lambda: store.agent_summary("research", since=today),
        "agent, ever": lambda: store.agent_summary("research"),
        "agents, today": lambda: store.agents(since=today),
        "trace": lambda: store.trace(middle),
        "find by prefix": lambda: store.find_execution(middle[:-2]),
    }
    return {name: best(work) for name, work in questions.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spans", type=int, default=100_000)
    parser.add_argument("--days", type=int, default=1, help="how many days the spans are spread over")
    parser.add_argument("--url", help="a store of your own; else a file that is removed afterwards")
    parser.add_argument("--keep", action="store_true", help="do not write, only ask")
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results: dict[str, Any] = {"spans": options.spans, "days": options.days}
        url = options.url or f"sqlite:///{folder}/telemetry.db"
        with Store.open(url) as store:
            if not options.keep:
                results["write"] = write(store, options.spans, options.days)
        began = time.perf_counter()
        with Store.open(url, read_only=True) as store:
            results["open_ms"] = (time.perf_counter() - began) * 1000
            results["read_ms"] = answer(store, options.spans, options.days)
        if url.startswith("sqlite:///"):
            results["bytes_per_span"] = Path(url.removeprefix("sqlite:///")).stat().st_size / options.spans
    for name, value in results.items():
        for label, number in value.items() if isinstance(value, dict) else [("", value)]:
            print(f"{name:16} {label:28} {number:12,.1f}")
    if options.json:
        options.json.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
