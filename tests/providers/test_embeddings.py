from decimal import Decimal

import pytest

from kagura.model import JsonObject, SpanKind
from tests.providers.dialogue import call

CASES: list[tuple[str, str, JsonObject, int]] = [
    ("openai", "/v1/embeddings", {"model": "m", "data": [], "usage": {"prompt_tokens": 9, "total_tokens": 9}}, 9),
    ("voyage", "/v1/embeddings", {"model": "m", "data": [], "usage": {"total_tokens": 3}}, 3),
    ("cohere", "/v2/embed", {"id": "e", "embeddings": {}, "meta": {"billed_units": {"input_tokens": 4}}}, 4),
    ("ollama", "/api/embed", {"model": "m", "embeddings": [], "prompt_eval_count": 2}, 2),
    ("vertex", "/v1/models/e:embedContent", {"embedding": {}, "usageMetadata": {"promptTokenCount": 11}}, 11),
    ("bedrock", "/model/amazon.titan-embed-text-v1/invoke", {"embedding": [], "inputTextTokenCount": 30}, 30),
]


@pytest.mark.parametrize(("provider", "path", "answer", "tokens"), CASES)
def test_input_tokens_of_each_provider(provider: str, path: str, answer: JsonObject, tokens: int) -> None:
    read = call(path, answer, {"model": "m", "input": "Ruby"}, provider=provider)
    assert read.kind is SpanKind.EMBEDDING
    assert read.usage and read.usage.input == tokens
    assert read.output_messages == []


def test_vertex_counts_each_text_apart() -> None:
    path = "/v1/projects/p/locations/l/publishers/google/models/text-embedding-004:predict"
    predictions = [{"embeddings": {"statistics": {"token_count": count}, "values": [0.1]}} for count in (1, 2)]
    answer = {"predictions": predictions, "metadata": {"billableCharacterCount": 10}}
    read = call(path, answer, {"instances": [{"content": "Ruby"}, {"content": "Python"}]}, provider="vertex")
    assert read.request_model == "text-embedding-004"
    assert [sent.text for sent in read.input_messages] == ["Ruby", "Python"]
    assert read.usage and (read.usage.input, read.usage.units) == (3, {"characters": Decimal(10)})


def test_the_model_of_azures_deployment_path() -> None:
    path = "/openai/deployments/my-embedder/embeddings?api-version=2023-07-01-preview"
    assert call(path, {"data": []}, {"input": "x"}, provider="azure").request_model == "my-embedder"
    assert call(path, {"data": []}, {"input": "x", "model": "ada"}, provider="azure").request_model == "ada"


def test_embeddings_of_a_served_model_are_told_by_their_fields() -> None:
    answer = {"object": "list", "model": "gte", "data": [{"embedding": [0.1]}], "usage": {"prompt_tokens": 5}}
    found = call("/serving-endpoints/my-gte/invocations", answer, {"input": "Hi"}, provider="databricks")
    assert (found.kind, found.billable, found.request_model) == (SpanKind.EMBEDDING, True, "my-gte")
    assert found.usage and found.usage.input == 5
    found = call("/v1/multimodalembeddings", answer, {"model": "voyage-multimodal-3"}, provider="voyage")
    assert (found.endpoint, found.kind) == ("embeddings", SpanKind.EMBEDDING)
