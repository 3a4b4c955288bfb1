"""Usage of batches and background responses is counted once, when it is fetched."""

import json
from decimal import Decimal
from typing import Any

from kagura.model import Body, Outcome, SpanKind, Status
from kagura.store import ExecutionRow, Store
from tests.collector.recorded import SECOND, Recorder, T, sse

BACKGROUND = {"model": "gpt-4o", "input": "Think long.", "background": True}
RESPONSES = "/v1/responses"
MINUTE = 60 * SECOND


def response(status: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": "resp_1",
        "object": "response",
        "model": "gpt-4o-2024-08-06",
        "background": True,
        "status": status,
        "output": [],
        "usage": None,
    } | fields


DONE = response(
    "completed",
    output=[{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "42"}]}],
    usage={"input_tokens": 1000, "output_tokens": 200, "total_tokens": 1200},
)


def fetch(
    recorder: Recorder, answer: Any, at: int = T + MINUTE, target: str = RESPONSES + "/resp_1", **fields: Any
) -> None:
    labels = {name: fields.pop(name) for name in ("provider", "execution_id") if name in fields}
    start = recorder.ask(None, at=at, target=target, method="GET", **labels)
    recorder.store(start, recorder.answer(start, answer, **fields))


def overview(recorder: Recorder) -> tuple[int, Decimal | int, int]:
    """Calls, dollars billed, calls of unknown cost."""
    with Store.open(recorder.settings.db_url, read_only=True) as store:
        found = store.overview()
    return found.llm_calls, found.cost.billed, found.cost.unknown_calls


def executions(recorder: Recorder) -> list[ExecutionRow]:
    with Store.open(recorder.settings.db_url, read_only=True) as store:
        return store.executions()


def test_a_background_response_is_one_call_that_costs_when_it_is_fetched(recorder: Recorder) -> None:
    asked = recorder.call(BACKGROUND, response("queued"), target=RESPONSES, execution_id="run-1")
    assert (asked.status, asked.usage, asked.cost) == (Status.COMPLETED, None, None)
    assert overview(recorder) == (1, 0, 0)
    fetch(recorder, response("in_progress"))
    assert overview(recorder) == (1, 0, 0)
    for minute in (2, 3):
        fetch(recorder, DONE, T + minute * MINUTE)
        # $2.50 and $10.00 a million tokens
        assert overview(recorder) == (1, Decimal("0.0045"), 0)
    spans = recorder.spans()
    assert [span.kind for span in spans] == [SpanKind.LLM, SpanKind.SPAN, SpanKind.SPAN, SpanKind.SPAN]
    assert spans[0].id == asked.id
    assert (spans[0].output_preview, spans[0].finish_reason) == ("42", "completed")
    (run,) = [run for run in executions(recorder) if run.id == "run-1"]
    assert run.cost.billed == Decimal("0.0045")


def test_a_background_response_that_was_asked_for_elsewhere_is_a_call_below_its_fetch(recorder: Recorder) -> None:
    fetch(recorder, DONE)
    fetch(recorder, DONE, T + 2 * MINUTE)
    first, result, second = sorted(recorder.spans(), key=lambda span: (span.started_at, span.kind is SpanKind.LLM))
    assert (result.kind, result.parent_id, result.execution_id) == (SpanKind.LLM, first.id, first.execution_id)
    assert second.usage is None
    assert overview(recorder) == (1, Decimal("0.0045"), 0)


def test_a_streamed_background_response_is_not_counted_again(recorder: Recorder) -> None:
    events = [
        {"type": "response.created", "response": response("queued")},
        {"type": "response.completed", "response": DONE},
    ]
    recorder.call(BACKGROUND | {"stream": True}, sse(*events), target=RESPONSES, kind="text/event-stream")
    fetch(recorder, DONE)
    assert overview(recorder) == (1, Decimal("0.0045"), 0)


def test_a_background_stream_that_was_left_is_counted_when_it_is_taken_up_again(recorder: Recorder) -> None:
    created = {"type": "response.created", "response": response("queued")}
    request = BACKGROUND | {"stream": True}
    left = recorder.call(request, sse(created), target=RESPONSES, outcome=Outcome.CLIENT_CLOSED)
    assert left.usage is None
    resumed = sse({"type": "response.completed", "response": DONE})
    fetch(recorder, resumed, target=RESPONSES + "/resp_1?stream=true&starting_after=1", kind="text/event-stream")
    assert overview(recorder) == (1, Decimal("0.0045"), 0)


def test_a_stored_response_of_the_foreground_is_not_counted_when_it_is_fetched(recorder: Recorder) -> None:
    plain = DONE | {"background": False}
    recorder.call(BACKGROUND | {"background": False}, plain, target=RESPONSES)
    fetch(recorder, plain)
    assert overview(recorder) == (1, Decimal("0.0045"), 0)


def test_an_interaction_in_the_background_is_counted_when_it_is_fetched(recorder: Recorder) -> None:
    target = "/v1beta/interactions"
    begun: dict[str, Any] = {"id": "v1_abc", "object": "interaction", "status": "in_progress", "agent": "deep-research"}
    request = {"input": "Find out.", "background": True, "agent": "deep-research"}
    done = begun | {"status": "completed", "model": "gemini-2.5-flash"}
    done |= {"usage": {"total_input_tokens": 1000, "total_output_tokens": 100}}
    recorder.call(request, begun, provider="gemini", target=target)
    assert overview(recorder) == (1, 0, 0)
    for minute in (1, 2):
        fetch(recorder, done, T + minute * MINUTE, f"{target}/v1_abc", provider="gemini")
    # $0.30 and $2.50 a million tokens
    assert overview(recorder) == (1, Decimal("0.00055"), 0)


def test_an_interaction_of_the_foreground_is_not_counted_when_it_is_fetched(recorder: Recorder) -> None:
    done = {"id": "v1_abc", "status": "completed", "model": "gemini-2.5-flash", "usage": {"total_input_tokens": 1000}}
    recorder.call({"input": "Hi"}, done, provider="gemini", target="/v1beta/interactions")
    fetch(recorder, done, target="/v1beta/interactions/v1_abc", provider="gemini")
    assert overview(recorder) == (1, Decimal("0.0003"), 0)


def line(custom_id: str, model: str, usage: dict[str, int] | None, **fields: Any) -> dict[str, Any]:
    body = {
        "id": f"chatcmpl-{custom_id}",
        "object": "chat.completion",
        "created": T // SECOND - 60,
        "model": model,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Yes"}, "finish_reason": "stop"}],
        "usage": usage,
    }
    answered = {"status_code": 200, "request_id": f"req_{custom_id}", "body": body}
    return {"id": f"batch_req_{custom_id}", "custom_id": custom_id, "response": answered, "error": None} | fields


def jsonl(*lines: Any) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


USED = {"prompt_tokens": 1_000_000, "completion_tokens": 100_000, "total_tokens": 1_100_000}


def test_each_line_of_openai_s_results_is_a_call_at_the_batch_rate(recorder: Recorder) -> None:
    refused = line("c", "gpt-4o", None, response=None, error={"message": "no such model"})
    file = jsonl(line("a", "gpt-4o-2024-08-06", USED), line("b", "gpt-4o-mini-2024-07-18", USED), refused)
    for minute in (1, 2):
        fetch(recorder, file, T + minute * MINUTE, "/v1/files/file-1/content", kind="application/octet-stream")
    calls = [span for span in recorder.spans() if span.kind is SpanKind.LLM]
    assert {span.response_model for span in calls} == {"gpt-4o-2024-08-06", "gpt-4o-mini-2024-07-18"}
    assert {span.usage and span.usage.service_tier for span in calls} == {"batch"}
    assert {span.endpoint for span in calls} == {"batches/results"}
    with Store.open(recorder.settings.db_url, read_only=True) as store:
        by_model = {row.key: row.cost.billed for row in store.costs("model")}
        kept = store.span_contents(calls[0].id)
    # https://platform.openai.com/docs/pricing (batch): $1.25 and $5.00, $0.075 and $0.30 a million tokens
    assert by_model["gpt-4o-2024-08-06"] == Decimal("1.75")
    assert by_model["gpt-4o-mini-2024-07-18"] == Decimal("0.105")
    assert kept is not None
    assert [json.loads(output)["content"] for output in kept.outputs] == ["Yes"]


def test_a_single_line_is_a_file_of_results_too(recorder: Recorder) -> None:
    fetch(recorder, jsonl(line("a", "gpt-4o", USED)), target="/v1/files/file-1/content")
    assert overview(recorder)[0] == 1


def test_requests_of_a_batch_and_other_files_are_no_results(recorder: Recorder) -> None:
    requests = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "gpt-4o"}}
    fetch(recorder, jsonl(requests, requests), target="/v1/files/file-0/content")
    example = {"messages": [{"role": "user", "content": "Hi"}], "response": {"text": "Hello"}}
    fetch(recorder, jsonl(example, example), target="/v1/files/file-2/content")
    assert overview(recorder) == (0, 0, 0)


def test_embeddings_of_a_batch_are_embeddings(recorder: Recorder) -> None:
    embeddings = {
        "object": "list",
        "data": [],
        "model": "text-embedding-3-small",
        "usage": {"prompt_tokens": 1_000_000},
    }
    answered = {"status_code": 200, "body": embeddings}
    fetch(recorder, jsonl({"id": "1", "custom_id": "a", "response": answered}), target="/v1/files/file-1/content")
    (call,) = [span for span in recorder.spans() if span.kind is SpanKind.EMBEDDING]
    assert (call.response_model, call.usage and call.usage.input) == ("text-embedding-3-small", 1_000_000)


def test_anthropic_s_results(recorder: Recorder) -> None:
    usage = {"input_tokens": 100_000, "output_tokens": 100_000, "service_tier": "batch"}
    message: dict[str, Any] = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5",
        "usage": usage,
    }
    message |= {"content": [{"type": "text", "text": "Yes"}], "stop_reason": "end_turn"}
    results = jsonl(
        {"custom_id": "a", "result": {"type": "succeeded", "message": message}},
        {"custom_id": "b", "result": {"type": "errored", "error": {"type": "invalid_request"}}},
        {"custom_id": "c", "result": {"type": "expired"}},
    )
    target = "/v1/messages/batches/msgbatch_1/results"
    for minute in (1, 2):
        fetch(recorder, results, T + minute * MINUTE, target, provider="anthropic", kind="application/x-jsonl")
    # https://claude.com/pricing: half of $3.00 and $15.00 a million tokens
    assert overview(recorder) == (1, Decimal("0.9"), 0)


def test_gemini_s_inlined_results_and_files(recorder: Recorder) -> None:
    usage = {"promptTokenCount": 1_000_000, "candidatesTokenCount": 100_000, "totalTokenCount": 1_100_000}
    content = {"role": "model", "parts": [{"text": "Yes"}]}
    answer = {"candidates": [{"content": content, "finishReason": "STOP"}], "usageMetadata": usage}
    answer |= {"modelVersion": "gemini-2.5-flash", "responseId": "r1"}
    inlined = [{"response": answer, "metadata": {"key": "a"}}, {"response": answer | {"responseId": "r2"}}]
    operation = {
        "name": "batches/1",
        "metadata": {"output": {"inlinedResponses": {"inlinedResponses": inlined}}},
        "done": True,
        "response": {"inlinedResponses": {"inlinedResponses": inlined}},
    }
    for minute in (1, 2):
        fetch(recorder, operation, T + minute * MINUTE, "/v1beta/batches/1", provider="gemini")
    # https://ai.google.dev/gemini-api/docs/pricing (batch): $0.15 and $1.25 a million tokens
    assert overview(recorder) == (2, 2 * Decimal("0.275"), 0)
    file = jsonl({"key": "b", "response": answer | {"responseId": "r3"}})
    fetch(recorder, file, T + 3 * MINUTE, "/download/v1beta/files/f:download?alt=media", provider="gemini")
    assert overview(recorder)[0] == 3


def test_what_a_provider_asks_for_a_batch_and_does_not_say_is_unknown(recorder: Recorder) -> None:
    fetch(recorder, jsonl(line("a", "gpt-4o", USED)), target="/v1/files/file-1/content", provider="together")
    assert overview(recorder) == (1, 0, 1)


def test_results_behind_the_end_of_the_copy_are_calls_of_unknown_cost(recorder: Recorder) -> None:
    file = jsonl(line("a", "gpt-4o", USED), line("b", "gpt-4o", USED))
    for minute in (1, 2):
        fetch(recorder, Body(file[:-40], len(file)), T + minute * MINUTE, "/v1/files/file-1/content")
    calls, _, unknown = overview(recorder)
    assert (calls, unknown) == (2, 1)
