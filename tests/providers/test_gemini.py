import json
from decimal import Decimal

from kagura.model import JsonObject, ToolCall
from tests.providers.dialogue import JSON, call, sse

PATH = "/v1beta/models/gemini-2.5-flash:generateContent"
STREAM = "/v1beta/models/gemini-2.5-flash:streamGenerateContent"
ASK = {
    "systemInstruction": {"parts": [{"text": "Be kind."}]},
    "contents": [{"role": "user", "parts": [{"text": "Hi"}]}, {"role": "model", "parts": [{"text": "Yes?"}]}],
    "generationConfig": {"temperature": 0},
}
USAGE = {"promptTokenCount": 20, "candidatesTokenCount": 6, "thoughtsTokenCount": 30, "totalTokenCount": 56}


def chunk(*parts: JsonObject, finish: object = None, usage: JsonObject | None = None) -> JsonObject:
    candidate: JsonObject = {"index": 0, "content": {"role": "model", "parts": list(parts)}}
    if finish is not None:
        candidate["finishReason"] = finish
    found = {"candidates": [candidate], "modelVersion": "gemini-2.5-flash-001", "responseId": "r-1"}
    return found if usage is None else found | {"usageMetadata": usage}


def test_thoughts_stand_outside_candidates_and_cached_inside_the_prompt() -> None:
    usage = USAGE | {"cachedContentTokenCount": 16}
    read = call(PATH, chunk({"text": "Hello"}, finish="STOP", usage=usage), ASK, provider="gemini")
    found = read.usage
    assert found and (found.input, found.cache_read, found.output, found.reasoning) == (20, 16, 36, 30)
    assert (read.request_model, read.response_model) == ("gemini-2.5-flash", "gemini-2.5-flash-001")
    assert (read.response_id, read.finish_reason, read.stream) == ("r-1", "STOP", False)
    assert [(sent.role, sent.text) for sent in read.input_messages] == [
        ("system", "Be kind."),
        ("user", "Hi"),
        ("assistant", "Yes?"),
    ]
    assert read.parameters == {"generationConfig": {"temperature": 0}}
    assert read.output_messages[0].content == {"role": "model", "parts": [{"text": "Hello"}]}


def test_the_last_usage_that_is_not_zero_counts() -> None:
    stream = sse(
        chunk({"text": "Hel"}, usage={"promptTokenCount": 20, "totalTokenCount": 20}),
        chunk({"text": "lo"}, finish="STOP", usage=USAGE),
        chunk(usage={"promptTokenCount": 0, "trafficType": "ON_DEMAND"}),
        end="\r\n",
    )
    read = call(STREAM + "?alt=sse", stream, ASK, provider="gemini")
    assert read.usage and (read.usage.input, read.usage.output) == (20, 36)
    assert (read.stream, read.complete, read.finish_reason) == (True, True, "STOP")
    assert read.output_messages[0].content == {"role": "model", "parts": [{"text": "Hello"}]}


def test_a_stream_without_sse_is_one_json_array() -> None:
    array = [chunk({"text": "Hel"}), chunk({"text": "lo"}, finish="STOP", usage=USAGE)]
    read = call(STREAM, array, ASK, provider="gemini")
    assert (read.stream, read.finish_reason, read.output_messages[0].text) == (True, "STOP", "Hello")
    cut = json.dumps(array).encode()[:-200]
    read = call(STREAM, cut, ASK, provider="gemini", content_type=JSON)
    assert (read.stream, read.complete, read.output_messages[0].text) == (True, False, "Hel")


def test_prompts_of_tools_are_input_too() -> None:
    usage = USAGE | {"toolUsePromptTokenCount": 4610}
    found = call(PATH, chunk({"text": "x"}, finish="STOP", usage=usage), ASK).usage
    assert found and found.input == 4630


def test_modalities_by_name_and_by_number() -> None:
    for audio in ("AUDIO", 4):
        usage = USAGE | {
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 8}, {"modality": audio, "tokenCount": 12}],
            "cacheTokensDetails": [{"modality": audio, "tokenCount": 3}],
            "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 5}],
        }
        found = call(PATH, chunk({"text": "x"}, finish="STOP", usage=usage), ASK).usage
        assert found and (found.audio_input, found.audio_cache_read, found.image_output) == (12, 3, 5)


def test_finish_reasons_by_number_are_named() -> None:
    assert call(PATH, chunk({"text": "x"}, finish=1), ASK).finish_reason == "STOP"


def test_a_blocked_prompt_has_no_output() -> None:
    answer = {"promptFeedback": {"blockReason": "MODEL_ARMOR"}, "usageMetadata": {"promptTokenCount": 7}}
    read = call(PATH, answer, ASK)
    assert read.finish_reason == "blocked:MODEL_ARMOR"
    assert read.usage and (read.usage.input, read.usage.output) == (7, 0)


def test_tool_calls_thoughts_and_runs_of_text() -> None:
    stream = sse(
        chunk({"text": "Hm", "thought": True}),
        chunk({"text": "m", "thought": True}),
        chunk({"text": "A"}, {"text": "B", "thoughtSignature": "sig"}),
        chunk({"functionCall": {"name": "ls", "args": {"path": "/"}}}, finish="STOP"),
    )
    read = call(STREAM, stream, ASK)
    assert read.tool_calls == [ToolCall(name="ls", arguments={"path": "/"})]
    assert read.output_messages[0].content["parts"] == [
        {"text": "Hmm", "thought": True},
        {"text": "A"},
        {"text": "B", "thoughtSignature": "sig"},
        {"functionCall": {"name": "ls", "args": {"path": "/"}}},
    ]
    assert read.output_messages[0].text == "A\nB"


def test_grounding_searches_are_counted() -> None:
    answer = chunk({"text": "x"}, finish="STOP", usage=USAGE)
    answer["candidates"][0]["groundingMetadata"] = {"webSearchQueries": ["a", "b"]}
    found = call(PATH, answer, ASK).usage
    assert found and found.units == {"grounding_queries": Decimal(2)}


def test_errors_come_as_event_streams_and_in_arrays() -> None:
    error = {"error": {"code": 400, "message": "bad", "status": "INVALID_ARGUMENT"}}
    for answer in (error, [error]):
        read = call(STREAM, answer, ASK, status=400, content_type="text/event-stream")
        assert read.error and (read.error.message, read.error.type) == ("bad", "INVALID_ARGUMENT")


def test_a_gateway_s_cost_and_the_modalities_of_an_embedding() -> None:
    answer = chunk({"text": "Hello"}, finish="STOP", usage=USAGE | {"pydantic_ai_gateway": {"cost_estimate": 0.00015}})
    usage = call(PATH, answer, ASK, provider="gemini").usage
    assert usage and usage.provider_cost == Decimal("0.00015")
    details = [{"modality": "IMAGE", "tokenCount": 258}, {"modality": "TEXT", "tokenCount": 3}]
    counted = {"promptTokenCount": 261, "promptTokenDetails": details}
    embedded = {"embeddings": [{"values": [0.1]}], "usageMetadata": counted}
    usage = call("/v1beta/models/gemini-embedding-2:batchEmbedContents", embedded, provider="gemini").usage
    assert usage and (usage.input, usage.image_input) == (261, 258)
