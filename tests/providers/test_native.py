import pytest

from kagura.model import JsonObject, SpanKind, ToolCall
from tests.providers.dialogue import call, sse

DASHSCOPE = "/api/v1/services/aigc/text-generation/generation"
QWEN = {"model": "qwen-plus", "input": {"messages": [{"role": "user", "content": "Hi"}]}}
WORKERS = "/client/v4/accounts/0a1b/ai/run/@cf/meta/llama-3.1-8b-instruct"
COUNTS = {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14}


def qwen(said: str, finish: str, output_tokens: int) -> JsonObject:
    choice = {"finish_reason": finish, "message": {"role": "assistant", "content": said}}
    usage = {"input_tokens": 25, "output_tokens": output_tokens, "prompt_tokens_details": {"cached_tokens": 3}}
    return {"output": {"choices": [choice]}, "usage": usage, "request_id": "r-1"}


def test_dashscope() -> None:
    found = call(DASHSCOPE, qwen("Hello", "stop", 5), QWEN, provider="dashscope")
    assert (found.kind, found.request_model, found.finish_reason) == (SpanKind.LLM, "qwen-plus", "stop")
    assert (found.response_id, found.output_messages[0].text) == ("r-1", "Hello")
    assert found.usage and (found.usage.input, found.usage.output, found.usage.cache_read) == (25, 5, 3)
    assert [sent.text for sent in found.input_messages] == ["Hi"]
    older = {"output": {"text": "Hello", "finish_reason": "stop"}, "usage": {}, "request_id": "r"}
    found = call(DASHSCOPE, older, QWEN, provider="dashscope")
    assert (found.finish_reason, found.output_messages[0].text, found.usage) == ("stop", "Hello", None)


@pytest.mark.parametrize(("incremental", "pieces"), [(False, ("Hel", "Hello")), (True, ("Hel", "lo"))])
def test_dashscope_streams_all_that_was_said_or_only_what_is_new(incremental: bool, pieces: tuple[str, str]) -> None:
    stream = sse(("result", qwen(pieces[0], "null", 1)), ("result", qwen(pieces[1], "stop", 5)))
    ask = QWEN | {"parameters": {"incremental_output": incremental}}
    found = call(DASHSCOPE, stream, ask, provider="dashscope")
    assert (found.stream, found.complete, found.output_messages[0].text) == (True, True, "Hello")
    assert found.usage and found.usage.output == 5
    cut = call(DASHSCOPE, sse(("result", qwen("Hel", "null", 1))), ask, provider="dashscope")
    assert (cut.complete, cut.finish_reason) == (False, None)


def test_cloudflare_s_workers_ai() -> None:
    tools = [{"name": "look", "arguments": {"a": 1}}]
    answer = {"result": {"response": "Hi", "tool_calls": tools, "usage": COUNTS}, "success": True, "errors": []}
    found = call(WORKERS, answer, {"prompt": "Hi"}, provider="cloudflare")
    assert (found.request_model, found.output_messages[0].text) == ("@cf/meta/llama-3.1-8b-instruct", "Hi")
    assert found.tool_calls == [ToolCall(name="look", arguments={"a": 1})]
    assert found.usage and (found.usage.input, found.usage.output) == (10, 4)
    stream = sse({"response": "H"}, {"response": "i", "usage": COUNTS}, done=True)
    found = call(WORKERS, stream, {"prompt": "Hi", "stream": True}, provider="cloudflare")
    assert (found.complete, found.output_messages[0].text) == (True, "Hi")
    assert found.usage and (found.usage.input, found.usage.output) == (10, 4)
    stored = call("/client/v4/accounts/0a1b/d1/database", {"result": {}, "success": True}, {}, provider="cloudflare")
    assert (stored.kind, stored.billable) == (SpanKind.SPAN, False)


def test_baidu_llama_cpp_and_replicate() -> None:
    answer: JsonObject = {"id": "as-1", "result": "Hi", "is_truncated": False, "finish_reason": "normal"}
    path = "/rpc/2.0/ai_custom/v1/wenxinworkshop/chat/completions_pro"
    found = call(path, answer | {"usage": COUNTS}, {"messages": []}, provider="baidu")
    assert (found.finish_reason, found.output_messages[0].text) == ("normal", "Hi")
    assert found.usage and (found.usage.input, found.usage.output) == (10, 4)

    counted = {"tokens_predicted": 4, "tokens_evaluated": 10, "stop": True, "stop_type": "eos", "model": "qwen"}
    events = ({"content": "H", "stop": False, "tokens_predicted": 1}, counted | {"content": "i"})
    found = call("/completion", sse(*events), {"prompt": "Hi"}, provider="llamacpp")
    assert (found.response_model, found.finish_reason, found.output_messages[0].text) == ("qwen", "eos", "Hi")
    assert found.usage and (found.usage.input, found.usage.output) == (10, 4)

    answer = {"id": "p", "model": "meta/llama-3", "status": "succeeded", "output": ["H", "i"], "urls": {}}
    answer["metrics"] = {"input_token_count": 10, "output_token_count": 4, "predict_time": 1.5}
    path = "/v1/models/meta/llama-3/predictions"
    found = call(path, answer, {"input": {"prompt": "Hi"}}, provider="replicate")
    assert (found.request_model, found.output_messages[0].text) == ("meta/llama-3", "Hi")
    assert found.usage and (found.usage.input, found.usage.output) == (10, 4)
    assert [sent.text for sent in found.input_messages] == ["Hi"]


def test_a_prediction_is_counted_when_it_is_fetched() -> None:
    asked: JsonObject = {"id": "p-1", "model": "meta/llama-3", "status": "starting", "urls": {}, "error": None}
    path = "/v1/models/meta/llama-3/predictions"
    found = call(path, asked, {"input": {"prompt": "Hi"}}, provider="replicate", status=201)
    assert (found.kind, found.billable, found.usage, found.result_key) == (SpanKind.LLM, False, None, "p-1")
    fetched = "/v1/predictions/p-1"
    assert call(fetched, asked | {"status": "processing"}, provider="replicate", method="GET").results == []
    made = asked | {"status": "succeeded", "output": ["Hi"]}
    made["metrics"] = {"input_token_count": 10, "output_token_count": 4}
    found = call(fetched, made, provider="replicate", method="GET")
    assert (found.billable, [result.key for result in found.results]) == (False, ["p-1"])
    usage = found.results[0].call.usage
    assert usage and (usage.input, usage.output) == (10, 4)


@pytest.mark.parametrize(
    ("answer", "message", "kind"),
    [
        ({"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}, "insufficient balance", "1008"),
        ({"error_code": 17, "error_msg": "daily limit reached"}, "daily limit reached", "17"),
    ],
)
def test_errors_of_minimax_and_baidu_come_as_200(answer: JsonObject, message: str, kind: str) -> None:
    found = call("/v1/chat/completions", answer, {"model": "m"}, provider="minimax")
    assert found.error and (found.error.message, found.error.type) == (message, kind)
    fine = {"base_resp": {"status_code": 0, "status_msg": ""}, "choices": []}
    assert call("/v1/chat/completions", fine, {"model": "m"}, provider="minimax").error is None
