"""Answers to a live view: anew only where something changed, and at a fixed share of a core."""

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from kagura.store import Batch, SpanContents, Store
from kagura.store.live import FIRST_PAUSE, PART_BYTES, TOTAL_BYTES, Changes, LiveView, Paced
from kagura.store.questions import (
    AgentView,
    Board,
    Gone,
    Look,
    OpenAgent,
    Opened,
    OpenRun,
    Particulars,
    ReadSpan,
    RunsQuery,
    Same,
)
from tests.store.things import DAY, MINUTE, T, declared, llm, running

LOOK = Look(query=RunsQuery(), today=T - T % DAY, week=T - 7 * DAY, pulse_since=T, pulse_width=MINUTE)


@pytest.fixture
def stores(lasting_url: str) -> Iterator[tuple[Store, LiveView]]:
    """A store to write to, and a view of it that reads."""
    with Store.open(lasting_url) as store:
        store.write(Batch(spans=[llm(1), running(2, execution_id="run-2")], positions={"one": 1}))
        view = LiveView(Store.open(lasting_url, read_only=True))
        yield store, view
        view.close()


def look(view: LiveView, seen: str = "", query: RunsQuery = LOOK.query) -> Board:
    answer = view.answer(msgspec.structs.replace(LOOK, query=query, seen=seen))
    assert isinstance(answer, Board), answer
    return answer


def test_the_first_screen(stores: tuple[Store, LiveView]) -> None:
    board = look(stores[1])
    assert [run.id for run in board.runs] == ["run-1", "run-2"]
    assert (board.total.llm_calls, board.today.calls, board.first) == (2, 2, T)
    assert [flight.execution_id for flight in board.flights] == ["run-2"]
    assert [pulse.calls for pulse in board.pulses] == [2]


def test_nothing_new_is_said_in_a_word(stores: tuple[Store, LiveView]) -> None:
    store, view = stores
    seen = look(view).mark
    assert isinstance(view.answer(msgspec.structs.replace(LOOK, seen=seen)), Same)
    store.write(Batch(spans=[llm(3, T + MINUTE, execution_id="run-3")], positions={"one": 2}))
    assert isinstance(view.answer(msgspec.structs.replace(LOOK, seen=seen)), Board)


def test_another_question_is_answered_whatever_was_seen(stores: tuple[Store, LiveView]) -> None:
    seen = look(stores[1]).mark
    assert [run.id for run in look(stores[1], seen, RunsQuery(text="run-2")).runs] == ["run-2"]


def test_a_run_that_was_opened(stores: tuple[Store, LiveView]) -> None:
    store, view = stores
    opened = view.answer(OpenRun(id="run-1"))
    assert isinstance(opened, Opened)
    assert isinstance(view.answer(OpenRun(id="run-1", seen=opened.mark)), Same)
    store.write(Batch(executions=[declared(id="child", parent_execution_id="run-1")], positions={"one": 2}))
    end = time.monotonic() + 30
    while not (
        isinstance(again := view.answer(OpenRun(id="run-1", seen=opened.mark)), Opened) and again.trace.children
    ):
        assert time.monotonic() < end
        time.sleep(0.02)
    assert [child.execution.id for child in again.trace.children] == ["child"]
    assert isinstance(view.answer(OpenRun(id="nobody")), Gone)


def test_an_agent(stores: tuple[Store, LiveView]) -> None:
    found = stores[1].answer(OpenAgent(name="my_agent", today=LOOK.today))
    assert isinstance(found, AgentView)
    assert found.summary.llm_calls == 2
    assert found.latest is not None
    assert isinstance(stores[1].answer(OpenAgent(name="my_agent", today=LOOK.today, seen=found.mark)), Same)
    assert isinstance(stores[1].answer(OpenAgent(name="nobody", today=LOOK.today)), Gone)


def test_contents_are_read_as_far_as_one_can_look(stores: tuple[Store, LiveView]) -> None:
    store, view = stores
    inputs = [bytes([48 + number % 10]) * (PART_BYTES + number) for number in range(10)]
    contents = SpanContents(inputs=inputs, outputs=[b"answer"], parameters=b"{}", raw_response=b"raw")
    store.write(Batch(spans=[llm(1)], contents=[(llm(1).id, contents)]))
    found = view.answer(ReadSpan(id=llm(1).id))
    assert isinstance(found, Particulars)
    assert [kept.data for kept in found.outputs] == [b"answer"]
    assert found.inputs[-1].size == PART_BYTES + 9
    assert found.inputs[-1].data == inputs[-1][:PART_BYTES]
    assert found.left_out + len(found.inputs) == 10
    assert sum(len(kept.data) for kept in found.inputs) <= TOTAL_BYTES


def test_changes_are_seen_of_other_connections_only_when_there_are_any(lasting_url: str) -> None:
    with Store.open(lasting_url) as store, Store.open(lasting_url, read_only=True) as reader:
        changes = Changes(reader)
        before = changes.mark()
        assert changes.mark() == before
        store.write(Batch(spans=[llm(1)], positions={"one": 1}))
        assert changes.mark() != before
        changes.close()


class Hand:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_dear_value_is_computed_seldom_and_a_cheap_one_at_each_change() -> None:
    hand, computed = Hand(), list[int]()

    def work() -> int:
        computed.append(1)
        return sum(range(300_000))

    dear = Paced(share=0.001, monotonic=hand)
    dear.get("key", "1", work)
    dear.get("key", "2", work)
    assert len(computed) == 1
    assert dear.is_late("2")
    hand.now += 3600
    dear.get("key", "2", work)
    assert len(computed) == 2
    assert not dear.is_late("2")
    dear.get("another key", "2", work)
    assert len(computed) == 3


def test_what_was_dear_for_the_first_time_is_computed_again_soon() -> None:
    hand, computed = Hand(), list[int]()

    def work() -> int:
        computed.append(1)
        return sum(range(300_000))

    paced = Paced(share=0.001, monotonic=hand)
    for mark, seconds in (("1", FIRST_PAUSE), ("2", FIRST_PAUSE), ("3", 0.0)):
        paced.get("key", mark, work)
        hand.now += seconds
    assert len(computed) == 2


def test_a_transaction_is_noticed_though_the_connection_that_counts_them_does_not(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    with Store.open(url) as store, Store.open(url, read_only=True) as reader:
        changes = Changes(reader)
        changes.close()
        changes._watcher = sqlite3.connect(":memory:")
        before = changes.mark()
        assert changes.mark() == before
        time.sleep(0.02)  # the clock of files ticks every few milliseconds
        store.write(Batch(spans=[llm(1)]))
        assert changes.mark() != before
        changes.close()
