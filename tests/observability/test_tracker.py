"""`tracker`: tools, memory and retrieval as blocks and decorators, numbers, tags, and what happens to odd values."""

import logging
import time
from pathlib import Path
from typing import Any

import pytest

from kagura.errors import ConfigError
from kagura.model import SpanKind, Status
from kagura.observability import telemetry, tracker
from kagura.observability.recorder import recorder
from kagura.observability.values import MAX_TEXT, plain
from tests.observability.programs import run
from tests.observability.recording import Recording


async def test_tools_memory_and_retrieval_as_decorators(recorded: Recording) -> None:
    @tracker.tool
    async def search(query: str, limit: int = 10) -> list[str]:
        return [query] * 2

    @tracker.tool("shout")
    def say(text: str) -> str:
        return text.upper()

    @tracker.memory("search")
    def lookup(query: str) -> list[str]:
        return ["one", "two", "three"]

    @tracker.retrieval()
    async def documents(query: str) -> tuple[str, ...]:
        return ("a", "b")

    with telemetry.execution("agent"):
        await search("kyoto", limit=2)
        say("hello")
        lookup("earlier")
        await documents("later")
    tool, shout, memory, found = recorded.spans()
    assert (tool.name, tool.kind, tool.input_preview, tool.output_preview) == (
        "search",
        SpanKind.TOOL,
        '{"query":"kyoto","limit":2}',
        '["kyoto","kyoto"]',
    )
    assert (shout.name, shout.output_preview) == ("shout", "HELLO")
    assert (memory.name, memory.kind) == ("search", SpanKind.MEMORY)
    assert memory.attributes == {"gen_ai.operation.name": "search_memory", "gen_ai.memory.record.count": 3}
    assert (found.name, found.kind, found.attributes["gen_ai.memory.record.count"]) == (
        "documents",
        SpanKind.RETRIEVAL,
        2,
    )


async def test_blocks_nest_and_keep_what_is_set_on_them(recorded: Recording) -> None:
    with telemetry.execution("agent"):
        async with tracker.span("outer", stage=1) as outer:
            outer.add_tag("level", "top")
            with tracker.tool("search", arguments={"q": 1}, call_id="call_1") as tool:
                tool.output = {"hits": 3}
            with tracker.memory("create", store_id="notes") as memory:
                memory.record_count = 4
    spans = {span.name: span for span in recorded.spans()}
    assert (spans["outer"].attributes, spans["outer"].tags) == ({"stage": 1}, {"level": "top"})
    assert {spans["search"].parent_id, spans["create"].parent_id} == {spans["outer"].id}
    assert spans["search"].attributes["gen_ai.tool.call.id"] == "call_1"
    assert spans["search"].output_preview == '{"hits":3}'
    assert spans["create"].attributes["gen_ai.memory.record.count"] == 4


def test_arguments_are_kept_as_they_were_given(recorded: Recording) -> None:
    @tracker.tool
    def consume(items: list[int]) -> None:
        items.clear()

    with telemetry.execution("agent"):
        consume([1, 2])
        with tracker.tool("late") as late:
            late.input = {"found": "later"}
    assert recorded.span("consume").input_preview == '{"items":[1,2]}'
    assert recorded.span("late").input_preview == '{"found":"later"}'


def test_an_error_in_a_tool_is_recorded_and_raised(recorded: Recording) -> None:
    @tracker.tool
    def broken() -> None:
        raise LookupError("no such page")

    with telemetry.execution("agent"), pytest.raises(LookupError):
        broken()
    span = recorded.span("broken")
    assert (span.status, span.error, span.error_type) == (Status.FAILED, "no such page", "LookupError")
    assert recorded.execution("agent").status is Status.COMPLETED


def test_a_span_of_no_execution_is_one_of_its_own_with_all_below_it(recorded: Recording) -> None:
    with tracker.span("alone"), tracker.span("below"):
        tracker.add_tag("kind", "script")
    (run,) = recorded.executions()
    alone, below = recorded.spans()
    assert (below.parent_id, below.execution_id, alone.execution_id) == (alone.id, run.id, run.id)
    assert run.tags == {"kind": "script"}


def test_numbers_of_one_name_are_all_kept(recorded: Recording) -> None:
    tracker.record_metric("lost", 1)
    with telemetry.execution("agent", id="run"):
        for value in range(100):
            tracker.record_metric("score", value)
        tracker.record_metric("odd", "no number")  # type: ignore[arg-type]
    assert [metric.value for metric in recorded.metrics("run")] == list(range(100))


def test_a_long_span_shows_while_it_runs(recorded: Recording) -> None:
    with telemetry.execution("agent"), tracker.tool("slow", arguments={"n": 1}), tracker.span("quick"):
        deadline = time.monotonic() + 30
        while len(recorded.spans()) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        slow, quick = recorded.spans()
        assert (slow.status, slow.input_preview, quick.parent_id) == (Status.RUNNING, '{"n":1}', slow.id)
    assert [span.status for span in recorded.spans()] == [Status.COMPLETED] * 2


@pytest.mark.parametrize(("content", "kept"), [("preview", b"secret"), ("none", None)])
def test_what_must_not_be_kept_does_not_reach_the_journal(
    recorded: Recording, monkeypatch: pytest.MonkeyPatch, content: str, kept: bytes | None
) -> None:
    monkeypatch.setenv("KAGURA_CAPTURE_CONTENT", content)
    telemetry.enable(home=recorded.settings.home)
    with tracker.tool("read", arguments={"key": "secret"}) as tool:
        tool.output = "secret"
    written = b"".join(path.read_bytes() for path in recorded.settings.journal_dir.iterdir())
    assert (b"secret" in written) is (kept is not None)
    assert b"read" in written


class Nasty:
    def __repr__(self) -> str:
        raise RuntimeError("no")

    def __str__(self) -> str:
        raise RuntimeError("no")


def cyclic() -> list[Any]:
    found: list[Any] = [1]
    found.append(found)
    return found


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": (1, 2.5, None, True)}, {"a": [1, 2.5, None, True]}),
        (b"\x00\x01", "<2 bytes>"),
        ("x" * 30_000, "x" * MAX_TEXT + "…"),
        (1 << 70, str(1 << 70)),
        (Nasty(), "<Nasty: RuntimeError>"),
        ({1: {"b"}}, {"1": ["b"]}),
    ],
)
def test_any_value_becomes_small_json(value: Any, expected: Any) -> None:
    assert plain(value) == expected


def test_odd_values_never_reach_the_program(recorded: Recording) -> None:
    with telemetry.execution("agent"), tracker.tool("odd", arguments=cyclic(), thing=Nasty()) as tool:
        tool.add_tag("a\x00b", "\ud800")
        tool.output = {Nasty(): 1}
        tracker.add_tag("nasty", Nasty())
    with telemetry.execution("agent", tags={"nasty": Nasty()}):
        pass
    assert any(run.agent == "agent" for run in recorded.executions())


def test_a_home_that_cannot_be_written_is_said_once_and_harms_nothing(
    tmp_path: Path, recorded: Recording, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("no folder")
    telemetry.enable(home=tmp_path / "file")
    with caplog.at_level(logging.WARNING), telemetry.execution("agent"):
        for _ in range(3):
            with tracker.span("step"):
                pass
    assert len([record for record in caplog.records if record.name == "kagura.observability"]) == 1


def test_a_configuration_that_cannot_be_read_harms_nothing(recorded: Recording) -> None:
    home = recorded.settings.home
    home.mkdir()
    (home / "config.yaml").write_text("colour: red\n")
    telemetry.enable(home=home)
    with tracker.span("step"):
        pass
    with pytest.raises(ConfigError):
        recorder.settings()


def test_what_ran_when_its_process_died_is_interrupted(recorded: Recording) -> None:
    ended = run(
        recorded.settings.home,
        """
        import os, signal, time
        from kagura.observability import telemetry, tracker
        with telemetry.execution("victim"):
            with tracker.span("done"):
                pass
            with tracker.tool("endless"):
                time.sleep(0.4)
                os.kill(os.getpid(), signal.SIGKILL)
        """,
    )
    assert ended.returncode == -9
    assert recorded.execution("victim").status is Status.INTERRUPTED
    assert recorded.span("done").status is Status.COMPLETED
    assert recorded.span("endless").status is Status.INTERRUPTED


def test_a_forked_child_records_into_a_file_of_its_own(recorded: Recording) -> None:
    ended = run(
        recorded.settings.home,
        """
        import os
        from kagura.observability import telemetry, tracker
        with telemetry.execution("family"):
            with tracker.span("parent"):
                pass
            child = os.fork()
            with tracker.span("child" if child == 0 else "parent again"):
                pass
            if child == 0:
                os._exit(0)
            os.waitpid(child, 0)
        """,
    )
    assert ended.returncode == 0, ended.stderr
    names = [span.name for span in recorded.spans(recorded.execution("family").id)]
    assert sorted(names) == ["child", "parent", "parent again"]
