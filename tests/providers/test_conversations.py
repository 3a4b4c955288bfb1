from decimal import Decimal

from kagura.model import JsonObject, SpanKind, ToolCall
from tests.providers.dialogue import call, sse

PATH = "/v1/conversations"
ASK = {"model": "mistral-medium-latest", "instructions": "Be kind.", "inputs": "Who won?"}
USAGE = {
    "prompt_tokens": 188,
    "completion_tokens": 55,
    "total_tokens": 7355,
    "connector_tokens": 7112,
    "connectors": {"web_search": 1},
}
FUNCTION = {"type": "function.call", "id": "fc_1", "tool_call_id": "t1", "name": "look", "arguments": '{"a": 1}'}
SAID = {
    "type": "message.output",
    "id": "msg_1",
    "role": "assistant",
    "model": "mistral-medium-2505",
    "content": "Spain",
}


def test_what_an_agent_answers() -> None:
    ran = {"type": "tool.execution", "id": "te_1", "name": "web_search", "arguments": "{}"}
    answer = {"object": "conversation.response", "conversation_id": "conv_1", "usage": USAGE}
    found = call(PATH, answer | {"outputs": [ran, SAID, FUNCTION]}, ASK, provider="mistral")
    assert (found.endpoint, found.kind, found.billable) == ("conversations", SpanKind.LLM, True)
    assert (found.request_model, found.response_model) == ("mistral-medium-latest", "mistral-medium-2505")
    assert [(sent.role, sent.text) for sent in found.input_messages] == [("system", "Be kind."), ("user", "Who won?")]
    assert found.tool_calls == [ToolCall(name="look", id="t1", arguments={"a": 1})]
    assert found.usage and (found.usage.input, found.usage.output) == (7300, 55)
    assert found.usage.units == {"web_search": Decimal(1)}


def test_a_stream_of_it() -> None:
    delta = {"type": "message.output.delta", "id": "msg_1", "model": "mistral-medium-2505", "role": "assistant"}
    piece: JsonObject = {"type": "function.call.delta", "id": "fc_1", "tool_call_id": "t1", "name": "look"}
    stream = sse(
        {"type": "conversation.response.started", "conversation_id": "conv_1"},
        delta | {"content": "Sp"},
        delta | {"content": "ain"},
        delta | {"content": {"type": "tool_reference", "url": "x"}},
        piece | {"arguments": '{"a":'},
        piece | {"arguments": " 1}"},
        {"type": "conversation.response.done", "usage": USAGE},
    )
    found = call(PATH + "/conv_1", stream, ASK | {"stream": True}, provider="mistral")
    assert (found.stream, found.complete, found.response_model) == (True, True, "mistral-medium-2505")
    assert found.output_messages[0].text == "Spain"
    assert found.tool_calls == [ToolCall(name="look", id="t1", arguments={"a": 1})]
    assert found.usage and (found.usage.input, found.usage.output) == (7300, 55)


def test_an_error_in_the_stream() -> None:
    started = {"type": "conversation.response.started", "conversation_id": "conv_1"}
    stream = sse(started, {"type": "conversation.response.error", "message": "too much", "code": 3505})
    found = call(PATH, stream, ASK, provider="mistral")
    assert found.complete
    assert found.error and (found.error.message, found.error.type) == ("too much", "conversation.response.error")


def test_a_stored_conversation_asks_no_model() -> None:
    found = call(PATH, {"id": "conv_2", "object": "conversation", "metadata": {}}, {"items": []})
    assert (found.kind, found.billable, found.dialect, found.error) == (SpanKind.SPAN, False, None, None)
