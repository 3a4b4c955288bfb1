"""OpenAI's client for Azure: deployments in the path, a version in the query, a key in a header of its own."""

from collections.abc import Callable
from typing import Any

import openai
import pytest
from openai import AzureOpenAI

from tests.clients import openai_dialogue as say
from tests.clients.comparison import Both, bill, cost

DEPLOYMENT = "my team's mini"
VERSION = "2024-10-21"
QUESTION: list[Any] = [{"role": "user", "content": "Good morning?"}]
BILL = bill((1200 - 1024, "0.15"), (1024, "0.075"), (340, "0.60"))
"""gpt-4o-mini (https://azure.microsoft.com/pricing/details/cognitive-services/openai-service/, November 2026)."""


def client(root: str) -> AzureOpenAI:
    return AzureOpenAI(azure_endpoint=root, api_version=VERSION, api_key="azure-test", max_retries=0)


def asking(**more: Any) -> Callable[[str], Any]:
    def use(root: str) -> Any:
        with client(root) as ai:
            answer = ai.chat.completions.create(model=DEPLOYMENT, messages=QUESTION, **more)
            return list(answer) if more.get("stream") else answer

    return use


def assert_chat(call: dict[str, Any]) -> None:
    assert (call["status"], call["provider"], call["endpoint"]) == ("completed", "azure", "chat/completions")
    assert (call["request_model"], call["response_model"]) == (DEPLOYMENT, say.SERVED)
    assert (call["input_tokens"], call["cache_read_tokens"], call["output_tokens"]) == (1200, 1024, 340)
    assert cost(call) == BILL


def test_a_plain_answer(both: Both) -> None:
    seen = both([say.chat({"content": "Good morning"})], asking(), below="/azure")
    (asked,) = seen.requests
    assert asked.path == f"/openai/deployments/my%20team's%20mini/chat/completions?api-version={VERSION}"
    assert asked.header("api-key") == "azure-test"
    assert seen.result.choices[0].message.content == "Good morning"
    assert_chat(seen.call)


def test_a_stream_has_its_tokens_and_the_client_sees_none(both: Both) -> None:
    seen = both([say.chat_stream(*say.tools_in_pieces())], asking(stream=True), asks_usage=True, below="/azure")
    assert all(chunk.choices and not chunk.usage for chunk in seen.result)
    assert_chat(seen.call)
    assert (seen.call["stream"], seen.call["tool_calls"]) == (True, ["get_weather", "get_time"])


def test_a_content_filter_is_an_error(both: Both) -> None:
    def use(root: str) -> Any:
        with client(root) as ai, pytest.raises(openai.BadRequestError) as caught:
            ai.chat.completions.create(model=DEPLOYMENT, messages=QUESTION)
        return caught.value.message, caught.value.body

    call = both([say.error(400, "filtered", "content_filter")], use, below="/azure").call
    assert (call["status"], call["error"], call["http_status"]) == ("failed", "filtered", 400)
