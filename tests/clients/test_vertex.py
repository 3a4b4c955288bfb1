"""Google's own client in its Vertex mode: a project and a place in the path, a token of Google Cloud's."""

from typing import Any

from google import genai
from google.genai import types
from google.oauth2.credentials import Credentials

from tests.clients import gemini_dialogue as say
from tests.clients.comparison import Both, bill, cost

BILL = bill((1000, "0.30"), (4000, "0.03"), (60 + 240, "2.50"))
"""Gemini 2.5 Flash (https://cloud.google.com/vertex-ai/generative-ai/pricing, November 2026)."""
PATH = f"/v1beta1/projects/my-project/locations/europe-west4/publishers/google/models/{say.MODEL}"


def client(root: str) -> genai.Client:
    return genai.Client(
        vertexai=True,
        project="my-project",
        location="europe-west4",
        credentials=Credentials(token="ya29.test"),  # type: ignore[no-untyped-call]
        http_options=types.HttpOptions(base_url=root),
    )


def assert_answer(call: dict[str, Any]) -> None:
    assert (call["status"], call["error"], call["provider"]) == ("completed", None, "vertex")
    assert (call["request_model"], call["response_model"]) == (say.MODEL, say.MODEL)
    assert (call["input_tokens"], call["cache_read_tokens"]) == (5000, 4000)
    assert (call["output_tokens"], call["reasoning_tokens"]) == (300, 240)
    assert cost(call) == BILL


def test_plain_and_streamed(both: Both) -> None:
    def use(root: str) -> Any:
        with client(root) as ai:
            ask: Any = {"model": say.MODEL, "contents": "Good morning?"}
            plain = ai.models.generate_content(**ask)
            return [
                answer.model_dump(exclude={"sdk_http_response"})
                for answer in (plain, *ai.models.generate_content_stream(**ask))
            ]

    parts = ({"text": "Good "}, say.FUNCTION_CALL)
    seen = both([say.answer(*parts), say.stream(*parts)], use, below="/vertex")
    assert [request.path for request in seen.requests] == [
        f"{PATH}:generateContent",
        f"{PATH}:streamGenerateContent?alt=sse",
    ]
    assert all(request.header("authorization") == "Bearer ya29.test" for request in seen.requests)
    for call in seen.calls:
        assert_answer(call)
        assert call["tool_calls"] == ["get_weather"]
    assert [call["stream"] for call in seen.calls] == [False, True]
