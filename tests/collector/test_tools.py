"""Tool spans from the wire: who asked, what came back, how long it took."""

from typing import Any, Literal

import msgspec
import pytest

from kagura.collector.tools import tool_span_id
from kagura.config import CaptureSettings
from kagura.journal import JournalWriter
from kagura.journal.records import Reported
from kagura.model import Event, Span, Status, ToolCall
from tests.collector.recorded import SECOND, Recorder, T
from tests.collector.turns import KYOTO, NARA, QUESTION, RESULTS, WEATHER, Talk, asks, brings, says

DONE = says("Done.")


def tools(recorder: Recorder) -> list[Span]:
    return [span for span in recorder.spans() if span.kind in ("tool", "memory", "retrieval")]


def seen(span: Span) -> tuple[str, str | None, str | None]:
    return span.name, span.input_preview, span.output_preview


def test_parallel_tools_have_a_span_each(recorder: Recorder) -> None:
    talk = Talk(recorder)
    first = talk.chat([QUESTION], WEATHER)
    second = talk.chat([QUESTION, WEATHER, *reversed(RESULTS)], DONE)
    kyoto, nara = sorted(tools(recorder), key=lambda span: span.input_preview or "")
    assert seen(kyoto) == ("weather", '{"city":"Kyoto"}', "21 degrees")
    assert seen(nara) == ("weather", '{"city":"Nara"}', "19 degrees")
    assert (kyoto.id, nara.id) == (tool_span_id(first.id, 0), tool_span_id(first.id, 1))
    assert (kyoto.started_at, kyoto.ended_at) == (first.ended_at, second.started_at)
    assert kyoto.inferred
    assert kyoto.execution_id == first.execution_id
    assert kyoto.status is Status.COMPLETED


def test_a_result_that_is_sent_again_is_no_second_call(recorder: Recorder) -> None:
    talk = Talk(recorder)
    talk.chat([QUESTION], WEATHER)
    talk.chat([QUESTION, WEATHER, *RESULTS], DONE)
    talk.chat([QUESTION, WEATHER, *RESULTS, DONE, QUESTION], DONE)
    assert len(tools(recorder)) == 2


def test_parallel_calls_that_come_back_one_by_one(recorder: Recorder) -> None:
    talk = Talk(recorder)
    talk.chat([QUESTION], WEATHER)
    one = asks((KYOTO, "weather", '{"city": "Kyoto"}'))
    other = asks((NARA, "weather", '{"city": "Nara"}'))
    talk.chat([QUESTION, one, RESULTS[0], other, RESULTS[1]], DONE)
    assert {span.output_preview for span in tools(recorder)} == {"21 degrees", "19 degrees"}


def test_a_failed_tool_says_so(recorder: Recorder) -> None:
    talk = Talk(recorder)
    use = {"type": "tool_use", "id": KYOTO, "name": "Bash", "input": {"command": "ls"}}
    talk.messages({"messages": [QUESTION]}, [use])
    result = {"type": "tool_result", "tool_use_id": KYOTO, "content": "no such file", "is_error": True}
    turns = [QUESTION, {"role": "assistant", "content": [use]}, {"role": "user", "content": [result]}]
    header = ("x-claude-code-prev-tool-durations", "Bash=2037")
    talk.messages({"messages": turns}, [{"type": "text", "text": "Oh."}], headers=(header,))
    (tool,) = tools(recorder)
    assert (tool.status, tool.error, tool.duration) == (Status.FAILED, "no such file", 2_037_000)


def test_durations_of_one_tools_calls_stand_in_the_order_of_the_results(recorder: Recorder) -> None:
    talk = Talk(recorder)
    uses = [{"type": "tool_use", "id": id, "name": "Bash", "input": {"n": n}} for n, id in enumerate((KYOTO, NARA))]
    talk.messages({"messages": [QUESTION]}, uses)
    back = [{"type": "tool_result", "tool_use_id": id, "content": "done"} for id in (NARA, KYOTO)]
    turns = [QUESTION, {"role": "assistant", "content": uses}, {"role": "user", "content": back}]
    header = ("x-claude-code-prev-tool-durations", "Bash=245;Bash=2037")
    talk.messages({"messages": turns}, [{"type": "text", "text": "Fine."}], headers=(header,))
    assert {(span.input_preview, span.duration) for span in tools(recorder)} == {
        ('{"n":0}', 2_037_000),
        ('{"n":1}', 245_000),
    }


def test_gemini_results_are_paired_by_name_and_order(recorder: Recorder) -> None:
    talk = Talk(recorder)
    asked = {"role": "user", "parts": [{"text": "How warm is it?"}]}
    calls = [{"functionCall": {"name": name, "args": {"n": n}}} for n, name in enumerate("abb")]
    back = [{"functionResponse": {"name": name, "response": {"r": r}}} for name, r in (("b", 1), ("a", 0), ("b", 2))]
    talk.gemini([asked], calls)
    talk.gemini([asked, {"role": "model", "parts": calls}, {"role": "user", "parts": back}], [{"text": "ok"}])
    assert {seen(span) for span in tools(recorder)} == {
        ("a", '{"n":0}', '{"r":0}'),
        ("b", '{"n":1}', '{"r":1}'),
        ("b", '{"n":2}', '{"r":2}'),
    }


def test_results_without_ids_are_paired_by_the_name_they_carry(recorder: Recorder) -> None:
    talk = Talk(recorder)
    calls = {"role": "assistant", "tool_calls": [{"function": {"name": name, "arguments": {}}} for name in "ab"]}
    back = [{"role": "tool", "tool_name": name, "content": name.upper()} for name in "ba"]
    ollama: dict[str, Any] = {"provider": "ollama", "target": "/api/chat"}
    for messages, answer in (([QUESTION], calls), ([QUESTION, calls, *back], DONE)):
        body = {"model": "qwen3", "messages": messages}
        recorder.call(body, {"model": "qwen3", "message": answer, "done": True}, at=talk.at, **ollama)
        talk.at += 10 * SECOND
    assert sorted(map(seen, tools(recorder))) == [("a", "{}", "A"), ("b", "{}", "B")]


def test_a_delta_brings_results_of_custom_tools(recorder: Recorder) -> None:
    talk = Talk(recorder)
    call = {"type": "custom_tool_call", "call_id": KYOTO, "name": "patch", "input": "*** Begin"}
    talk.responses({"input": "Go"}, [call], id="resp_1")
    output = {"type": "custom_tool_call_output", "call_id": KYOTO, "output": "applied"}
    talk.responses({"input": [output], "previous_response_id": "resp_1"}, [], id="resp_2")
    assert [seen(span) for span in tools(recorder)] == [("patch", "*** Begin", "applied")]


@pytest.mark.parametrize("level", ["preview", "none"])
def test_a_delta_brings_names_below_full_capture(recorder: Recorder, level: Literal["preview", "none"]) -> None:
    recorder.settings = msgspec.structs.replace(recorder.settings, capture=CaptureSettings(content=level))
    talk = Talk(recorder)
    call = {"type": "function_call", "call_id": KYOTO, "name": "weather", "arguments": '{"city": "Kyoto"}'}
    first = talk.responses({"input": "Go"}, [call], id="resp_1")
    output = {"type": "function_call_output", "call_id": KYOTO, "output": "21"}
    talk.responses({"input": [output], "previous_response_id": "resp_1"}, [], id="resp_2")
    assert first.tool_calls == [ToolCall(name="weather", id=KYOTO)]
    assert [seen(span) for span in tools(recorder)] == [("weather", None, "21" if level == "preview" else None)]


def test_what_is_redacted_stays_out_of_arguments(recorder: Recorder) -> None:
    recorder.settings = msgspec.structs.replace(recorder.settings, redact=["Ky.to"])
    first = Talk(recorder).chat([QUESTION], WEATHER)
    assert [call.arguments for call in first.tool_calls] == [{"city": "[redacted]"}, {"city": "Nara"}]


def test_tools_that_the_provider_ran_stand_below_its_call(recorder: Recorder) -> None:
    talk = Talk(recorder)
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"query": "Kyoto"}}
    first = talk.responses({"input": "Search"}, [search])
    use = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_fetch", "input": {"url": "a"}}
    failed = {"type": "web_fetch_tool_result", "tool_use_id": "srvtoolu_1", "content": {"type": "web_fetch_error"}}
    second = talk.messages({"messages": [QUESTION]}, [use, failed])
    assert [(span.name, span.parent_id, span.status) for span in tools(recorder)] == [
        ("web_search", first.id, Status.COMPLETED),
        ("web_fetch", second.id, Status.FAILED),
    ]


def test_memory_and_retrieval_are_known_by_name(recorder: Recorder) -> None:
    talk = Talk(recorder)
    asked = asks((KYOTO, "save_memory", "{}"), (NARA, "Vector_Search", "{}"))
    talk.chat([QUESTION], asked)
    talk.chat([QUESTION, asked, brings(KYOTO, "ok"), brings(NARA, "ok")], DONE)
    assert sorted(span.kind.value for span in tools(recorder)) == ["memory", "retrieval"]


def report(recorder: Recorder, **data: Any) -> None:
    event = Event(type="span", at=T, execution_id="mine", data={"kind": "tool", "name": "weather", **data})
    writer = JournalWriter(recorder.settings.journal_dir)
    writer.append(Reported(event=event))
    writer.close()
    recorder.store()


def test_a_tool_that_a_program_reported_is_not_shown_twice(recorder: Recorder) -> None:
    talk = Talk(recorder)
    asked = asks((KYOTO, "weather", "{}"))
    talk.chat([QUESTION], asked, execution_id="mine")
    report(recorder, id="00000000000000aa", started_at=T + 2 * SECOND, ended_at=T + 3 * SECOND)
    talk.chat([QUESTION, asked, brings(KYOTO, "21")], DONE, execution_id="mine")
    (tool,) = tools(recorder)
    assert (tool.id, tool.inferred) == ("00000000000000aa", False)


def test_a_report_that_comes_late_takes_the_place_of_what_was_inferred(recorder: Recorder) -> None:
    talk = Talk(recorder)
    asked = asks((KYOTO, "weather", "{}"))
    talk.chat([QUESTION], asked, execution_id="mine")
    talk.chat([QUESTION, asked, brings(KYOTO, "21")], DONE, execution_id="mine")
    report(recorder, started_at=T + 2 * SECOND, ended_at=T + 3 * SECOND)
    (tool,) = tools(recorder)
    assert (tool.inferred, tool.duration) == (False, SECOND)
