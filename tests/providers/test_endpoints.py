import subprocess
import sys

import pytest

from kagura.model import SpanKind
from kagura.providers import find


@pytest.mark.parametrize(
    ("path", "name", "kind"),
    [
        ("/v1/chat/completions", "chat/completions", SpanKind.LLM),
        ("/openai/deployments/gpt-4o/chat/completions", "chat/completions", SpanKind.LLM),
        ("/v1/completions", "completions", SpanKind.LLM),
        ("/v1/fim/completions", "fim/completions", SpanKind.LLM),
        ("/v1/agents/completions", "agents/completions", SpanKind.LLM),
        ("/v1/responses", "responses", SpanKind.LLM),
        ("/v1/responses/compact", "responses/compact", SpanKind.LLM),
        ("/v1/messages", "messages", SpanKind.LLM),
        ("/v1/complete", "complete", SpanKind.LLM),
        ("/v1/embeddings", "embeddings", SpanKind.EMBEDDING),
        ("/v2/embed", "embeddings", SpanKind.EMBEDDING),
        ("/api/embed", "embeddings", SpanKind.EMBEDDING),
        ("/v1beta/models/text-embedding-004:embedContent", "embeddings", SpanKind.EMBEDDING),
        ("/v1beta/models/text-embedding-004:batchEmbedContents", "embeddings", SpanKind.EMBEDDING),
        ("/models/gemini-2.5-pro:generateContent", "generateContent", SpanKind.LLM),
        ("/v1/models/gemini-2.5-pro:streamGenerateContent", "streamGenerateContent", SpanKind.LLM),
        ("/v1/projects/p/locations/l/publishers/anthropic/models/claude:rawPredict", "rawPredict", SpanKind.LLM),
        ("/v1beta/interactions", "interactions", SpanKind.LLM),
        ("/model/us.anthropic.claude-v2:0/converse", "converse", SpanKind.LLM),
        ("/model/us.anthropic.claude-v2:0/converse-stream", "converse-stream", SpanKind.LLM),
        ("/model/amazon.nova:0/invoke", "invoke", SpanKind.LLM),
        ("/model/amazon.titan-embed-text-v2:0/invoke", "invoke", SpanKind.EMBEDDING),
        ("/model/amazon.nova:0/invoke-with-response-stream", "invoke-stream", SpanKind.LLM),
        ("/v2/chat", "chat", SpanKind.LLM),
        ("/api/chat", "chat", SpanKind.LLM),
        ("/api/generate", "generate", SpanKind.LLM),
        ("/v2/rerank", "rerank", SpanKind.RETRIEVAL),
        ("/v1/audio/speech", "audio/speech", SpanKind.LLM),
        ("/v1/audio/transcriptions", "audio/transcriptions", SpanKind.LLM),
        ("/v1/images/generations", "images", SpanKind.LLM),
        ("/v1/moderations", "moderations", SpanKind.LLM),
        ("/v1/ocr", "ocr", SpanKind.LLM),
    ],
)
def test_endpoints_that_bill(path: str, name: str, kind: SpanKind) -> None:
    found = find("POST", path)
    assert (found.name, found.kind, found.billable) == (name, kind, True)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/messages/count_tokens", "count_tokens"),
        ("/v1beta/models/gemini-2.5-pro:countTokens", "count_tokens"),
        ("/v1/responses/input_tokens", "count_tokens"),
        ("/v1/messages/batches", "batches"),
        ("/v1/batches", "batches"),
        ("/v1beta/models/gemini-2.5-pro:batchGenerateContent", "batches"),
        ("/v1/files", "files"),
        ("/upload/v1beta/files", "files"),
        ("/v1/vector_stores/vs_1/files", "vector_stores"),
        ("/v1/threads/t/runs", "assistants"),
        ("/v1/conversations", "conversations"),
        ("/v1/containers/c/files", "containers"),
        ("/v1/models", "models"),
        ("/v1beta/cachedContents", "cachedContents"),
        ("/v1/responses/resp_1/cancel", "responses-item"),
        ("/v1/realtime/sessions", "realtime-item"),
        ("/api/event_logging", "other"),
        ("/", "other"),
    ],
)
def test_endpoints_that_do_not_bill(path: str, name: str) -> None:
    found = find("POST", path)
    assert (found.name, found.kind, found.billable) == (name, SpanKind.SPAN, False)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/embeddings", "/v1/responses"])
def test_only_a_post_bills(path: str) -> None:
    assert find("POST", path).billable
    assert not find("GET", path).billable


def test_importing_the_table_and_endpoints_brings_no_reader_along() -> None:
    script = "import sys, kagura.providers; print([n for n in sys.modules if n.startswith('kagura.providers.')])"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert sorted(eval(found)) == [
        f"kagura.providers.{name}" for name in ("builtin", "endpoints", "errors", "row", "table")
    ]
