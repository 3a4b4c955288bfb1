"""Message chains: whose run a call continues, where nobody says so."""

from typing import Any

import pytest

from tests.collector.recorded import SECOND, Recorder, T
from tests.collector.turns import KYOTO, QUESTION, RESULTS, SYSTEM, WEATHER, Talk, asks, brings, linked, says

WARM = says("It is 21 degrees in Kyoto and 19 in Nara.")
PROSE = says("Both towns lie in Kansai, west of Tokyo and east of Hiroshima.")


def test_a_turn_that_repeats_request_and_answer_continues_their_run(recorder: Recorder) -> None:
    talk = Talk(recorder)
    first = talk.chat([SYSTEM, QUESTION], WEATHER)
    second = talk.chat([SYSTEM, QUESTION, WEATHER, *RESULTS], WARM)
    third = talk.chat([SYSTEM, QUESTION, WEATHER, *RESULTS, WARM, {"role": "user", "content": "And Uji?"}], says("20."))
    assert linked(first) == ("call", None, 1)
    assert linked(second) == ("chain", first.id, 2)
    assert linked(third) == ("chain", second.id, 3)
    assert first.execution_id == second.execution_id == third.execution_id
    assert third.attributes["confidence"] == 1.0


def test_a_shared_prompt_joins_nothing(recorder: Recorder) -> None:
    talk = Talk(recorder)
    spans = [talk.chat([SYSTEM, QUESTION], says(f"Answer {n}.")) for n in range(3)]
    # An example in the prompt is an assistant's message too, but none that was seen as an answer.
    examples = [{"role": "user", "content": "2+2?"}, says("4"), QUESTION]
    spans += [talk.chat([SYSTEM, *examples], says(f"Answer {n}.")) for n in range(3)]
    assert len({span.execution_id for span in spans}) == 6


def test_two_runs_that_go_the_same_way_stay_two(recorder: Recorder) -> None:
    for start in (0, 1000):
        talk = Talk(recorder, start)
        talk.chat([QUESTION], WEATHER)
        talk.chat([QUESTION, WEATHER, *RESULTS], WARM)
    first, second, third, fourth = [span for span in recorder.spans() if span.kind == "llm"]
    assert linked(second)[:2] == ("chain", first.id)
    assert linked(fourth)[:2] == ("chain", third.id)
    assert first.execution_id != third.execution_id


def test_of_two_that_ended_alike_none_is_continued(recorder: Recorder) -> None:
    talk = Talk(recorder)
    for answer in (WARM, PROSE):
        first = talk.chat([QUESTION], answer)
        second = talk.chat([QUESTION], answer)
        span = talk.chat([QUESTION, answer, QUESTION], WARM)
        assert linked(span) == ("call", None, 1)
        assert len({first.execution_id, second.execution_id, span.execution_id}) == 3


def test_within_a_run_the_latest_of_two_that_ended_alike_is_continued_with_doubt(recorder: Recorder) -> None:
    talk = Talk(recorder)
    spans = [talk.chat([QUESTION], WARM, execution_id="mine") for _ in range(2)]
    span = talk.chat([QUESTION, WARM, QUESTION], WARM, execution_id="mine")
    assert (span.attributes["follows"], span.attributes["confidence"]) == (spans[1].id, 0.5)
    other = talk.chat([QUESTION, WARM, QUESTION], WARM, execution_id="mine")
    assert other.attributes["follows"] == spans[0].id


def test_one_that_was_left_off_long_ago_is_not_continued_now(recorder: Recorder) -> None:
    talk = Talk(recorder)
    talk.chat([QUESTION], WARM)
    talk.at += 7200 * SECOND
    first = talk.chat([QUESTION], WARM)
    assert linked(talk.chat([QUESTION, WARM, QUESTION], WARM)) == ("chain", first.id, 2)


def test_an_answer_that_came_after_a_call_began_is_not_what_it_continues(recorder: Recorder) -> None:
    talk = Talk(recorder)
    first = talk.chat([QUESTION], WARM)
    talk.chat([QUESTION], WARM, after=60 * SECOND)
    assert linked(talk.chat([QUESTION, WARM, QUESTION], WARM)) == ("chain", first.id, 2)


@pytest.mark.parametrize(("made_up", "source"), [("my_1", "chain"), ("call_A1b2C3d4E5f6G7h8", "call")])
def test_ids_that_a_client_makes_up_for_gemini_go_on_elsewhere(recorder: Recorder, made_up: str, source: str) -> None:
    talk = Talk(recorder)
    asked = {"role": "user", "parts": [{"text": QUESTION["content"]}]}
    thought = "Both towns lie in Kansai, so that one look at the map of the region will do; " * 2
    talk.gemini([asked], [{"text": thought}, {"functionCall": {"name": "weather", "args": {}}}])
    call = asks((made_up, "weather", "{}"), content=thought)
    assert talk.chat([QUESTION, call, brings(made_up, "21")], WARM).execution_source == source


def test_two_that_continue_the_same_call_are_a_fork(recorder: Recorder) -> None:
    talk = Talk(recorder)
    first = talk.chat([QUESTION], PROSE)
    ways = [talk.chat([QUESTION, PROSE, {"role": "user", "content": city}], says(city)) for city in ("Uji", "Otsu")]
    assert [linked(span) for span in ways] == [("chain", first.id, 2), ("fork", first.id, 2)]
    assert {span.execution_id for span in ways} == {first.execution_id}


def test_calls_whose_prompts_begin_with_the_same_short_example_are_no_forks(recorder: Recorder) -> None:
    talk = Talk(recorder)
    talk.chat([QUESTION], WARM)
    asked = [[QUESTION, WARM, {"role": "user", "content": f"And in {city}?"}] for city in ("Uji", "Otsu", "Ise")]
    spans = [talk.chat(messages, WARM) for messages in asked]
    assert [span.execution_source for span in spans] == ["chain", "call", "call"]


@pytest.mark.parametrize("size", [2, 5])
def test_many_runs_with_one_prompt_and_one_short_answer_are_never_joined(recorder: Recorder, size: int) -> None:
    """Side by side, with a turn of each run before the next turn of any."""
    talk, ok = Talk(recorder), says("ok")
    told: list[list[Any]] = [[QUESTION] for _ in range(size)]
    runs: dict[str, set[int]] = {}
    for _ in range(3):
        for number, messages in enumerate(told):
            span = talk.chat(messages, ok)
            runs.setdefault(span.execution_id, set()).add(number)
            messages += [ok, {"role": "user", "content": f"And then, {number}?"}]
    assert all(len(numbers) == 1 for numbers in runs.values())
    assert len(runs) == 2 * size  # From its own second question on, a run is known again.


FORCED = {"tool_choice": {"type": "function", "function": {"name": "Weather"}}}


@pytest.mark.parametrize(
    ("text", "parameters", "rule"),
    [
        ('{"city":"Kyoto","degrees":21.0,"note":null}', FORCED, "structured-output"),
        ('{"degrees": 21, "city": "Kyoto"}', {"tool_choice": "required"}, "structured-output"),
        ('{"city":"Kyoto","degrees":21}', {}, "call"),
        ('{"city":"Nara","degrees":21}', FORCED, "call"),
        ("city='Kyoto' degrees=21", FORCED, "call"),
    ],
    ids=["typed model", "reordered", "tool was not forced", "other value", "no JSON"],
)
def test_structured_output_that_comes_back_as_text_is_the_answer(
    recorder: Recorder, text: str, parameters: dict[str, Any], rule: str
) -> None:
    """instructor, mirascope, langchain's with_structured_output: the tool's arguments are the answer."""
    talk = Talk(recorder)
    answer = asks((KYOTO, "Weather", '{"city": "Kyoto", "degrees": 21}'))
    first = talk.chat([QUESTION], answer, parameters=parameters)
    second = talk.chat([QUESTION, says(text), QUESTION], answer, parameters=parameters)
    assert second.execution_source == rule
    assert (second.execution_id == first.execution_id) is (rule != "call")
    if rule != "call":
        third = talk.chat([QUESTION, says(text), QUESTION, says(text), QUESTION], says("Warm."), parameters=parameters)
        assert linked(third) == (rule, second.id, 3)


def test_structured_output_of_two_runs_is_not_mixed(recorder: Recorder) -> None:
    talk = Talk(recorder)
    answer = asks((KYOTO, "Weather", '{"city": "Kyoto"}'))
    back = [QUESTION, says('{"city":"Kyoto"}'), QUESTION]
    talk.chat([QUESTION], answer, parameters=FORCED)
    assert talk.chat(back, answer, parameters=FORCED, agent="other").execution_source == "call"
    talk.chat([QUESTION], answer, parameters=FORCED)
    assert talk.chat(back, answer, parameters=FORCED).execution_source == "call"


@pytest.mark.parametrize(
    "again",
    [
        asks((KYOTO, "weather", '{ "city":"Kyoto" }')),
        asks((KYOTO, "weather", '{"unit": null, "city": "Kyoto"}'), content=""),
        {**asks((KYOTO, "weather", '{"city":"Kyoto"}')), "refusal": None, "content": [{"type": "text", "text": ""}]},
    ],
)
def test_clients_write_the_same_answer_differently(recorder: Recorder, again: Any) -> None:
    talk = Talk(recorder)
    first = talk.chat([QUESTION], asks((KYOTO, "weather", '{"city": "Kyoto"}')))
    moved = {"role": "user", "content": [{"type": "text", "text": QUESTION["content"], "cache_control": {"type": "e"}}]}
    second = talk.chat([moved, again, brings(KYOTO, "21")], WARM)
    assert linked(second) == ("chain", first.id, 2)
    assert second.attributes["confidence"] == 1.0


def test_a_run_goes_on_in_other_dialects(recorder: Recorder) -> None:
    talk = Talk(recorder)
    first = talk.chat([SYSTEM, QUESTION], asks((KYOTO, "weather", '{"city": "Kyoto"}')))
    use = {"type": "tool_use", "id": KYOTO, "name": "weather", "input": {"city": "Kyoto"}}
    result = {"type": "tool_result", "tool_use_id": KYOTO, "content": [{"type": "text", "text": "21"}]}
    turns = [QUESTION, {"role": "assistant", "content": [use]}, {"role": "user", "content": [result]}]
    second = talk.messages({"system": SYSTEM["content"], "messages": turns}, [{"type": "text", "text": "21 degrees."}])
    items = [
        {"role": "user", "content": [{"type": "input_text", "text": QUESTION["content"]}]},
        {"type": "reasoning", "id": "rs_1", "summary": []},
        {"type": "function_call", "call_id": KYOTO, "name": "weather", "arguments": '{"city":"Kyoto"}'},
        {"type": "function_call_output", "call_id": KYOTO, "output": "21"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "21 degrees."}]},
        {"role": "user", "content": "Thanks."},
    ]
    third = talk.responses({"input": items}, [{"type": "message", "role": "assistant", "content": []}])
    assert (linked(second), linked(third)) == (("chain", first.id, 2), ("chain", second.id, 3))


def test_gemini_contents_chain_without_ids_and_thoughts(recorder: Recorder) -> None:
    talk = Talk(recorder)
    asked = {"role": "user", "parts": [{"text": "How warm is it?"}]}
    call = {"functionCall": {"name": "weather", "args": {"city": "Kyoto"}}, "thoughtSignature": "abc"}
    first = talk.gemini([asked], [{"text": "Let me see.", "thought": True}, call])
    back = {"functionResponse": {"name": "weather", "response": {"result": "21"}}}
    turns = [asked, {"role": "model", "parts": [call]}, {"role": "user", "parts": [back]}]
    assert linked(talk.gemini(turns, [{"text": "21."}])) == ("chain", first.id, 2)


def test_a_response_id_is_enough(recorder: Recorder) -> None:
    talk = Talk(recorder)
    first = talk.responses({"input": "Hello"}, [{"type": "message", "role": "assistant", "content": []}], id="resp_1")
    second = talk.responses({"input": "More", "previous_response_id": "resp_1"}, [], id="resp_2")
    assert linked(second) == ("response-id", first.id, 2)
    third = talk.messages({"messages": [QUESTION], "thread": {"continue": True}}, [{"type": "text", "text": "Yes."}])
    thread = {"continue": True, "previous_message_id": third.response_id}
    assert linked(talk.messages({"messages": [QUESTION], "thread": thread}, [])) == ("response-id", third.id, 2)


def test_a_conversation_is_a_run(recorder: Recorder) -> None:
    talk = Talk(recorder)
    spans = [talk.responses({"input": "Hello", "conversation": {"id": "conv_1"}}, [{"type": "message"}]) for _ in "ab"]
    assert linked(spans[1]) == ("conversation", spans[0].id, 2)


def test_an_edited_history_is_known_by_its_last_answer(recorder: Recorder) -> None:
    talk = Talk(recorder)
    first = talk.chat([SYSTEM, QUESTION], WEATHER)
    shorter = {"role": "user", "content": "[cut]"}
    second = talk.chat([SYSTEM, shorter, WEATHER, *RESULTS], WARM)
    assert (linked(second), second.attributes["confidence"]) == (("edited", first.id, 2), 0.6)


def test_ids_that_a_counter_made_do_not_join_edited_histories(recorder: Recorder) -> None:
    talk = Talk(recorder)
    counted = asks(("call_1", "weather", "{}"))
    talk.chat([QUESTION], counted)
    other = talk.chat([{"role": "user", "content": "Another task"}, counted, brings("call_1", "x")], WARM)
    assert other.execution_source == "call"


def test_a_history_that_was_summarised_goes_on(recorder: Recorder) -> None:
    talk = Talk(recorder)
    first = talk.chat([SYSTEM, QUESTION], WARM)
    order = {"role": "user", "content": "Create a detailed summary of the conversation so far."}
    summary = "The user wanted to know how warm it is in Kyoto and in Nara; the answer was 21 and 19 degrees."
    second = talk.chat([SYSTEM, QUESTION, WARM, order], says(summary))
    begin = {"role": "user", "content": f"This session continues an earlier one.\n{summary}\nGo on."}
    third = talk.chat([SYSTEM, begin], says("Where were we?"))
    assert second.attributes["side"] == "compaction"
    assert (linked(second)[:2], linked(third)[:2]) == (("chain", first.id), ("compaction", second.id))
    assert third.execution_id == first.execution_id


def test_a_named_run_keeps_its_name_and_takes_in_what_continues_it(recorder: Recorder) -> None:
    talk = Talk(recorder)
    first = talk.chat([QUESTION], WARM, execution_id="mine")
    turn = [QUESTION, WARM, {"role": "user", "content": "And Uji?"}]
    other = talk.chat(turn, says("20."), execution_id="theirs")
    assert (other.execution_id, linked(other)) == ("theirs", ("header", None, 1))
    assert talk.chat(turn, says("20.")).execution_id == first.execution_id == "mine"


def test_another_users_call_is_not_joined(recorder: Recorder) -> None:
    talk = Talk(recorder)
    talk.chat([QUESTION], WARM, parameters={"user": "ann"})
    other = talk.chat([QUESTION, WARM, QUESTION], WARM, parameters={"user": "bob"})
    assert other.execution_source == "call"


def test_a_retry_is_no_fork(recorder: Recorder) -> None:
    talk = Talk(recorder)
    first = talk.chat([QUESTION], WARM)
    turn = {"model": "gpt-4o", "messages": [QUESTION, WARM, QUESTION]}
    failed = recorder.call(turn, {"error": {"message": "later"}}, at=T + 20 * SECOND, status=429)
    again = recorder.call(turn, {"choices": [{"message": says("ok")}]}, at=T + 25 * SECOND)
    assert {span.execution_id for span in (first, failed, again)} == {first.execution_id}
    assert (linked(again), again.attempt) == (("chain", first.id, 2), 2)


def test_messages_that_make_no_sense_are_recorded_all_the_same(recorder: Recorder) -> None:
    deep: Any = "x"
    for _ in range(300):
        deep = {"content": [deep]}
    odd = [7, None, [[]], {"type": []}, {"type": "a_output", "output": 1, "status": []}, {"parts": 3}, deep]
    use = [{"type": "server_tool_use", "id": []}, {"type": "x_tool_result", "tool_use_id": {}}, {"type": []}]
    talk = Talk(recorder)
    first = talk.chat([{"role": "user", "content": item} for item in odd] + odd, {"tool_calls": [1, {"function": []}]})
    second = talk.messages({"messages": odd}, use)
    assert {span.id for span in recorder.spans()} >= {first.id, second.id}
