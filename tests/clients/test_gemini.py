"""Google's own Python client, blocking and asynchronous."""

import json
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from google import genai
from google.genai import errors, types

from tests.clients import gemini_dialogue as say
from tests.clients.comparison import Both, bill, cost
from tests.clients.upstream import said

QUESTION = "Good morning? 🌅"
BILL = bill((1000, "0.30"), (4000, "0.03"), (60 + 240, "2.50"))
"""Gemini 2.5 Flash: input, cached input, output with thoughts (https://ai.google.dev/gemini-api/docs/pricing,
November 2026)."""
TEXT = ({"text": "Good "}, {"text": "morning"})


def client(root: str) -> genai.Client:
    return genai.Client(api_key="test", vertexai=False, http_options=types.HttpOptions(base_url=root))


def asking(**more: Any) -> Callable[[str], Any]:
    def use(root: str) -> Any:
        with client(root) as ai:
            return content(ai.models.generate_content(model=say.MODEL, contents=QUESTION, **more))

    return use


def content(answer: types.GenerateContentResponse) -> Any:
    """An answer without the headers of its connection, which are compared elsewhere."""
    return answer.model_dump(exclude={"sdk_http_response"})


def assert_answer(call: dict[str, Any]) -> None:
    """The numbers that every scripted answer has: output counts the thoughts."""
    assert (call["status"], call["error"], call["http_status"]) == ("completed", None, 200)
    assert (call["provider"], call["kind"]) == ("gemini", "llm")
    assert (call["request_model"], call["response_model"]) == (say.MODEL, say.MODEL)
    assert (call["input_tokens"], call["cache_read_tokens"]) == (5000, 4000)
    assert (call["output_tokens"], call["reasoning_tokens"]) == (300, 240)
    assert cost(call) == BILL
    assert call["finish_reason"] == "STOP"
    assert 0 < call["ttft_ms"] <= call["duration_ms"]


def test_a_plain_answer(both: Both) -> None:
    seen = both([say.answer(*TEXT)], asking())
    assert seen.result["candidates"][0]["content"]["parts"][1]["text"] == "morning"
    assert_answer(seen.call)
    assert (seen.call["endpoint"], seen.call["stream"]) == ("generateContent", False)


def test_a_stream(both: Both) -> None:
    def use(root: str) -> Any:
        with client(root) as ai:
            return [content(part) for part in ai.models.generate_content_stream(model=say.MODEL, contents=QUESTION)]

    seen = both([say.stream(*TEXT)], use)
    assert "alt=sse" in seen.requests[0].path
    assert len(seen.result) == 2
    assert_answer(seen.call)
    assert (seen.call["endpoint"], seen.call["stream"]) == ("streamGenerateContent", True)


@pytest.mark.parametrize("coding", ["gzip"])
def test_compressed_answers(both: Both, coding: str) -> None:
    seen = both([say.answer(*TEXT, coding=coding)], asking())
    assert coding in seen.requests[0].header("accept-encoding")
    assert_answer(seen.call)


def test_a_function_is_called_for_the_model(both: Both) -> None:
    def get_weather(city: str) -> str:
        """The weather of a city."""
        return f"18 °C in {city}"

    seen = both([say.answer(say.FUNCTION_CALL), say.answer(*TEXT)], asking(config={"tools": [get_weather]}))
    for call in seen.calls:
        assert_answer(call)
    assert [call["tool_calls"] for call in seen.calls] == [["get_weather"], []]


def test_an_array_that_grows(both: Both) -> None:
    def use(root: str) -> Any:
        body = json.dumps({"contents": [{"parts": [{"text": QUESTION}]}]}).encode()
        headers = {"content-type": "application/json", "x-goog-api-key": "test"}
        url = f"{root}/v1beta/models/{say.MODEL}:streamGenerateContent"
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=10) as answer:
            return answer.read()

    seen = both([say.array(*TEXT, say.FUNCTION_CALL)], use)
    assert len(json.loads(seen.result)) == 3
    assert_answer(seen.call)
    assert (seen.call["stream"], seen.call["tool_calls"]) == (True, ["get_weather"])


def test_counting_tokens_costs_nothing(both: Both) -> None:
    def use(root: str) -> Any:
        with client(root) as ai:
            return ai.models.count_tokens(model=say.MODEL, contents=QUESTION).total_tokens

    seen = both([said({"totalTokens": 7})], use)
    assert seen.result == 7
    assert (seen.call["endpoint"], seen.call["cost_usd"]) == ("count_tokens", None)


@pytest.mark.parametrize(
    ("status", "name", "kind"),
    [(400, "INVALID_ARGUMENT", errors.ClientError), (503, "UNAVAILABLE", errors.ServerError)],
)
def test_errors(both: Both, status: int, name: str, kind: type[errors.APIError]) -> None:
    def use(root: str) -> Any:
        with client(root) as ai, pytest.raises(kind) as caught:
            ai.models.generate_content(model=say.MODEL, contents=QUESTION)
        return caught.value.code, caught.value.status, caught.value.message

    call = both([say.error(status, name, "not now")], use).call
    assert (call["status"], call["http_status"]) == ("failed", status)
    assert (call["error"], call["error_type"], call["cost_usd"]) == ("not now", name, None)


@pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")
async def test_the_asynchronous_client(both: Both) -> None:
    async def use(root: str) -> Any:
        async with client(root).aio as ai:
            plain = await ai.models.generate_content(model=say.MODEL, contents=QUESTION)
            stream = await ai.models.generate_content_stream(model=say.MODEL, contents=QUESTION)
            return content(plain), [content(part) async for part in stream]

    seen = await both.awaited([say.answer(*TEXT), say.stream(*TEXT)], use)
    for call in seen.calls:
        assert_answer(call)
    assert [call["stream"] for call in seen.calls] == [False, True]


def test_the_key_is_in_no_record(both: Both) -> None:
    def use(root: str) -> Any:
        url = f"{root}/v1beta/models/{say.MODEL}:generateContent?key=very-secret-key"
        request = urllib.request.Request(url, b'{"contents": []}', {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read()

    seen = both([say.answer(*TEXT)], use)
    assert "very-secret-key" in seen.requests[0].path
    assert "very-secret-key" not in json.dumps(seen.call)
