"""Answers that another exchange fetched: which bodies hold them, and what tells one from another."""

import json
from typing import Any

import pytest

from kagura.model import Call
from tests.providers.dialogue import call

CHAT = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1_790_000_000,
    "model": "gpt-4o",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Yes"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 1},
}


def fetched(path: str, *lines: Any, **options: Any) -> Call:
    data = b"\n".join(json.dumps(line).encode() for line in lines)
    return call(path, data, method="GET", content_type="application/octet-stream", **options)


def openai_line(name: str = "a", **body: Any) -> dict[str, Any]:
    return {"id": f"req_{name}", "custom_id": name, "response": {"status_code": 200, "body": CHAT | body}}


def test_a_result_says_what_it_is() -> None:
    (result,) = fetched("/v1/files/file-1/content", openai_line()).results
    assert (result.batched, result.at, result.asked_for) == (True, 1_790_000_000_000_000, False)
    found = result.call
    assert (found.endpoint, found.response_model, found.finish_reason) == ("batches/results", "gpt-4o", "stop")
    assert found.usage is not None
    assert (found.usage.input, found.usage.output, found.usage.service_tier) == (10, 1, "batch")


def test_keys_are_the_same_for_the_same_result_and_differ_else() -> None:
    path = "/v1/files/file-1/content"
    lines = [openai_line(), openai_line("b"), openai_line(id="chatcmpl-2"), openai_line(usage={"prompt_tokens": 9})]
    keys = [result.key for result in fetched(path, *lines).results]
    assert len(set(keys)) == 4
    assert [result.key for result in fetched(path, *lines).results] == keys
    assert fetched("/v1/files/file-2/content", lines[0]).results[0].key == keys[0]


def test_an_answer_without_an_id_is_told_by_its_file() -> None:
    line = openai_line(id=None)
    one, other = (fetched(f"/v1/files/{name}/content", line).results[0].key for name in ("file-1", "file-2"))
    assert one != other


def test_mistral_s_job_holds_its_outputs() -> None:
    job = {"id": "job-1", "status": "SUCCESS", "outputs": [openai_line(), openai_line("b")]}
    assert len(fetched("/v1/batch/jobs/job-1?inline=true", job, provider="mistral").results) == 2


def test_responses_and_embeddings_may_stand_in_lines() -> None:
    response = {"id": "resp_1", "object": "response", "model": "gpt-4o", "usage": {"input_tokens": 5}, "output": []}
    embedding = {"object": "list", "data": [], "model": "text-embedding-3-small", "usage": {"prompt_tokens": 7}}
    lines = [{"custom_id": name, "response": {"body": body}} for name, body in (("a", response), ("b", embedding))]
    calls = [result.call for result in fetched("/v1/files/file-1/content", *lines).results]
    assert [(found.kind.value, found.usage and found.usage.input) for found in calls] == [("llm", 5), ("embedding", 7)]


@pytest.mark.parametrize(
    "line",
    [
        {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": CHAT},
        {"custom_id": "a", "response": None, "error": {"message": "expired"}},
        {"custom_id": "a", "response": {"status_code": 400, "body": {"error": {"message": "no"}}}},
        {"response": CHAT},
        {"messages": [], "response": "text"},
        ["custom_id", "response"],
        "text",
        None,
    ],
)
def test_other_lines_hold_none(line: Any) -> None:
    found = fetched("/v1/files/file-1/content", line, line)
    assert found.results == []
    assert not [note for note in found.notes if note.startswith("kagura could not read")]


def test_a_refused_fetch_holds_none() -> None:
    assert fetched("/v1/files/file-1/content", openai_line(), status=404).results == []
