"""One process writes, others read; some die."""

import subprocess
import sys
import threading
import time
from pathlib import Path

from kagura.store import Batch, Store
from tests.store.things import T, llm

ROOT = Path(__file__).parents[2]

WRITER = """
import sys
from kagura.store import Batch, Store
from tests.store.things import llm, T
store = Store.open(sys.argv[1])
position = store.positions().get("a.kj", 0)
while position < int(sys.argv[2]):
    spans = [llm(position * 10 + n, T + position, execution_id=f"run-{n % 3}") for n in range(10)]
    position += 1
    store.write(Batch(spans=spans, positions={"a.kj": position}))
    print(position, flush=True)
"""


def writer(url: str, batches: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, url, str(batches)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )


def test_a_reader_sees_whole_batches_while_another_process_writes(lasting_url: str) -> None:
    Store.open(lasting_url).close()
    with writer(lasting_url, 30) as process, Store.open(lasting_url, read_only=True) as reader:
        seen = 0
        while process.poll() is None or seen < 300:
            calls = reader.overview().llm_calls
            assert calls % 10 == 0 and calls >= seen
            seen = calls
            time.sleep(0.01)
        assert sum(execution.llm_calls for execution in reader.executions()) == 300


def test_a_killed_writer_loses_no_batch_and_doubles_none(lasting_url: str) -> None:
    done = 0
    for _ in range(2):
        with writer(lasting_url, 10_000) as process:
            assert process.stdout is not None
            for _ in range(7):
                done = int(process.stdout.readline())
            process.kill()
        with Store.open(lasting_url, read_only=True) as reader:
            position = reader.positions()["a.kj"]
            assert position >= done
            assert reader.overview().llm_calls == position * 10 == len(list(reader.export_spans()))


def test_two_writers_of_one_run_count_every_call_once(url: str) -> None:
    with Store.open(url) as store:
        failures: list[BaseException] = []

        def write(first: int) -> None:
            try:
                for number in range(first, first + 40, 2):
                    store.write(Batch(spans=[llm(number, T + number), llm(1000 + number // 4, T)]))
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=write, args=(first,)) for first in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        (execution,) = store.executions()
        assert execution.llm_calls == store.overview().llm_calls == len(list(store.export_spans())) == 50


def test_questions_asked_together_see_one_state(lasting_url: str) -> None:
    with Store.open(lasting_url) as store, Store.open(lasting_url) as other:
        other.write(Batch(spans=[llm(1)]))
        with store.one_state():
            before = store.executions()
            other.write(Batch(spans=[llm(2, execution_id="run-2")]))
            assert store.executions() == before
        assert len(store.executions()) == 2
