import json
from decimal import Decimal

from kagura.model import SpanKind, ToolCall
from tests.providers.amazon import invoke_stream
from tests.providers.dialogue import call, sse

ASK = {"model": "command-a-03-2025", "messages": [{"role": "user", "content": "Hi"}]}
USAGE = {
    "billed_units": {"input_tokens": 5, "output_tokens": 2},
    "tokens": {"input_tokens": 500, "output_tokens": 4, "reasoning_tokens": 1},
    "cached_tokens": 464,
}


def delta(kind: str, message: object) -> tuple[str, object]:
    return kind, {"type": kind, "index": 0, "delta": {"message": message}}


def test_billed_units_differ_from_tokens() -> None:
    said = {"role": "assistant", "content": [{"type": "text", "text": "OK."}]}
    answer = {"id": "c-1", "finish_reason": "COMPLETE", "message": said, "usage": USAGE}
    read = call("/v2/chat", answer, ASK, provider="cohere")
    assert (read.response_id, read.finish_reason, read.output_messages[0].content) == ("c-1", "COMPLETE", said)
    found = read.usage
    assert found and (found.input, found.output, found.cache_read, found.reasoning) == (500, 4, 464, 1)
    assert found.units == {"billed_input_tokens": Decimal(5), "billed_output_tokens": Decimal(2)}


def test_a_stream_of_version_2() -> None:
    stream = sse(
        ("message-start", {"type": "message-start", "id": "c-1", "delta": {"message": {"role": "assistant"}}}),
        delta("tool-plan-delta", {"tool_plan": "I will look."}),
        delta(
            "tool-call-start",
            {"tool_calls": {"id": "t1", "type": "function", "function": {"name": "ls", "arguments": ""}}},
        ),
        delta("tool-call-delta", {"tool_calls": {"function": {"arguments": '{"a"'}}}),
        delta("tool-call-delta", {"tool_calls": {"function": {"arguments": ": 1}"}}}),
        ("message-end", {"type": "message-end", "delta": {"finish_reason": "TOOL_CALL", "usage": USAGE}}),
    )
    read = call("/v2/chat", stream, ASK, provider="cohere")
    assert (read.response_id, read.finish_reason, read.complete) == ("c-1", "TOOL_CALL", True)
    assert read.tool_calls == [ToolCall(name="ls", id="t1", arguments={"a": 1})]
    assert read.usage and read.usage.input == 500
    assert read.output_messages[0].content["tool_plan"] == "I will look."


def test_text_of_a_stream_that_was_cut() -> None:
    stream = sse(
        delta("content-delta", {"content": {"text": "Hel"}}), delta("content-delta", {"content": {"text": "lo"}})
    )
    read = call("/v2/chat", stream, ASK, provider="cohere")
    assert (read.output_messages[0].text, read.complete, read.usage) == ("Hello", False, None)


def test_an_error_inside_a_200_stream() -> None:
    broken = ("message-end", {"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "quota exceeded"}})
    read = call("/v2/chat", sse(broken), ASK, provider="cohere")
    assert read.error and read.error.message == "quota exceeded"


def test_version_1_with_its_history() -> None:
    ask = {"model": "command-r", "message": "And now?", "chat_history": [{"role": "USER", "message": "Hi"}]}
    answer = {"response_id": "r-1", "text": "Bye", "finish_reason": "COMPLETE", "generation_id": "g", "meta": USAGE}
    read = call("/v1/chat", answer, ask, provider="cohere")
    assert [sent.text for sent in read.input_messages] == ["Hi", "And now?"]
    assert (read.response_id, read.output_messages[0].text) == ("r-1", "Bye")
    assert read.usage and read.usage.output == 4


def test_the_same_path_speaks_openai_elsewhere() -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}
    answer = {
        "id": "w",
        "model": "palmyra-x4",
        "choices": [choice],
        "usage": {"prompt_tokens": 3, "completion_tokens": 1},
    }
    read = call("/v1/chat", answer, ASK, provider="writer")
    assert read.usage and (read.usage.input, read.finish_reason) == (3, "stop")


def test_on_bedrock_amazons_own_count_bills() -> None:
    end = {"is_finished": True, "event_type": "stream-end", "finish_reason": "COMPLETE", "response": {"meta": USAGE}}
    metrics = {"amazon-bedrock-invocationMetrics": {"inputTokenCount": 7, "outputTokenCount": 7}}
    stream = invoke_stream({"is_finished": False, "event_type": "text-generation", "text": "Paris"}, end | metrics)
    read = call(
        "/model/cohere.command-r-v1:0/invoke-with-response-stream", stream, {"message": "Hi"}, provider="bedrock"
    )
    assert read.usage and (read.usage.input, read.usage.output) == (7, 7)
    assert (read.output_messages[0].text, read.finish_reason) == ("Paris", "COMPLETE")


def test_generate_streams_as_ndjson() -> None:
    end = {"is_finished": True, "finish_reason": "COMPLETE", "event_type": "stream-end", "response": {"id": "g-1"}}
    lines = b'{"text":"Hi","is_finished":false}\n' + json.dumps(end).encode() + b"\n"
    read = call("/v1/generate", lines, {"prompt": "Hello"}, provider="cohere", content_type="application/stream+json")
    assert (read.stream, read.complete, read.finish_reason, read.output_messages[0].text) == (
        True,
        True,
        "COMPLETE",
        "Hi",
    )


def test_rerank_bills_search_units() -> None:
    answer = {"id": "k", "results": [], "meta": {"billed_units": {"search_units": 1}}}
    read = call("/v2/rerank", answer, {"model": "rerank-v3.5", "query": "q", "documents": ["d"]}, provider="cohere")
    assert read.kind is SpanKind.RETRIEVAL
    assert read.usage and (read.usage.input, read.usage.units) == (None, {"search_units": Decimal(1)})
    read = call("/v1/rerank", {"usage": {"total_tokens": 43}}, {"query": "q"}, provider="voyage")
    assert read.usage and read.usage.input == 43
