"""How fast the collector moves what stands in the journal to the store, price and execution included.

    python -m benchmarks.collector [--calls 10000]

Writes a journal of calls, no two alike, then drains it into an empty SQLite store on one thread.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

from benchmarks import wire
from kagura.collector import Collector
from kagura.collector.__main__ import look_for_cycles_seldom
from kagura.collector.interpretation import Interpreter
from kagura.config import Settings
from kagura.journal import Ended, JournalWriter, Started
from kagura.model import Body, Labels, Outcome
from kagura.store import Store

START = 1_790_000_000_000_000
CALLS_PER_RUN = 8


def write_journal(folder: Path, calls: int, *, stream: bool) -> None:
    """Two records a call, `CALLS_PER_RUN` calls an execution."""
    writer = JournalWriter(folder)
    template, plain, event, end = wire.question(stream=stream), wire.answer(), wire.event(), wire.end_of_stream()
    for number in range(calls):
        at = START + number * 1000
        question = template.filled(number)
        answer = event.filled(number) * wire.EVENTS + end if stream else plain.filled(number)
        kind = "text/event-stream" if stream else "application/json"
        begun = Started(
            id=f"{number + 1:016x}",
            provider="openai",
            dialect="openai",
            method="POST",
            target=wire.PATH.decode(),
            received_at=at,
            labels=Labels(execution_id=f"run-{number // CALLS_PER_RUN}", execution_source="header", agent="bench"),
            request_headers=[("content-type", "application/json"), ("user-agent", "kagura-bench")],
            request_body=Body(question, len(question)),
        )
        ended = Ended(
            id=begun.id,
            outcome=Outcome.COMPLETED,
            done_at=at + 900_000,
            sent_at=at + 100,
            first_byte_at=at + 300_000,
            last_byte_at=at + 900_000,
            status=200,
            response_headers=[("content-type", kind)],
            response_body=Body(answer, len(answer)),
        )
        writer.append(begun)
        writer.append(ended)
    writer.close()


def compare(calls: int) -> dict[str, dict[str, float]]:
    """Plain calls and streams, each on its own."""
    return {"plain": measure(calls, stream=False), "streams": measure(calls, stream=True)}


def measure(calls: int, *, stream: bool) -> dict[str, float]:
    """Spans a second, by the clock and by the CPU time of this process. Raises RuntimeError where one is missing."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder))
        write_journal(settings.journal_dir, calls, stream=stream)
        size = sum(file.stat().st_size for file in settings.journal_dir.iterdir())
        with Store.open(settings.db_url) as store:
            began = time.perf_counter()
            collector = Collector(settings, store, Interpreter.from_settings(settings))
            ready = time.perf_counter() - began
            wall, used = time.perf_counter(), time.process_time()
            look_for_cycles_seldom()
            while collector.step():
                pass
            wall, used = time.perf_counter() - wall, time.process_time() - used
            found = store.overview()
        if found.tokens.output != calls * wire.OUTPUT_TOKENS or found.cost.unknown_calls:
            raise RuntimeError(f"{calls} calls went in, {found} came out")
        stored = (Path(folder) / "telemetry.db").stat().st_size
    return {
        "spans": calls,
        "spans_per_second": round(calls / wall),
        "spans_per_cpu_second": round(calls / used),
        "ready_s": round(ready, 3),
        "journal_bytes_per_span": round(size / calls),
        "store_bytes_per_span": round(stored / calls),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=10_000)
    print(json.dumps(compare(parser.parse_args().calls), indent=2))


if __name__ == "__main__":
    main()
