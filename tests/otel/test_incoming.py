"""Spans of every convention, old and new, in kagura's words."""

import json
from typing import Any

import pytest

from kagura.model import SpanKind
from kagura.otel.decoding import OtlpEvent, OtlpSpan
from kagura.otel.incoming import from_span, kind_of, scoped_id, tags_of, usage_of

TRACE, SPAN, PARENT = "0" * 31 + "1", "0" * 15 + "2", "0" * 15 + "3"


def span(attributes: dict[str, Any], *events: OtlpEvent, name: str = "work", **fields: Any) -> OtlpSpan:
    given: dict[str, Any] = {
        "trace_id": TRACE,
        "span_id": SPAN,
        "parent_id": PARENT,
        "name": name,
        "started_at": 1000,
        "ended_at": 5000,
        "attributes": attributes,
        "events": list(events),
        "failed": False,
        "message": "",
        "resource": {"service.name": "shop"},
        "scope": "lib",
    }
    return OtlpSpan(**given | fields)


def data(attributes: dict[str, Any], *events: OtlpEvent, **fields: Any) -> dict[str, Any]:
    return from_span(span(attributes, *events, **fields)).data


@pytest.mark.parametrize(
    ("attributes", "kind"),
    [
        ({"gen_ai.operation.name": "chat"}, SpanKind.LLM),
        ({"gen_ai.operation.name": "embeddings"}, SpanKind.EMBEDDING),
        ({"gen_ai.operation.name": "execute_tool"}, SpanKind.TOOL),
        ({"gen_ai.operation.name": "create_agent"}, SpanKind.AGENT),
        ({"gen_ai.operation.name": "retrieval"}, SpanKind.RETRIEVAL),
        ({"gen_ai.operation.name": "search_memory"}, SpanKind.MEMORY),
        ({"openinference.span.kind": "LLM"}, SpanKind.LLM),
        ({"openinference.span.kind": "CHAIN"}, SpanKind.SPAN),
        ({"openinference.span.kind": "RETRIEVER"}, SpanKind.RETRIEVAL),
        ({"traceloop.span.kind": "agent"}, SpanKind.AGENT),
        ({"traceloop.span.kind": "workflow"}, SpanKind.SPAN),
        ({"llm.request.type": "chat"}, SpanKind.LLM),
        ({"ai.operationId": "ai.generateText.doGenerate"}, SpanKind.LLM),
        ({"ai.operationId": "ai.generateText", "ai.usage.promptTokens": 5}, SpanKind.SPAN),
        ({"gen_ai.request.model": "gpt-4o", "gen_ai.usage.prompt_tokens": 5}, SpanKind.LLM),
        ({"gen_ai.operation.name": 5, "gen_ai.tool.name": "x"}, SpanKind.TOOL),
        ({"http.request.method": "GET"}, SpanKind.SPAN),
    ],
)
def test_kinds(attributes: dict[str, Any], kind: SpanKind) -> None:
    assert kind_of(attributes) is kind


@pytest.mark.parametrize(
    ("attributes", "usage"),
    [
        (
            {
                "gen_ai.usage.input_tokens": 100,
                "gen_ai.usage.output_tokens": 20,
                "gen_ai.usage.cache_read.input_tokens": 60,
                "gen_ai.usage.cache_write.input_tokens": 10,
                "gen_ai.usage.reasoning.output_tokens": 4,
            },
            {"input": 100, "output": 20, "cache_read": 60, "cache_write": 10, "reasoning": 4},
        ),
        ({"gen_ai.usage.prompt_tokens": 7, "gen_ai.usage.completion_tokens": 3}, {"input": 7, "output": 3}),
        (
            {
                "gen_ai.usage.input_tokens": 10,
                "gen_ai.usage.cache_creation.input_tokens": 4,
                "gen_ai.usage.total_tokens": 12,
            },
            {"input": 10, "output": 2, "cache_write": 4},
        ),
        (
            {
                "llm.token_count.prompt": 9,
                "llm.token_count.completion": 2,
                "llm.token_count.prompt_details.cache_read": 5,
            },
            {"input": 9, "output": 2, "cache_read": 5},
        ),
        ({"llm.usage.total_tokens": 30, "gen_ai.usage.prompt_tokens": 10}, {"input": 10, "output": 20}),
        (
            {"gen_ai.usage.input_tokens": 3, "gen_ai.usage.cache_read_input_tokens": 900},
            {"input": 903, "cache_read": 900},
        ),
        ({"gen_ai.usage.input_tokens": "12", "gen_ai.usage.output_tokens": -5}, {"input": 12}),
        ({"gen_ai.usage.input_tokens": True, "gen_ai.usage.output_tokens": "many"}, {}),
    ],
)
def test_usage_counts_the_cache_in_the_input(attributes: dict[str, Any], usage: dict[str, int]) -> None:
    assert usage_of(attributes) == usage


def test_todays_conventions() -> None:
    said = [{"role": "user", "parts": [{"type": "text", "content": "Weather?"}]}]
    call = {"type": "tool_call", "id": "call_1", "name": "weather", "arguments": {"city": "Nara"}}
    found = data(
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.request.temperature": 0.5,
            "gen_ai.response.model": "gpt-4o-2024-08-06",
            "gen_ai.response.id": "chatcmpl-1",
            "gen_ai.response.finish_reasons": ["stop"],
            "gen_ai.response.time_to_first_chunk": 0.002,
            "gen_ai.conversation.id": "chat-1",
            "gen_ai.agent.name": "planner",
            "gen_ai.system_instructions": json.dumps([{"type": "text", "content": "Be brief."}]),
            "gen_ai.input.messages": json.dumps(said),
            "gen_ai.output.messages": json.dumps(
                [{"role": "assistant", "parts": [call], "finish_reason": "tool_call"}]
            ),
            "user.id": "ann",
        }
    )
    assert (found["kind"], found["provider"], found["request_model"], found["response_model"]) == (
        "llm",
        "openai",
        "gpt-4o",
        "gpt-4o-2024-08-06",
    )
    assert (found["response_id"], found["finish_reason"], found["session_id"]) == ("chatcmpl-1", "stop", "chat-1")
    assert (found["agent"], found["user"], found["first_chunk_at"]) == ("planner", "ann", 3000)
    assert found["input"] == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Weather?"}]
    assert found["tool_calls"] == [{"name": "weather", "id": "call_1", "arguments": {"city": "Nara"}}]
    assert found["parameters"]["temperature"] == 0.5
    assert (found["id"], found["parent_id"]) == (scoped_id(TRACE, SPAN), scoped_id(TRACE, PARENT))


def test_numbered_attributes() -> None:
    found = data(
        {
            "llm.request.type": "chat",
            "gen_ai.system": "anthropic",
            "gen_ai.prompt.0.role": "user",
            "gen_ai.prompt.0.content": "Weather?",
            "gen_ai.completion.0.role": "assistant",
            "gen_ai.completion.0.finish_reason": "tool_use",
            "gen_ai.completion.0.tool_calls.0.name": "weather",
            "gen_ai.completion.0.tool_calls.0.id": "toolu_1",
            "gen_ai.completion.0.tool_calls.0.arguments": '{"city": "Nara"}',
        }
    )
    assert (found["provider"], found["finish_reason"]) == ("anthropic", "tool_use")
    assert found["input"] == [{"role": "user", "content": "Weather?"}]
    assert found["tool_calls"] == [{"name": "weather", "id": "toolu_1", "arguments": {"city": "Nara"}}]


def test_openinference() -> None:
    found = data(
        {
            "openinference.span.kind": "LLM",
            "llm.system": "openai",
            "llm.model_name": "gpt-4o-2024-08-06",
            "llm.invocation_parameters": '{"model": "gpt-4o", "temperature": 0}',
            "llm.input_messages.0.message.role": "user",
            "llm.input_messages.0.message.contents.0.message_content.type": "text",
            "llm.input_messages.0.message.contents.0.message_content.text": "Weather?",
            "llm.output_messages.0.message.role": "assistant",
            "llm.output_messages.0.message.content": "Warm.",
            "output.value": '{"id": "chatcmpl-9", "choices": []}',
            "session.id": "chat-1",
            "tag.tags": ["blue", "new"],
            "metadata": '{"team": "a"}',
        }
    )
    assert (found["request_model"], found["response_model"], found["response_id"]) == (
        "gpt-4o",
        "gpt-4o-2024-08-06",
        "chatcmpl-9",
    )
    assert found["input"] == [{"role": "user", "content": [{"type": "text", "text": "Weather?"}]}]
    assert found["output"] == [{"role": "assistant", "content": "Warm."}]
    assert (found["session_id"], found["tags"]) == ("chat-1", {"blue": "true", "new": "true", "team": "a"})
    tool = data(
        {"openinference.span.kind": "TOOL", "tool.name": "search", "input.value": '{"q": 1}', "output.value": "x"}
    )
    assert (tool["kind"], tool["name"], tool["input"], tool["output"]) == ("tool", "search", {"q": 1}, "x")


def test_events_that_carry_messages() -> None:
    found = data(
        {"gen_ai.operation.name": "chat"},
        OtlpEvent("gen_ai.user.message", {"content": "Weather?"}),
        OtlpEvent("gen_ai.choice", {"message": '{"content": "Warm."}', "index": 0}),
    )
    assert found["input"] == [{"role": "user", "content": "Weather?"}]
    assert found["output"] == [{"role": "assistant", "content": "Warm."}]
    old = OtlpEvent("gen_ai.content.prompt", {"gen_ai.prompt": '[{"role": "user", "content": "Hi"}]'})
    assert data({"gen_ai.operation.name": "chat"}, old)["input"] == [{"role": "user", "content": "Hi"}]


def test_memory_and_retrieval() -> None:
    found = data(
        {
            "gen_ai.operation.name": "search_memory",
            "gen_ai.memory.query.text": "likes",
            "gen_ai.memory.record.count": 3,
            "gen_ai.memory.store.id": "m1",
        }
    )
    assert (found["kind"], found["name"], found["input"]) == ("memory", "search", "likes")
    assert found["attributes"]["gen_ai.memory.record.count"] == 3
    assert found["attributes"]["gen_ai.memory.store.id"] == "m1"


def test_openllmetry_names_entities_and_properties() -> None:
    said = {"traceloop.span.kind": "tool", "traceloop.entity.name": "search", "traceloop.workflow.name": "plan"}
    found = data(said | {"traceloop.entity.input": '{"q": 1}', "traceloop.association.properties.plan": "pro"})
    assert (found["kind"], found["name"], found["agent"], found["input"]) == ("tool", "search", "plan", {"q": 1})
    assert found["tags"] == {"plan": "pro"}


def test_errors() -> None:
    raised = OtlpEvent("exception", {"exception.type": "RateLimit", "exception.message": "slow down"})
    found = data({}, raised, failed=True)
    assert (found["status"], found["error"]) == ("failed", {"message": "slow down", "type": "RateLimit"})
    assert data({}, raised)["error"] is None
    assert data({"error.type": "timeout"}, failed=True)["error"] == {"message": "timeout", "type": "timeout"}


def test_what_was_said_is_no_attribute() -> None:
    secret = "my password"
    said = dict.fromkeys(
        (
            "gen_ai.input.messages",
            "gen_ai.prompt.0.content",
            "llm.input_messages.0.message.content",
            "input.value",
            "output.value",
            "traceloop.entity.input",
            "gen_ai.tool.call.arguments",
            "gen_ai.tool.call.result",
            "ai.prompt.messages",
            "ai.response.text",
            "retrieval.documents.0.document.content",
        ),
        secret,
    )
    for kind in ("LLM", "TOOL", "CHAIN"):
        found = data(said | {"openinference.span.kind": kind, "shelf": "a"})
        assert found["attributes"]["shelf"] == "a"
        assert secret not in json.dumps(found["attributes"])


def test_tags_and_attributes_have_bounds() -> None:
    assert len(tags_of({f"kagura.tag.{number}": "x" * 1000 for number in range(100)})) == 32
    found = data({f"a{number}": "x" * 100_000 for number in range(1000)})
    assert len(found["attributes"]) <= 130
    assert len(json.dumps(found["attributes"])) < 400_000
