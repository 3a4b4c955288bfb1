from decimal import Decimal

from kagura.model import JsonObject, ToolCall
from tests.providers.amazon import invoke_stream
from tests.providers.dialogue import call, sse

PATH = "/v1/messages"
ASK = {
    "model": "claude-sonnet-4-5",
    "max_tokens": 64,
    "system": [{"type": "text", "text": "Be kind.", "cache_control": {"type": "ephemeral"}}],
    "messages": [{"role": "user", "content": "Hi"}],
    "metadata": {"user_id": "user_1"},
}
BLOCKS = [{"type": "text", "text": "Hello"}]


def whole(**fields: object) -> JsonObject:
    found = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5-20250929"}
    return (
        found
        | {"content": BLOCKS, "stop_reason": "end_turn", "usage": {"input_tokens": 9, "output_tokens": 4}}
        | fields
    )


def event(name: str, **fields: object) -> tuple[str, JsonObject]:
    return name, {"type": name} | fields


def stream(start: JsonObject, *deltas: JsonObject, stop: bool = True) -> bytes:
    """A short message whose usage begins with `start` and goes on with `deltas`."""
    events = [
        event("message_start", message=whole(content=[], stop_reason=None, usage=start)),
        event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        event("ping"),
        event("content_block_delta", index=0, delta={"type": "text_delta", "text": "Hel"}),
        event("content_block_delta", index=0, delta={"type": "text_delta", "text": "lo"}),
        event("content_block_stop", index=0),
        *(event("message_delta", delta={"stop_reason": "end_turn"}, usage=delta) for delta in deltas),
    ]
    return sse(*events, *([event("message_stop")] if stop else []))


def test_a_plain_answer() -> None:
    read = call(PATH, whole(), ASK, provider="anthropic")
    assert (read.endpoint, read.response_model, read.response_id) == ("messages", "claude-sonnet-4-5-20250929", "msg_1")
    assert (read.finish_reason, read.end_user) == ("end_turn", "user_1")
    assert [(sent.role, sent.text) for sent in read.input_messages] == [("system", "Be kind."), ("user", "Hi")]
    assert read.output_messages[0].content == {"role": "assistant", "content": BLOCKS}
    assert read.parameters == {"model": "claude-sonnet-4-5", "max_tokens": 64, "metadata": {"user_id": "user_1"}}


def test_input_tokens_exclude_cache_reads_and_writes() -> None:
    usage = {
        "input_tokens": 10,
        "cache_read_input_tokens": 200,
        "cache_creation_input_tokens": 3000,
        "cache_creation": {"ephemeral_5m_input_tokens": 1000, "ephemeral_1h_input_tokens": 2000},
        "output_tokens": 5,
        "output_tokens_details": {"thinking_tokens": 3},
        "server_tool_use": {"web_search_requests": 2},
        "service_tier": "standard",
    }
    found = call(PATH, whole(usage=usage), ASK).usage
    assert found and (found.input, found.cache_read, found.cache_write, found.cache_write_1h) == (3210, 200, 3000, 2000)
    assert (found.output, found.reasoning, found.service_tier) == (5, 3, "standard")
    assert found.units == {"web_search": Decimal(2)}


def test_the_split_by_lifetime_may_be_stale() -> None:
    stale = {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0}
    usage = {"input_tokens": 2292, "cache_creation_input_tokens": 12032, "cache_creation": stale, "output_tokens": 1}
    found = call(PATH, whole(usage=usage), ASK).usage
    assert found and (found.input, found.cache_write, found.cache_write_1h) == (14324, 12032, 0)


def test_message_delta_overwrites_and_never_adds() -> None:
    start = {"input_tokens": 9, "cache_read_input_tokens": 100, "output_tokens": 1}
    read = call(PATH, stream(start, {"output_tokens": 4}, {"output_tokens": 7}), ASK)
    assert read.usage and (read.usage.input, read.usage.output) == (109, 7)
    assert read.usage.raw == {"input_tokens": 9, "cache_read_input_tokens": 100, "output_tokens": 7}


def test_message_delta_may_raise_the_input_side_too() -> None:
    start = {"input_tokens": 9, "cache_creation_input_tokens": 0, "output_tokens": 1}
    delta = {
        "input_tokens": 2292,
        "cache_creation_input_tokens": 12032,
        "cache_read_input_tokens": None,
        "output_tokens": 150,
    }
    read = call(PATH, stream(start, delta), ASK)
    assert read.usage and (read.usage.input, read.usage.output, read.usage.cache_read) == (14324, 150, None)


def test_compaction_stands_outside_the_top_level_usage() -> None:
    usage = {
        "input_tokens": 162,
        "output_tokens": 40,
        "iterations": [
            {"type": "compaction", "input_tokens": 90_000, "cache_read_input_tokens": 9_195, "output_tokens": 900},
            {"type": "message", "input_tokens": 162, "output_tokens": 40},
        ],
    }
    found = call(PATH, whole(usage=usage), ASK).usage
    assert found and (found.input, found.output, found.cache_read) == (99_357, 940, 9_195)


def test_an_advisor_of_another_model_is_counted_apart() -> None:
    iterations = [
        {"type": "message", "input_tokens": 9, "output_tokens": 4},
        {"type": "advisor_message", "model": "claude-opus-4-8", "input_tokens": 800, "output_tokens": 70},
    ]
    found = call(PATH, whole(usage={"input_tokens": 9, "output_tokens": 4, "iterations": iterations}), ASK).usage
    assert found and (found.input, found.output) == (9, 4)
    assert found.units == {
        "claude-opus-4-8:input_tokens": Decimal(800),
        "claude-opus-4-8:output_tokens": Decimal(70),
    }


def test_a_stream_becomes_the_message_that_the_client_sends_back() -> None:
    events = [
        event("message_start", message=whole(content=[], stop_reason=None)),
        event("content_block_start", index=0, content_block={"type": "thinking", "thinking": "", "signature": ""}),
        event("content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": "Hm"}),
        event("content_block_delta", index=0, delta={"type": "signature_delta", "signature": "abc"}),
        event("content_block_start", index=1, content_block={"type": "text", "text": ""}),
        event("content_block_delta", index=1, delta={"type": "text_delta", "text": "Look"}),
        event("content_block_delta", index=1, delta={"type": "citations_delta", "citation": {"cited_text": "x"}}),
        event(
            "content_block_start",
            index=2,
            content_block={"type": "tool_use", "id": "toolu_1", "name": "now", "input": {}},
        ),
        event(
            "content_block_start",
            index=3,
            content_block={"type": "tool_use", "id": "toolu_2", "name": "ls", "input": {}},
        ),
        event("content_block_delta", index=3, delta={"type": "input_json_delta", "partial_json": ""}),
        event("content_block_delta", index=3, delta={"type": "input_json_delta", "partial_json": '{"path": '}),
        event("content_block_delta", index=3, delta={"type": "input_json_delta", "partial_json": '"/"}'}),
        event("message_delta", delta={"stop_reason": "tool_use"}, usage={"output_tokens": 20}),
        event("message_stop"),
    ]
    read = call(PATH, sse(*events), ASK, provider="anthropic")
    assert read.output_messages[0].content == {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "Hm", "signature": "abc"},
            {"type": "text", "text": "Look", "citations": [{"cited_text": "x"}]},
            {"type": "tool_use", "id": "toolu_1", "name": "now", "input": {}},
            {"type": "tool_use", "id": "toolu_2", "name": "ls", "input": {"path": "/"}},
        ],
    }
    assert read.tool_calls == [
        ToolCall(name="now", id="toolu_1", arguments={}),
        ToolCall(name="ls", id="toolu_2", arguments={"path": "/"}),
    ]


def test_litellm_closes_streams_before_message_stop() -> None:
    assert call(PATH, stream({"input_tokens": 9}, {"output_tokens": 4}, stop=False), ASK).complete
    assert not call(PATH, stream({"input_tokens": 9}, stop=False), ASK).complete


def test_tools_of_the_server_are_no_calls_for_the_client() -> None:
    blocks = [{"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {}}, *BLOCKS]
    assert call(PATH, whole(content=blocks), ASK).tool_calls == []


def test_an_error_event_in_a_stream() -> None:
    broken = event("error", error={"type": "overloaded_error", "message": "Overloaded"})
    read = call(PATH, stream({"input_tokens": 9}, stop=False) + sse(broken), ASK)
    assert read.error and (read.error.message, read.error.type) == ("Overloaded", "overloaded_error")
    assert not read.complete


def test_a_turn_that_continues_by_id() -> None:
    ask = ASK | {"thread": {"continue": True, "previous_message_id": "msg_0"}}
    assert call(PATH, whole(), ask).previous_response_id == "msg_0"


def test_text_completions_plain_streamed_and_on_bedrock() -> None:
    plain = {
        "type": "completion",
        "id": "compl_1",
        "completion": " Hi",
        "stop_reason": "stop_sequence",
        "model": "claude-2.1",
    }
    ask = {"model": "claude-2.1", "prompt": "\n\nHuman: Hi\n\nAssistant:"}
    read = call("/v1/complete", plain, ask)
    assert (read.output_messages[0].text, read.finish_reason, read.usage) == (" Hi", "stop_sequence", None)
    read = call("/v1/complete", sse(("completion", plain | {"stop_reason": None}), ("completion", plain)), ask)
    assert (read.output_messages[0].text, read.finish_reason, read.complete) == (" Hi Hi", "stop_sequence", True)
    metrics = {"amazon-bedrock-invocationMetrics": {"inputTokenCount": 16, "outputTokenCount": 63}}
    chunks = invoke_stream({"completion": "North"}, {"completion": ".", "stop_reason": "stop_sequence"} | metrics)
    read = call("/model/anthropic.claude-v2/invoke-with-response-stream", chunks, ask, provider="bedrock")
    assert (read.output_messages[0].text, read.finish_reason) == ("North.", "stop_sequence")
    assert read.usage and (read.usage.input, read.usage.output) == (16, 63)


def test_count_tokens_is_no_usage() -> None:
    read = call("/v1/messages/count_tokens", {"input_tokens": 14}, ASK)
    assert (read.endpoint, read.billable, read.usage) == ("count_tokens", False, None)


def test_what_a_fallback_model_answered_is_counted_once() -> None:
    """The top-level counts are those of the model that answered; one that declined is billed if it had begun to."""
    counts = {"input_tokens": 412, "output_tokens": 264}
    declined = {"type": "message", "model": "claude-fable-5", "input_tokens": 408, "output_tokens": 0}
    served = {"type": "fallback_message", "model": "claude-opus-4-8"} | counts
    answer = whole(model="claude-opus-4-8", usage=counts | {"iterations": [declined, served]})
    usage = call(PATH, answer, ASK, provider="anthropic").usage
    assert usage and (usage.input, usage.output, usage.units) == (412, 264, {})
    begun = declined | {"output_tokens": 7}
    answer = whole(model="claude-opus-4-8", usage=counts | {"iterations": [begun, served]})
    usage = call(PATH, answer, ASK, provider="anthropic").usage
    assert usage and (usage.input, usage.output) == (412, 264)
    assert usage.units == {"claude-fable-5:input_tokens": Decimal(408), "claude-fable-5:output_tokens": Decimal(7)}
