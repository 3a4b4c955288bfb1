from decimal import Decimal
from typing import Any

from kagura.model import JsonObject, ToolCall
from tests.providers.dialogue import call, sse

PATH = "/v1beta/interactions"


def event(kind: str, **fields: object) -> tuple[str, JsonObject]:
    return kind, {"event_type": kind} | fields


def stream(*events: tuple[str, JsonObject], **end: Any) -> bytes:
    """A streamed interaction: its steps' events, and its end with further fields."""
    begun = event("interaction.created", interaction={"id": "v1_x", "model": "gemini-3-flash", "status": "in_progress"})
    return sse(begun, *events, event("interaction.completed", interaction={"status": "completed"} | end), done=True)


def test_status_is_the_finish_reason_and_thoughts_stand_outside_the_output() -> None:
    usage = {"total_input_tokens": 9, "total_output_tokens": 13, "total_thought_tokens": 220, "total_cached_tokens": 4}
    answer = {
        "id": "v1_x",
        "object": "interaction",
        "model": "gemini-2.5-flash",
        "status": "completed",
        "outputs": [
            {"type": "text", "text": "Hi"},
            {"type": "function_call", "id": "f", "name": "ls", "arguments": {}},
        ],
        "usage": usage,
    }
    ask = {"model": "gemini-2.5-flash", "input": "Hi", "previous_interaction_id": "v1_w"}
    read = call(PATH, answer, ask, provider="gemini")
    assert (read.response_id, read.finish_reason, read.previous_response_id) == ("v1_x", "completed", "v1_w")
    assert read.usage and (read.usage.input, read.usage.output, read.usage.cache_read) == (9, 233, 4)
    assert read.tool_calls == [ToolCall(name="ls", id="f", arguments={})]


def test_steps_of_a_stream_are_put_together() -> None:
    body = stream(
        event("step.start", index=0, step={"type": "thought"}),
        event("step.delta", index=0, delta={"type": "thought_signature", "signature": "s"}),
        event("step.delta", index=0, delta={"type": "thought_summary", "content": {"type": "text", "text": "Hm"}}),
        event("step.start", index=1, step={"type": "model_output"}),
        event("step.delta", index=1, delta={"type": "text", "text": "Hel"}),
        event("step.delta", index=1, delta={"type": "text", "text": "lo"}),
        event("step.start", index=2, step={"type": "function_call", "id": "f1", "name": "add", "arguments": {}}),
        event("step.delta", index=2, delta={"type": "arguments_delta", "arguments": '{"x":'}),
        event("step.delta", index=2, delta={"type": "arguments_delta", "arguments": "2}"}),
        event("step.start", index=3, step={"type": "function_call", "id": "f2", "name": "now", "arguments": {}}),
        event("step.stop", index=3),
    )
    read = call(PATH, body, {"stream": True}, provider="gemini")
    assert (read.stream, read.complete, read.response_model) == (True, True, "gemini-3-flash")
    assert read.tool_calls == [
        ToolCall(name="add", id="f1", arguments={"x": 2}),
        ToolCall(name="now", id="f2", arguments={}),
    ]
    thought, said, *_ = read.output_messages[0].content["content"]
    assert thought == {"type": "thought", "signature": "s", "summary": [{"type": "text", "text": "Hm"}]}
    assert said == {"type": "model_output", "content": [{"type": "text", "text": "Hello"}]}


def test_searches_modalities_and_the_service_tier() -> None:
    usage = {
        "total_input_tokens": 260,
        "total_tool_use_tokens": 40,
        "total_output_tokens": 9,
        "input_tokens_by_modality": [{"modality": "text", "tokens": 2}, {"modality": "audio", "tokens": 258}],
    }
    body = stream(
        event("step.start", index=0, step={"type": "google_search_call", "id": "g"}),
        event("step.delta", index=0, delta={"type": "google_search_call", "arguments": {"queries": ["a", "b"]}}),
        usage=usage,
        service_tier="flex",
    )
    found = call(PATH, body, {"stream": True}, provider="gemini").usage
    assert found and (found.input, found.output, found.audio_input, found.service_tier) == (300, 9, 258, "flex")
    assert found.units == {"grounding_queries": Decimal(2)}


def test_deltas_of_steps_that_nobody_began() -> None:
    body = stream(("content.delta", {"delta": {"type": "text", "text": "Hi"}}), ("x", {"delta": {"arguments": 7}}))
    read = call(PATH, body, {"stream": True}, provider="gemini")
    assert (read.output_messages[0].text, read.tool_calls, read.notes) == ("Hi", [], [])
