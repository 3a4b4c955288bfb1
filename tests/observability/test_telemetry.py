"""`@telemetry.instrument` and `telemetry.execution`, from the function to the store."""

import asyncio
import functools
import inspect
import threading
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest

from kagura.config import CaptureSettings
from kagura.dashboard.runs import all_spans
from kagura.model import SpanKind, Status
from kagura.observability import telemetry, tracker
from kagura.store import Store
from tests.observability.recording import Recording


def agent(function: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator of somebody else's, which makes a plain function of an async one."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


async def test_an_async_function_is_an_execution(recorded: Recording) -> None:
    @agent
    @telemetry.instrument()
    async def my_agent(query: str) -> str:
        """Process the query."""
        with tracker.span("data_processing"):
            await asyncio.sleep(0)
        tracker.record_metric("items_processed", 42)
        tracker.add_tag("category", "research")
        return query.upper()

    assert await my_agent("hello") == "HELLO"
    run = recorded.execution("my_agent")
    assert (run.status, run.source, run.tags) == (Status.COMPLETED, "sdk", {"category": "research"})
    assert run.ended_at is not None
    span = recorded.span("data_processing")
    assert (span.execution_id, span.agent, span.kind) == (run.id, "my_agent", SpanKind.SPAN)
    assert run.started_at <= span.started_at <= (span.ended_at or 0) <= run.ended_at
    (metric,) = recorded.metrics(run.id)
    assert (metric.name, metric.value) == ("items_processed", 42.0)


async def test_every_kind_of_function_keeps_its_kind_and_its_behaviour(recorded: Recording) -> None:
    @telemetry.instrument
    def plain(text: str) -> str:
        """Say it."""
        return text

    @telemetry.instrument("renamed")
    def numbers() -> Generator[int, int, None]:
        got = yield 1
        yield got

    @telemetry.instrument()
    async def stream() -> AsyncIterator[int]:
        yield 1
        with tracker.span("between"):
            yield 2

    @telemetry.instrument()
    @agent
    async def below() -> int:
        with tracker.span("inside below"):
            return 7

    class Agent:
        @telemetry.instrument()
        async def ask(self, question: str) -> str:
            return question

        @telemetry.instrument()
        @classmethod
        def build(cls) -> str:
            return cls.__name__

    assert plain("x") == "x"
    assert (plain.__name__, plain.__doc__) == ("plain", "Say it.")
    assert inspect.isgeneratorfunction(numbers)
    assert inspect.isasyncgenfunction(stream)
    assert inspect.iscoroutinefunction(Agent.ask)
    generator = numbers()
    assert (next(generator), generator.send(5)) == (1, 5)
    assert list(generator) == []
    assert [item async for item in stream()] == [1, 2]
    assert await below() == 7
    assert await Agent().ask("why") == "why"
    assert Agent.build() == "Agent"
    runs = recorded.executions()
    assert [(run.agent, run.status.value) for run in runs] == [
        (name, "completed") for name in ("plain", "renamed", "stream", "below", "ask", "build")
    ]
    assert recorded.span("between").execution_id == runs[2].id
    assert recorded.span("inside below").execution_id == runs[3].id


def test_a_class_stays_itself_and_what_comes_from_outside_is_an_execution(recorded: Recording) -> None:
    @telemetry.instrument
    class Researcher:
        """Finds things."""

        name = "R"

        def ask(self, question: str) -> str:
            return self.look(question) + self.sources(1)

        def look(self, question: str) -> str:
            return question

        @staticmethod
        def sources(count: int) -> str:
            return "s" * count

        @classmethod
        def named(cls) -> str:
            return cls.name

        def __call__(self) -> str:
            return self._hidden()

        def _hidden(self) -> str:
            return "h"

    @tracker.tool
    class Tools:
        def add(self, a: int, b: int) -> int:
            return a + b

    one = Researcher()
    assert isinstance(one, Researcher) and Researcher.__doc__ == "Finds things."
    assert (one.ask("q"), Researcher.named(), one(), one._hidden()) == ("qs", "R", "h", "h")
    assert Tools().add(1, 2) == 3
    runs = recorded.executions()
    assert [run.agent for run in runs] == ["Researcher"] * 3 + ["default"]
    assert runs[0].attributes["kwargs"] == {"question": "q"}
    assert recorded.span("add").kind is SpanKind.TOOL


def test_a_generator_is_in_its_own_execution_only_while_it_runs(recorded: Recording) -> None:
    @telemetry.instrument()
    def worker(name: str) -> Iterator[None]:
        with tracker.span(f"{name} works"):
            yield

    with telemetry.execution("consumer"):
        both = [worker("first"), worker("second")]
        for one in both:
            next(one)
            with tracker.span("consumer waits"):
                pass
        for one in both:
            assert list(one) == []
    consumer = recorded.execution("consumer")
    workers = [run for run in recorded.executions() if run.agent == "worker"]
    assert [run.parent_execution_id for run in workers] == [consumer.id] * 2
    assert {span.execution_id for span in recorded.spans() if span.name == "consumer waits"} == {consumer.id}
    assert [recorded.span(f"{name} works").execution_id for name in ("first", "second")] == [run.id for run in workers]


def test_a_generator_that_is_left_early_is_no_failure(recorded: Recording) -> None:
    closed = []

    @telemetry.instrument
    def endless() -> Iterator[int]:
        try:
            while True:
                yield 1
        finally:
            closed.append(telemetry.current_execution_id())

    generator = endless()
    next(generator)
    generator.close()  # type: ignore[attr-defined]
    run = recorded.execution("endless")
    assert (run.status, closed) == (Status.COMPLETED, [run.id])


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (ValueError("no such city"), Status.FAILED, "ValueError: no such city"),
        (asyncio.CancelledError(), Status.INTERRUPTED, "CancelledError: CancelledError"),
        (KeyboardInterrupt(), Status.INTERRUPTED, "KeyboardInterrupt: KeyboardInterrupt"),
        (SystemExit(0), Status.COMPLETED, None),
        (SystemExit(3), Status.FAILED, "SystemExit: 3"),
    ],
)
def test_what_is_raised_reaches_the_caller_and_the_record(
    recorded: Recording, error: BaseException, status: Status, message: str | None
) -> None:
    with pytest.raises(type(error)) as raised, telemetry.execution("failing"), tracker.span("step"):
        raise error
    assert raised.value is error
    run, span = recorded.execution("failing"), recorded.span("step")
    assert (run.status, run.error, span.status) == (status, message, status)


async def test_nested_and_parallel_agents_stay_apart(recorded: Recording) -> None:
    @telemetry.instrument
    async def inner(number: int) -> None:
        with tracker.span(f"step {number}"):
            await asyncio.sleep(0.001)

    @telemetry.instrument(session_id="session-1", user="ada")
    async def outer() -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(5):
                group.create_task(inner(number))
        with tracker.span("after"):
            pass

    await outer()
    top = recorded.execution("outer")
    children = [run for run in recorded.executions() if run.agent == "inner"]
    assert {run.parent_execution_id for run in children} == {top.id}
    assert {(run.session_id, run.user) for run in children} == {("session-1", "ada")}
    assert len({recorded.span(f"step {number}").execution_id for number in range(5)}) == 5
    assert recorded.span("after").execution_id == top.id


def test_threads_have_scopes_of_their_own_unless_told(recorded: Recording) -> None:
    seen: dict[str, str | None] = {}

    def look(name: str) -> None:
        seen[name] = telemetry.current_execution_id()

    with telemetry.execution("boss", id="boss-1"):
        bound = telemetry.propagate(look)
        for function, name in ((look, "alone"), (bound, "bound")):
            thread = threading.Thread(target=function, args=(name,))
            thread.start()
            thread.join()
    assert seen == {"alone": None, "bound": "boss-1"}
    assert recorded.execution("boss").id == "boss-1"


async def test_two_hundred_executions_of_fifty_spans_from_tasks_and_threads(recorded: Recording) -> None:
    def by_thread(number: int) -> None:
        with telemetry.execution("thread", id=f"thread-{number}"):
            for step in range(50):
                with tracker.span(f"{number}/{step}"):
                    pass

    async def by_task(number: int) -> None:
        async with telemetry.execution("task", id=f"task-{number}"):
            for step in range(50):
                async with tracker.span(f"{number}/{step}"):
                    await asyncio.sleep(0)

    with ThreadPoolExecutor(20) as pool:
        threads = [pool.submit(by_thread, number) for number in range(100)]
        await asyncio.gather(*(by_task(number) for number in range(100)))
    for thread in threads:
        thread.result()
    runs = recorded.executions()
    assert len(runs) == 200
    assert all(run.spans == 50 and run.status is Status.COMPLETED for run in runs)
    strays = [span for span in recorded.spans() if span.name.split("/")[0] != span.execution_id.split("-")[1]]
    assert strays == []


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        ("full", {"kwargs": {"question": "How warm?", "towns": ["Kyoto"]}}),
        ("preview", {"input": '{"question":"How warm?","towns":["Kyoto"]}'}),
        ("none", {}),
    ],
)
def test_what_an_agent_was_given_is_kept_as_far_as_allowed(
    recorded: Recording, monkeypatch: pytest.MonkeyPatch, content: Any, kept: dict[str, Any]
) -> None:
    monkeypatch.setenv("KAGURA_CAPTURE_CONTENT", content)
    telemetry.enable(home=recorded.settings.home)
    recorded.settings = msgspec.structs.replace(recorded.settings, capture=CaptureSettings(content=content))

    class Assistant:
        @telemetry.instrument
        def answer(self, question: str, *, towns: list[str]) -> None:
            towns.append("Nara")

    Assistant().answer("How warm?", towns=["Kyoto"])
    assert recorded.execution("answer").attributes == kept


def test_an_agent_that_another_one_started_stands_below_the_span_that_did(recorded: Recording) -> None:
    with (
        telemetry.execution("boss") as boss,
        tracker.tool("delegate") as delegate,
        telemetry.execution("helper"),
        tracker.span("work"),
    ):
        pass
    assert len(recorded.executions()) == 2
    with Store.open(recorded.settings.db_url) as store:
        trace = store.trace(boss.id or "")
    assert trace
    shown = {span.name: span for span in all_spans(trace)}
    assert shown["helper"].parent_id == delegate.id
    assert shown["work"].parent_id == shown["helper"].id


def test_under_kagura_run_the_agent_is_a_branch_of_the_run(
    recorded: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAGURA_EXECUTION_ID", "run_1")
    monkeypatch.setenv("KAGURA_AGENT", "program")
    telemetry.enable(home=recorded.settings.home)

    @telemetry.instrument(tags={"stage": "first"})
    def planner() -> None:
        with tracker.tool("search"):
            pass

    planner()
    branch, tool = recorded.spans("run_1")
    assert (branch.kind, branch.name, branch.agent, branch.tags) == (
        SpanKind.AGENT,
        "planner",
        "planner",
        {"stage": "first"},
    )
    assert (tool.parent_id, tool.agent) == (branch.id, "planner")


def test_off_nothing_is_recorded_and_the_decorated_function_works(recorded: Recording) -> None:
    @telemetry.instrument
    def quiet() -> Iterator[int]:
        with tracker.span("unseen") as span:
            span.set_attribute("a", 1)
            tracker.record_metric("number", 1)
            tracker.add_tag("a", "b")
            yield 1

    telemetry.disable()
    assert list(quiet()) == [1]
    assert not telemetry.is_enabled()
    telemetry.enable(home=recorded.settings.home)
    assert recorded.executions() == []
    assert list(quiet()) == [1]
    assert recorded.execution("quiet").status is Status.COMPLETED
