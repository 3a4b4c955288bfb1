"""What keeps runs apart that end alike: signatures, and what their callers look like."""

from typing import Any

import pytest

from kagura.model import Span
from tests.collector.recorded import SECOND as A_SECOND
from tests.collector.recorded import Recorder, sse
from tests.collector.turns import QUESTION, Talk, asks, brings, linked, says

ASKED = {"role": "user", "parts": [{"text": "How warm is it?"}]}
BACK = {"role": "user", "parts": [{"functionResponse": {"name": "weather", "response": {"result": "21"}}}]}
HELLO, MORE = says("Hello!"), {"role": "user", "content": "How warm is it?"}
FIRST, SECOND = "Ci+/" + "a" * 90 + "==", "Ci+/" + "b" * 90 + "=="


def call(signature: str) -> dict[str, Any]:
    return {"functionCall": {"name": "weather", "args": {"city": "Kyoto"}}, "thoughtSignature": signature}


def goes_on(talk: Talk, signature: str, **fields: Any) -> Span:
    return talk.gemini([ASKED, {"role": "model", "parts": [call(signature)]}, BACK], [{"text": "21."}], **fields)


def test_a_signature_says_which_of_two_equal_answers_is_continued(recorder: Recorder) -> None:
    talk = Talk(recorder)
    first, second = (talk.gemini([ASKED], [call(signature)]) for signature in (FIRST, SECOND))
    # SDKs send the bytes back in the other alphabet of base64.
    span = goes_on(talk, FIRST.replace("+", "-").replace("/", "_").rstrip("="))
    assert (linked(span)[:2], span.attributes["confidence"]) == (("chain", first.id), 1.0)
    assert linked(goes_on(talk, SECOND))[:2] == ("chain", second.id)


def test_an_answer_that_is_signed_otherwise_is_another_one(recorder: Recorder) -> None:
    talk = Talk(recorder)
    first = talk.gemini([ASKED], [call(FIRST)])
    assert goes_on(talk, SECOND).execution_source == "call"
    assert linked(goes_on(talk, "skip_thought_signature_validator"))[:2] == ("chain", first.id)


def test_thoughts_of_other_dialects_are_signed_too(recorder: Recorder) -> None:
    talk = Talk(recorder)
    said = {"type": "text", "text": "Hello!"}
    for signature in (FIRST, SECOND):
        talk.messages({"messages": [QUESTION]}, [{"type": "thinking", "thinking": "", "signature": signature}, said])
    back = {"role": "assistant", "content": [{"type": "thinking", "thinking": "", "signature": FIRST}, said]}
    span = talk.messages({"messages": [QUESTION, back, MORE]}, [said])
    first = recorder.spans()[0]
    assert (linked(span)[:2], span.attributes["confidence"]) == (("chain", first.id), 1.0)


@pytest.mark.parametrize("other", [{"headers": (("user-agent", "aider/1"),)}, {"agent": "other"}])
def test_a_short_answer_is_continued_by_a_caller_that_looks_the_same(recorder: Recorder, other: Any) -> None:
    talk = Talk(recorder)
    first = talk.chat([QUESTION], HELLO)
    assert talk.chat([QUESTION, HELLO, MORE], HELLO, **other).execution_source == "call"
    span = talk.chat([QUESTION, HELLO, MORE], HELLO)
    assert (linked(span)[:2], span.attributes["confidence"]) == (("chain", first.id), 0.9)


@pytest.mark.parametrize(
    ("answer", "other", "rule"),
    [
        (says("Both towns lie in Kansai, west of Tokyo and east of Hiroshima."), {"agent": "other"}, "chain"),
        (says("Warm."), {"agent": "other"}, "call"),
        (says("Warm."), {"provider": "groq", "parameters": {"model": "llama-3.3-70b"}}, "chain"),
        (says('{"towns": ["Kyoto", "Nara"]}' * 5), {"parameters": {"model": "gpt-5"}}, "call"),
        (says('{"towns": ["Kyoto", "Nara"]}' * 5), {}, "chain"),
    ],
)
def test_the_less_was_said_the_more_the_caller_must_look_the_same(
    recorder: Recorder, answer: Any, other: Any, rule: str
) -> None:
    talk = Talk(recorder)
    talk.chat([QUESTION], answer)
    assert talk.chat([QUESTION, answer, MORE], HELLO, **other).execution_source == rule


def streamed(talk: Talk, messages: list[Any]) -> Span:
    chunk = {"id": "c", "model": "gpt-4o", "choices": [{"index": 0, "delta": {"content": "Hi"}}]}
    body = {"model": "gpt-4o", "messages": messages, "stream": True}
    talk.at += 10 * A_SECOND
    return talk.recorder.call(body, sse(chunk, done=True), at=talk.at, kind="text/event-stream")


def test_data_of_one_turn_does_not_go_on_as_a_stream_and_that_of_several_does(recorder: Recorder) -> None:
    talk = Talk(recorder)
    data = says('{"town": "Kyoto"}')
    talk.chat([QUESTION], data)
    assert streamed(talk, [QUESTION, data, MORE]).execution_source == "call"
    second = talk.chat([QUESTION, data, MORE], data)
    turns = [QUESTION, data, MORE, data, MORE]
    assert talk.chat(turns, HELLO, provider="groq").execution_source == "call"
    assert linked(streamed(talk, turns))[:2] == ("chain", second.id)


def test_a_signature_finds_an_answer_whose_calls_lost_their_ids(recorder: Recorder) -> None:
    talk = Talk(recorder)
    given = {"functionCall": {"id": "crw26s0a", "name": "weather", "args": {}}, "thoughtSignature": FIRST}
    first = talk.gemini([ASKED], [given])
    back = {"function_call": {"name": "weather", "args": {}}, "thought_signature": FIRST}
    result = {"function_response": {"name": "weather", "response": {"result": "21"}}}
    turns = [ASKED, {"role": "model", "parts": [back]}, {"role": "user", "parts": [result]}]
    span = talk.gemini(turns, [{"text": "21."}])
    assert (linked(span), span.attributes["confidence"]) == (("signature", first.id, 2), 0.9)
    (tool,) = [span for span in recorder.spans() if span.kind == "tool"]
    assert (tool.name, tool.output_preview) == ("weather", "21")


def test_a_call_that_comes_back_under_its_items_id_is_known(recorder: Recorder) -> None:
    talk = Talk(recorder)
    item = {"type": "function_call", "id": "fc_072b5328", "call_id": "call_x1", "name": "date", "arguments": "{}"}
    first = talk.responses({"input": [QUESTION]}, [item])
    result = {"type": "function_call_output", "call_id": "fc_072b5328", "output": "2024-01-01"}
    span = talk.responses({"input": [QUESTION, {**item, "call_id": "fc_072b5328"}, result]}, [])
    assert linked(span) == ("response-id", first.id, 2)


def test_equal_ends_are_continued_by_their_own_callers_whatever_the_order(recorder: Recorder) -> None:
    talk = Talk(recorder)
    models = ["gpt-4o", "gpt-5", "o3"]
    begun = [talk.chat([QUESTION], HELLO, parameters={"model": model}) for model in models]
    for model, first in zip(models, begun, strict=True):
        assert linked(talk.chat([QUESTION, HELLO, MORE], HELLO, parameters={"model": model}))[1] == first.id


def test_a_short_answer_that_was_continued_is_no_other_models(recorder: Recorder) -> None:
    talk = Talk(recorder)
    turns = [QUESTION, HELLO, MORE]
    talk.chat([QUESTION], HELLO)
    talk.chat(turns, HELLO)
    assert talk.chat(turns, HELLO, parameters={"model": "gpt-5"}).execution_source == "call"
    assert talk.chat(turns, HELLO).execution_source == "call"


def test_ids_that_a_client_made_up_prove_nothing(recorder: Recorder) -> None:
    talk = Talk(recorder)
    talk.gemini([ASKED], [call(FIRST)])
    made_up = asks(("agent_52074ae042fd4628", "weather", '{"city": "Kyoto"}'))
    turns = [{"role": "user", "content": "How warm is it?"}, made_up, brings("agent_52074ae042fd4628", "21")]
    assert talk.chat(turns, HELLO).execution_source == "call"


def test_short_ids_tell_a_call_of_an_edited_history_with_what_was_asked(recorder: Recorder) -> None:
    talk = Talk(recorder)
    first = talk.chat([QUESTION], asks(("D681PevKs", "weather", '{"city": "Kyoto"}')))
    cut = {"role": "user", "content": "[cut]"}
    for arguments, source in (('{"city": "Nara"}', "call"), ('{"city":"Kyoto"}', "edited")):
        again = asks(("D681PevKs", "weather", arguments))
        assert talk.chat([cut, again, brings("D681PevKs", "21")], HELLO).execution_source == source
    assert recorder.spans()[-1].execution_id == first.execution_id
