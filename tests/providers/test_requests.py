import pytest

from kagura.providers.requests import request_model, split_target
from tests.providers.dialogue import call


@pytest.mark.parametrize(
    ("target", "body", "model"),
    [
        ("/v1/chat/completions", {"model": "gpt-4o"}, "gpt-4o"),
        ("/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse", {}, "gemini-2.5-pro"),
        ("/models/gemini-2.5-pro:generateContent", {}, "gemini-2.5-pro"),
        ("/v1/projects/p/locations/l/publishers/anthropic/models/claude@1:rawPredict", {}, "claude@1"),
        ("/model/us.anthropic.claude-v2%3A0/invoke-with-response-stream", {}, "us.anthropic.claude-v2:0"),
        ("/model/meta.llama3:0/converse", {"model": "other"}, "meta.llama3:0"),
        ("/openai/deployments/my-gpt/chat/completions?api-version=1", {}, "my-gpt"),
        ("/v1/engines/ada/embeddings", {}, "ada"),
        ("/v1/models/meta/llama-2-70b-chat/predictions", {}, "meta/llama-2-70b-chat"),
        ("/v1/listen?model=nova-3&smart_format=true", {}, "nova-3"),
        ("/ml/v1/text/generation?version=1", {"model_id": "google/flan-ul2"}, "google/flan-ul2"),
        ("/v1/chat/completions", {"model": 7}, None),
        ("/v1/files", {}, None),
    ],
)
def test_the_model_is_named_by_path_body_or_query(target: str, body: dict[str, object], model: str | None) -> None:
    assert request_model(body, *split_target(target)) == model


def test_urlencoded_forms() -> None:
    read = call(
        "/v1/audio/translations", {"text": "x"}, b"model=whisper-1", request_type="application/x-www-form-urlencoded"
    )
    assert read.request_model == "whisper-1"


def test_forms_without_a_declared_boundary() -> None:
    body = b'--q\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n--q--\r\n'
    read = call("/v1/audio/transcriptions", {"text": "x"}, body, request_type="multipart/form-data")
    assert read.request_model == "whisper-1"


def test_bodies_that_are_no_json_are_no_oddity() -> None:
    read = call("/v1/listen?model=nova-3", {"results": {}}, b"RIFF\xff\xff", request_type="audio/wav")
    assert (read.request_model, read.notes) == ("nova-3", [])
