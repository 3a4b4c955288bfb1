import pytest

from kagura.model import JsonObject, SpanKind, ToolCall
from kagura.providers.bedrock import METRICS
from tests.providers.amazon import converse_stream, invoke_stream
from tests.providers.dialogue import call, sse

MODEL = "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0"
ASK = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}], "system": [{"text": "Be kind."}]}
USAGE = {"inputTokens": 10, "outputTokens": 5, "cacheReadInputTokens": 100, "cacheWriteInputTokens": 30}


def test_converse_input_tokens_exclude_cache() -> None:
    said = {
        "role": "assistant",
        "content": [{"text": "Look"}, {"toolUse": {"toolUseId": "t1", "name": "ls", "input": {"a": 1}}}],
    }
    answer = {"output": {"message": said}, "stopReason": "tool_use", "usage": USAGE}
    found = call(f"{MODEL}/converse", answer, ASK, provider="bedrock")
    assert found.request_model == "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
    assert found.usage and (found.usage.input, found.usage.output) == (140, 5)
    assert (found.usage.cache_read, found.usage.cache_write) == (100, 30)
    assert found.tool_calls == [ToolCall(name="ls", id="t1", arguments={"a": 1})]
    assert found.output_messages[0].content == said
    assert [sent.role for sent in found.input_messages] == ["system", "user"]


def test_converse_stream_uses_the_aws_framing() -> None:
    stream = converse_stream(
        ("messageStart", {"role": "assistant"}),
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Lo"}}),
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "ok"}}),
        ("contentBlockStop", {"contentBlockIndex": 0}),
        ("contentBlockStart", {"contentBlockIndex": 1, "start": {"toolUse": {"toolUseId": "t1", "name": "ls"}}}),
        ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"toolUse": {"input": '{"a"'}}}),
        ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"toolUse": {"input": ": 1}"}}}),
        ("messageStop", {"stopReason": "tool_use"}),
        ("metadata", {"usage": USAGE, "metrics": {"latencyMs": 7}}),
    )
    found = call(f"{MODEL}/converse-stream", stream, ASK, provider="bedrock")
    assert (found.stream, found.complete, found.finish_reason) == (True, True, "tool_use")
    assert found.usage and found.usage.input == 140
    tool = {"toolUse": {"toolUseId": "t1", "name": "ls", "input": {"a": 1}}}
    assert found.output_messages[0].content == {"role": "assistant", "content": [{"text": "Look"}, tool]}
    assert found.tool_calls == [ToolCall(name="ls", id="t1", arguments={"a": 1})]


def test_an_exception_inside_a_stream() -> None:
    stream = converse_stream(("messageStart", {"role": "assistant"}), ("throttlingException", {"message": "slow down"}))
    found = call(f"{MODEL}/converse-stream", stream, ASK, provider="bedrock")
    assert found.error and (found.error.message, found.error.type) == ("slow down", "throttlingException")
    assert not found.complete


def test_invoke_speaks_the_models_own_dialect() -> None:
    answer = {
        "id": "msg_bdrk_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-3-sonnet-20240229",
        "content": [{"type": "text", "text": "Hi"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 12, "output_tokens": 7},
    }
    found = call("/model/anthropic.claude-3-sonnet-20240229-v1%3A0/invoke", answer, ASK, provider="bedrock")
    assert (found.response_model, found.finish_reason) == ("claude-3-sonnet-20240229", "end_turn")
    assert found.usage and found.usage.input == 12


FAMILIES: list[tuple[str, JsonObject, str, str]] = [
    ("meta.llama3-8b-instruct-v1:0", {"generation": "Paris", "stop_reason": "length"}, "Paris", "length"),
    ("mistral.mistral-7b-instruct-v0:2", {"outputs": [{"text": "Paris", "stop_reason": "stop"}]}, "Paris", "stop"),
    ("amazon.titan-tg1-large", {"results": [{"outputText": "Paris", "completionReason": "FINISH"}]}, "Paris", "FINISH"),
    (
        "ai21.j2-mid-v1",
        {"completions": [{"data": {"text": "Paris"}, "finishReason": {"reason": "endoftext"}}]},
        "Paris",
        "endoftext",
    ),
    ("cohere.command-text-v14", {"generations": [{"text": "Paris", "finish_reason": "COMPLETE"}]}, "Paris", "COMPLETE"),
]


@pytest.mark.parametrize(("model", "answer", "said", "reason"), FAMILIES)
def test_invoke_answers_may_carry_usage_only_in_headers(model: str, answer: JsonObject, said: str, reason: str) -> None:
    headers = {"X-Amzn-Bedrock-Input-Token-Count": "7", "x-amzn-bedrock-output-token-count": "512"}
    found = call(f"/model/{model}/invoke", answer, {"prompt": "Capital?"}, provider="bedrock", headers=headers)
    assert found.usage and (found.usage.input, found.usage.output) == (7, 512)
    assert (found.output_messages[0].text, found.finish_reason) == (said, reason)
    assert found.input_messages[0].text == "Capital?"


def test_invoke_streams_carry_amazons_metrics_in_the_last_chunk() -> None:
    metrics = {"amazon-bedrock-invocationMetrics": {"inputTokenCount": 13, "outputTokenCount": 100}}
    stream = invoke_stream({"outputText": "Once"}, {"outputText": " more", "completionReason": "LENGTH"} | metrics)
    found = call("/model/amazon.titan-text-express-v1/invoke-with-response-stream", stream, ASK, provider="bedrock")
    assert found.usage and (found.usage.input, found.usage.output) == (13, 100)
    assert (found.output_messages[0].text, found.finish_reason) == ("Once more", "LENGTH")


def test_invoked_embeddings() -> None:
    answer = {"embedding": [0.1], "inputTextTokenCount": 30}
    found = call("/model/amazon.titan-embed-text-v1/invoke", answer, {"inputText": "Ruby"}, provider="bedrock")
    assert (found.kind, found.usage and found.usage.input) == (SpanKind.EMBEDDING, 30)


def test_a_model_named_by_its_arn() -> None:
    path = "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A%3Afoundation-model%2Famazon.titan-tg1-large/invoke"
    found = call(path, {"results": []}, {"inputText": "Hi"}, provider="bedrock")
    assert found.request_model == "arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-tg1-large"


def test_errors_name_their_type_in_a_header() -> None:
    headers = {"x-amzn-errortype": "ValidationException:http://internal.amazon.com/"}
    found = call(f"{MODEL}/converse", {"message": "bad model"}, ASK, provider="bedrock", status=400, headers=headers)
    assert found.error and (found.error.message, found.error.type) == ("bad model", "ValidationException")


def test_titan_behind_a_guardrail_counts_in_floats_and_ends_without_a_reason() -> None:
    blocked: JsonObject = {"outputText": "Blocked", "totalOutputTextTokenCount": 3.0, "inputTextTokenCount": 6.0}
    blocked["amazon-bedrock-guardrailAction"] = "INTERVENED"
    path = "/model/amazon.titan-text-express-v1/invoke-with-response-stream"
    found = call(path, invoke_stream(blocked), {"inputText": "Hi"}, provider="bedrock")
    assert (found.complete, found.finish_reason) == (True, None)
    assert found.usage and (found.usage.input, found.usage.output) == (6, 3)
    found = call(path, invoke_stream({"outputText": "Cut"}), {"inputText": "Hi"}, provider="bedrock")
    assert not found.complete
    counted = {"outputText": "Whole", METRICS: {"inputTokenCount": 6, "outputTokenCount": 1}}
    found = call(path, invoke_stream(counted), {"inputText": "Hi"}, provider="bedrock")
    assert found.complete


def test_a_stream_may_be_one_event_of_generations() -> None:
    """Cohere's older models on Bedrock."""
    metrics = {"inputTokenCount": 7, "outputTokenCount": 149}
    event = {"generations": [{"finish_reason": "COMPLETE", "text": "North"}], METRICS: metrics}
    path = "/model/cohere.command-text-v14/invoke-with-response-stream"
    found = call(path, invoke_stream(event), {"prompt": "Hi"}, provider="bedrock")
    assert (found.complete, found.finish_reason, found.output_messages[0].text) == (True, "COMPLETE", "North")
    assert found.usage and (found.usage.input, found.usage.output) == (7, 149)


def test_text_generation_inference_answers_with_a_list() -> None:
    details = {"finish_reason": "eos_token", "generated_tokens": 75, "input_length": 12, "prefill": []}
    found = call("/", [{"generated_text": "Hello", "details": details}], {"inputs": "Hi"}, provider="huggingface")
    assert (found.kind, found.finish_reason, found.output_messages[0].text) == (SpanKind.LLM, "eos_token", "Hello")
    assert found.usage and (found.usage.input, found.usage.output) == (12, 75)
    token: JsonObject = {"token": {"id": 1, "text": "He"}, "generated_text": None, "details": None}
    last = token | {"generated_text": "Hello", "details": details}
    found = call("/generate_stream", sse(token, last), {"inputs": "Hi"}, provider="huggingface")
    assert (found.complete, found.finish_reason) == (True, "eos_token")
    assert found.usage and (found.usage.input, found.usage.output) == (12, 75)


def test_aleph_alpha_counts_under_its_own_names() -> None:
    answer: JsonObject = {"completions": [{"completion": "Ha", "finish_reason": "maximum_tokens"}]}
    answer |= {"num_tokens_prompt_total": 9, "num_tokens_generated": 1000}
    found = call("/complete", answer, {"model": "luminous-base"}, provider="aleph-alpha")
    assert (found.endpoint, found.finish_reason) == ("complete", "maximum_tokens")
    assert found.usage and (found.usage.input, found.usage.output) == (9, 1000)


def test_results_tell_of_a_model_only_where_one_is_known_to_answer() -> None:
    found = call("/search", {"results": [{"title": "Kyoto"}], "usage": {"units": 5}}, {"query": "towns"})
    assert (found.kind, found.billable, found.dialect) == (SpanKind.SPAN, False, None)
    generated = {"results": [{"outputText": "Hi", "tokenCount": 2, "completionReason": "FINISH"}]}
    assert call("/model/amazon.titan/invoke", generated, {}, provider="bedrock").finish_reason == "FINISH"


def test_a_whole_answer_may_have_fields_named_as_events_are() -> None:
    said = {"role": "assistant", "content": [{"text": "Hi"}]}
    answer = {"output": {"message": said}, "stopReason": "end_turn", "usage": USAGE, "metadata": {}}
    found = call(f"{MODEL}/converse", answer, ASK, provider="bedrock")
    assert found.usage and (found.finish_reason, found.usage.input) == ("end_turn", 140)
    answer = {"generation": "Hi", "stop_reason": "stop", "metadata": {}}
    assert call("/model/meta.llama3/invoke", answer, {}, provider="bedrock").finish_reason == "stop"
