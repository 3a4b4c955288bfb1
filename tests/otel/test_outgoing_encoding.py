"""Spans in the words of the conventions: what is said of a call, what is never said unasked."""

from decimal import Decimal
from typing import Any

import msgspec

from kagura.model import Cost, CostSource, Span, SpanKind, Status, Usage, UsageSource
from kagura.otel.conventions import SCHEMA_URL, SEMCONV_VERSION
from kagura.otel.encoding import Content, Encoder, OutgoingSpan, Place, Server
from tests.store.things import SECOND, T, declared, failed, llm, tool

PLACE = Place("ab" * 16, "cd" * 8, None)
ENCODER = Encoder({"openai": Server("api.openai.com", 443)})


def sent(span: Span, content: Content | None = None) -> OutgoingSpan:
    return ENCODER.span(span, PLACE, content)


def said(span: Span, content: Content | None = None) -> dict[str, Any]:
    return dict(sent(span, content).attributes)


def json(value: Any) -> bytes:
    return msgspec.json.encode(value)


def test_the_version_of_the_conventions_is_pinned() -> None:
    assert f"https://opentelemetry.io/schemas/gen-ai/{SEMCONV_VERSION}" == SCHEMA_URL


def test_a_call_says_all_that_the_conventions_have_a_name_for() -> None:
    call = llm(
        usage=Usage(input=100, output=30, cache_read=40, cache_write=10, reasoning=8),
        cost=Cost(total=Decimal("0.0125"), source=CostSource.CATALOG, price_version="list 2025-10-01"),
        endpoint="chat/completions",
        stream=True,
        time_to_first_chunk=250_000,
        response_id="resp-1",
        finish_reason="stop",
        http_status=200,
        session_id="session-1",
        user="ann",
        tags={"team": "red"},
        attributes={"target": "/v1/chat/completions", "step": 2, "headers": {"user-agent": "x"}},
    )
    found = sent(call)
    assert (found.name, found.is_client, found.failed) == ("chat gpt-4o", True, False)
    assert (found.started_at, found.ended_at) == (T, T + 2 * SECOND)
    assert found.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.request.stream": True,
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.response.id": "resp-1",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.response.time_to_first_chunk": 0.25,
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 30,
        "gen_ai.usage.cache_read.input_tokens": 40,
        "gen_ai.usage.cache_write.input_tokens": 10,
        "gen_ai.usage.cache_creation.input_tokens": 10,
        "gen_ai.usage.reasoning.output_tokens": 8,
        "gen_ai.usage.cost": 0.0125,
        "gen_ai.agent.name": "my_agent",
        "gen_ai.conversation.id": "session-1",
        "session.id": "session-1",
        "user.id": "ann",
        "server.address": "api.openai.com",
        "server.port": 443,
        "http.response.status_code": 200,
        "kagura.execution_id": "run-1",
        "kagura.span_id": call.id,
        "kagura.kind": "llm",
        "kagura.status": "completed",
        "kagura.endpoint": "chat/completions",
        "kagura.usage.source": "provider",
        "kagura.cost.currency": "USD",
        "kagura.cost.source": "catalog",
        "kagura.cost.price_version": "list 2025-10-01",
        "kagura.tag.team": "red",
        "kagura.step": 2,
    }


def test_an_estimate_is_never_told_as_a_bill() -> None:
    call = llm(
        usage=Usage(input=100, output=20, source=UsageSource.ESTIMATED), cost=Cost(total=Decimal(1), estimated=True)
    )
    found = said(call)
    assert "gen_ai.usage.cost" not in found
    assert (found["kagura.cost.estimated"], found["kagura.usage.source"]) == (1.0, "estimated")


def test_what_nobody_knows_is_left_out() -> None:
    found = said(llm(usage=None, cost=Cost(), response_model=None))
    assert not [name for name in found if name.startswith(("gen_ai.usage", "kagura.cost", "gen_ai.response"))]


def test_failures_have_a_type_and_their_words() -> None:
    found = sent(failed())
    assert (found.failed, found.message) == (True, "Rate limit reached")
    assert found.attributes["error.type"] == "rate_limit_error"
    assert said(failed(error_type=None))["error.type"] == "429"
    assert said(failed(error_type=None, http_status=None))["error.type"] == "_OTHER"
    assert said(llm(status=Status.INTERRUPTED))["error.type"] == "interrupted"
    assert "error.type" not in said(llm())


def test_each_kind_has_its_operation_and_its_name() -> None:
    def name(**changes: Any) -> tuple[str, object, bool]:
        found = sent(llm(**changes))
        return found.name, found.attributes.get("gen_ai.operation.name"), found.is_client

    other = {"provider": None, "request_model": None, "response_model": None, "name": "look"}
    embedding = {"kind": SpanKind.EMBEDDING, "request_model": "ada"}
    assert name(endpoint="completions") == ("text_completion gpt-4o", "text_completion", True)
    assert name(endpoint="generateContent") == ("generate_content gpt-4o", "generate_content", True)
    assert name(**embedding) == ("embeddings ada", "embeddings", True)
    assert name(kind=SpanKind.TOOL, **other) == ("execute_tool look", "execute_tool", False)
    assert name(kind=SpanKind.AGENT, **other) == ("invoke_agent my_agent", "invoke_agent", False)
    found = name(kind=SpanKind.AGENT, **(other | {"name": "reviewer", "inferred": True}))
    assert found == ("invoke_agent reviewer", "invoke_agent", False)
    assert name(kind=SpanKind.RETRIEVAL, **other) == ("retrieval look", "retrieval", False)
    assert name(kind=SpanKind.SPAN, **other) == ("look", None, False)
    memory = {"gen_ai.operation.name": "search_memory", "gen_ai.memory.record.count": 3}
    assert name(kind=SpanKind.MEMORY, attributes=memory, **other) == ("search_memory", "search_memory", False)
    assert name(kind=SpanKind.MEMORY, inferred=True, **other) == ("execute_tool look", "execute_tool", False)


def test_tools_say_their_name_and_call() -> None:
    found = said(tool(name="search", inferred=True, attributes={"gen_ai.tool.call.id": "call_1", "asked_by": "a"}))
    assert (found["gen_ai.tool.name"], found["gen_ai.tool.call.id"]) == ("search", "call_1")
    assert (found["gen_ai.tool.type"], found["kagura.asked_by"], found["kagura.inferred"]) == ("function", "a", True)
    assert said(tool(attributes={"server_side": True}))["gen_ai.tool.type"] == "extension"


def test_providers_bear_the_names_of_the_conventions() -> None:
    assert said(llm(provider="gemini"))["gen_ai.provider.name"] == "gcp.gemini"
    assert said(llm(provider="mine"))["gen_ai.provider.name"] == "mine"


def test_attributes_of_programs_go_out_as_they_are() -> None:
    given = {"customer": 42, "ok": True, "names": ["a", "b"], "mixed": [1, "a"], "nan": float("nan"), "deep": {"a": 1}}
    assert {name: value for name, value in said(tool(attributes=given)).items() if name in given} == {
        "customer": 42,
        "ok": True,
        "names": ["a", "b"],
    }
    assert said(tool(attributes=given), Content())["deep"] == '{"a":1}'


SECRET = "the secret"


def everything(with_content: bool) -> str:
    """All that goes out of spans that hold a secret wherever something was said."""
    content = Content(inputs=[json(SECRET)], outputs=[json(SECRET)], parameters=json({"user": SECRET}))
    spans = [
        llm(input_preview=SECRET, output_preview=SECRET, tool_calls=[]),
        tool(input_preview=SECRET, output_preview=SECRET, attributes={"kwargs": {"a": SECRET}, "data": SECRET}),
        tool(inferred=True, status=Status.FAILED, error=SECRET),
        tool(kind=SpanKind.RETRIEVAL, attributes={"gen_ai.retrieval.query.text": SECRET, "input.value": SECRET}),
        tool(kind=SpanKind.SPAN, attributes={"gen_ai.prompt.0.content": SECRET, "gen_ai.input.messages": SECRET}),
    ]
    found = [sent(span, content if with_content else None) for span in spans]
    run = declared(Status.COMPLETED, attributes={"command": f"agent {SECRET!r}", "kwargs": {"question": SECRET}})
    return repr([*found, ENCODER.execution(run, PLACE, {}, with_content=with_content)])


def test_what_was_said_stays_here_unless_it_is_allowed_out() -> None:
    assert SECRET not in everything(with_content=False)
    assert everything(with_content=True).count(SECRET) >= 10


def test_messages_go_out_where_that_is_allowed() -> None:
    content = Content(
        inputs=[json({"role": "system", "content": "Be brief."}), json({"role": "user", "content": "Hello"})],
        outputs=[json({"role": "assistant", "content": "Hi"})],
        parameters=json({"temperature": 0.5, "max_tokens": 10, "tools": []}),
    )
    found = said(llm(finish_reason="stop"), content)
    assert msgspec.json.decode(found["gen_ai.system_instructions"]) == [{"type": "text", "content": "Be brief."}]
    assert msgspec.json.decode(found["gen_ai.input.messages"]) == [
        {"role": "user", "parts": [{"type": "text", "content": "Hello"}]}
    ]
    assert msgspec.json.decode(found["gen_ai.output.messages"]) == [
        {"role": "assistant", "parts": [{"type": "text", "content": "Hi"}], "finish_reason": "stop"}
    ]
    assert (found["gen_ai.request.temperature"], found["gen_ai.request.max_tokens"]) == (0.5, 10)


def test_a_tool_tells_its_arguments_and_its_result() -> None:
    kept = said(tool(), Content(inputs=[json({"q": "x"})], outputs=[json("found")]))
    assert (kept["gen_ai.tool.call.arguments"], kept["gen_ai.tool.call.result"]) == ('{"q":"x"}', "found")
    inferred = said(tool(inferred=True, output_preview="found"), Content(arguments={"q": "whole"}))
    assert (inferred["gen_ai.tool.call.arguments"], inferred["gen_ai.tool.call.result"]) == ('{"q":"whole"}', "found")
    search = said(tool(kind=SpanKind.RETRIEVAL), Content(inputs=[json("where?")]))
    assert search["gen_ai.retrieval.query.text"] == "where?"


def test_an_execution_is_the_agent_and_its_sums_are_no_usage() -> None:
    run = declared(Status.FAILED, ended_at=T + SECOND, error="no more", tags={"team": "red"}, session_id="s")
    found = ENCODER.execution(run, PLACE, {"llm_calls": 3, "cost_usd": 0.5})
    assert (found.name, found.failed, found.message, found.is_client) == (
        "invoke_agent my_agent",
        True,
        "no more",
        False,
    )
    assert found.attributes["kagura.execution.cost_usd"] == 0.5
    assert found.attributes["kagura.tag.team"] == "red"
    assert not [name for name in found.attributes if name.startswith("gen_ai.usage")]
