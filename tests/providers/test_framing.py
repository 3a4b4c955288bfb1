import gzip
import json

import pytest

from kagura.providers.framing import DONE, AnswerEvent, Framing, load_json, read_answer
from tests.providers.amazon import converse_stream, message
from tests.providers.dialogue import exchange, sse

PATH = "/v1/chat/completions"


@pytest.mark.parametrize("content_type", ["application/octet-stream", "text/event-stream", "text/plain", ""])
def test_deepseek_and_gemini_send_json_errors_under_other_content_types(content_type: str) -> None:
    answer = read_answer(exchange(PATH, {"error": {"message": "no"}}, content_type=content_type))
    assert answer.framing is Framing.JSON
    assert answer.events == [AnswerEvent(None, {"error": {"message": "no"}})]


def test_a_stream_is_known_by_its_bytes() -> None:
    answer = read_answer(exchange(PATH, sse({"a": 1}, done=True), content_type="application/json"))
    assert answer.framing is Framing.SSE
    assert answer.events == [AnswerEvent(None, {"a": 1}), AnswerEvent(DONE, None)]


def test_sse_with_crlf_and_comment_lines() -> None:
    stream = b": OPENROUTER PROCESSING\r\n\r\n" + sse(("delta", {"a": 1}), end="\r\n")
    assert read_answer(exchange(PATH, stream)).events == [AnswerEvent("delta", {"a": 1})]


def test_a_body_compressed_on_the_wire_is_decoded_on_a_copy() -> None:
    captured = exchange(
        PATH, gzip.compress(b'{"a": 1}'), content_type="application/json", headers={"content-encoding": "gzip"}
    )
    before = captured.response_body.data
    assert read_answer(captured).events == [AnswerEvent(None, {"a": 1})]
    assert captured.response_body.data is before


def test_ndjson_also_where_the_last_line_is_cut() -> None:
    answer = read_answer(exchange("/api/chat", b'{"a": 1}\n{"a": 2}\n{"a"', content_type="application/x-ndjson"))
    assert answer.framing is Framing.NDJSON
    assert [event.data for event in answer.events] == [{"a": 1}, {"a": 2}]
    assert answer.notes == ["the last line is not whole JSON"]


def test_gemini_stream_without_sse_is_one_json_array() -> None:
    path = "/v1beta/models/gemini-2.5-flash:streamGenerateContent"
    answer = read_answer(exchange(path, [{"a": 1}, {"a": 2}]))
    assert answer.framing is Framing.JSON_ARRAY
    assert [event.data for event in answer.events] == [{"a": 1}, {"a": 2}]


def test_a_json_array_without_its_end_gives_its_whole_elements() -> None:
    path = "/v1beta/models/gemini-2.5-flash:streamGenerateContent"
    answer = read_answer(exchange(path, b'[{"a": 1},\r\n{"a": 2},\r\n{"a": ', content_type="application/json"))
    assert [event.data for event in answer.events] == [{"a": 1}, {"a": 2}]
    assert answer.is_stream


def test_an_array_elsewhere_is_plain_json() -> None:
    assert read_answer(exchange("/v1/models", [1, 2])).framing is Framing.JSON


def test_aws_eventstream_names_events_and_exceptions() -> None:
    stream = converse_stream(("messageStart", {"role": "assistant"}))
    stream += message("throttlingException", b'{"message": "slow"}', header=":exception-type")
    answer = read_answer(
        exchange("/model/m/converse-stream", stream, content_type="application/vnd.amazon.eventstream")
    )
    assert [event.event for event in answer.events] == ["messageStart", "throttlingException"]


def test_audio_is_neither_json_nor_a_stream() -> None:
    answer = read_answer(exchange("/v1/audio/speech", b"data: not really", content_type="audio/mpeg"))
    assert answer.framing is Framing.OTHER
    assert not answer.is_stream


def test_events_that_are_no_json_are_counted() -> None:
    answer = read_answer(exchange(PATH, b"data: {broken\n\ndata: {}\n\ndata: also\n\n"))
    assert answer.events == [AnswerEvent(None, {})]
    assert answer.notes == ["2 events are not JSON"]


def test_json_with_nan_broken_utf8_and_lone_surrogates() -> None:
    assert load_json(b'{"a": NaN, "b": -Infinity}') == {"a": None, "b": None}
    assert load_json(b'{"a": "\xff"}') == {"a": "\ufffd"}
    assert load_json(b'{"a": "x\\ud83d", "b": "\\ude00"}') == {"a": "x\ufffd", "b": "\ufffd"}
    assert load_json(json.dumps({"a": "\U0001f600", "b": float("nan")}).encode()) == {"a": "\U0001f600", "b": None}


def test_hostile_nesting_is_not_json() -> None:
    answer = read_answer(exchange(PATH, b"[" * 200_000, content_type="application/json"))
    assert answer.events == []
    assert answer.notes == ["the body is not whole JSON"]
