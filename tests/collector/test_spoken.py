"""Tools that a client tells of in words, where it was asked for them otherwise."""

from typing import Any

import pytest

from kagura.collector.atoms import Asked, Brought, Said
from kagura.collector.spoken import may_tell, spoken
from kagura.model import Status
from tests.collector.recorded import Recorder
from tests.collector.test_tools import seen, tools
from tests.collector.turns import KYOTO, NARA, QUESTION, WEATHER, Talk, linked, says


def calls(*asked: tuple[str, str, Any]) -> str:
    """What smolagents makes of calls."""
    listed = [
        {"id": id, "type": "function", "function": {"name": name, "arguments": given}} for id, name, given in asked
    ]
    return f"Calling tools:\n{listed}"


def block(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "content": [{"type": "text", "text": text}]}


TOLD = block("assistant", calls((KYOTO, "weather", {"city": "Kyoto"}), (NARA, "weather", {"city": "Nara"})))


def test_calls_that_come_back_as_words_chain_and_have_spans(recorder: Recorder) -> None:
    talk = Talk(recorder)
    first = talk.chat([QUESTION], WEATHER)
    second = talk.chat([QUESTION, TOLD, block("user", "Observation:\n21 degrees\n19 degrees")], says("Warm."))
    assert linked(second) == ("chain", first.id, 2)
    assert sorted(map(seen, tools(recorder))) == [
        ("weather", '{"city":"Kyoto"}', "21 degrees"),
        ("weather", '{"city":"Nara"}', "19 degrees"),
    ]


def test_an_error_in_words_is_a_failed_tool(recorder: Recorder) -> None:
    talk = Talk(recorder)
    talk.chat([QUESTION], WEATHER)
    error = block("user", f"Call id: {KYOTO}\nError:\nno such town\nNow let's retry")
    talk.chat([QUESTION, TOLD, error], says("Oh."))
    assert [tool.status for tool in tools(recorder)] == [Status.FAILED, Status.FAILED]


def test_code_that_the_client_ran_is_a_tool_of_the_client(recorder: Recorder) -> None:
    talk = Talk(recorder)
    written = "I will count.\n<code>\nprint(6 * 7)"
    first = talk.chat([QUESTION], says(written))
    told = block("assistant", f"{written}\n</code>\n{calls(('call_1', 'python_interpreter', 'print(6 * 7)'))}")
    second = talk.chat([QUESTION, told, block("user", "Observation:\nExecution logs:\n42")], says("42"))
    assert linked(second) == ("chain", first.id, 2)
    assert [seen(span) for span in tools(recorder)] == [("python_interpreter", "print(6 * 7)", "Execution logs: 42")]


REASONED = "Thought: I must look.\nAction: weather\nAction Input: {}"


@pytest.mark.parametrize(
    "turns",
    [
        [says(f"{REASONED.format('{')}{'}'}\nObservation: 21 degrees")],
        [says(REASONED.format("{'city': 'Kyoto'}")), {"role": "user", "content": "Observation: 21 degrees"}],
    ],
)
def test_an_agent_that_reasons_in_text_has_turns_and_tools(recorder: Recorder, turns: list[Any]) -> None:
    talk = Talk(recorder)
    imagined = REASONED.format('{"city": "Kyoto"}') + "\nObservation: 35 degrees"
    first = talk.chat([QUESTION], says(imagined))
    second = talk.chat([QUESTION, *turns], says(imagined))
    assert linked(second) == ("chain", first.id, 2)
    (tool,) = tools(recorder)
    assert (tool.name, tool.output_preview) == ("weather", "21 degrees")
    third = talk.chat([QUESTION, *turns, *turns], says("Final Answer: warm"))
    assert linked(third) == ("chain", second.id, 3)
    assert len(tools(recorder)) == 2


def test_thoughts_and_spaces_of_an_answer_are_not_compared(recorder: Recorder) -> None:
    talk = Talk(recorder)
    first = talk.chat([QUESTION], says('<think>\nHm.\n</think>\n\n{"towns": ["Kyoto", "Nara"]}'))
    blocks = [{"type": "text", "text": '{"towns":'}, {"type": "text", "text": '["Kyoto","Nara"]}'}]
    second = talk.chat([QUESTION, {"role": "assistant", "content": blocks}, QUESTION], says("Yes."))
    assert linked(second) == ("chain", first.id, 2)


@pytest.mark.parametrize("text", ["Calling tools:\n[", "Calling tools:\n[1]", "Calling tools:\n[" + "(" * 5000, "x"])
def test_words_that_are_no_calls_stay_words(text: str) -> None:
    said = Said("assistant", text)
    assert list(spoken(said, [])) == [said]


def test_an_observation_is_a_result_only_behind_a_call() -> None:
    said = Said("user", "Observation: it rains")
    assert not may_tell(said, [Said("assistant", "Hm.")])
    asked = Asked("a", "weather", {})
    assert list(spoken(said, [asked])) == [Brought("a", "weather", "it rains", failed=False)]
