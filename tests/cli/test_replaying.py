from decimal import Decimal
from typing import Any

import pytest

from kagura.cli.replaying import Planner, calls_of, estimate, key_headers
from kagura.errors import InputError
from kagura.model import Cost, Span, Status, Usage
from kagura.pricing import Catalog
from kagura.providers import load
from kagura.store import SpanContents
from kagura.store.prompts import Prompt
from tests.store.things import SECOND, T, cost, llm, tool

TABLE = load({})
CATALOG = Catalog.load()
KEPT = SpanContents(inputs=[b'{"role":"user","content":"a"}'], parameters=b'{"model":"gpt-4o"}')
PROMPT = Prompt(b"x" * 16)


def call(**more: Any) -> Span:
    facts = {"endpoint": "chat/completions", "attributes": {"target": "/v1/chat/completions"}}
    return llm(1, **{**facts, **more})


@pytest.mark.parametrize(
    ("span", "contents", "prompt", "why"),
    [
        (call(), None, None, "its content was not kept"),
        (call(), KEPT, None, "its content was not kept"),
        (call(), KEPT, Prompt(b"x" * 32), "its content was not kept whole"),
        (
            call(attributes={"target": "/v1", "notes": ["the request is not whole JSON"]}),
            KEPT,
            PROMPT,
            "not kept whole",
        ),
        (call(attributes={}), KEPT, PROMPT, "it did not pass through the proxy"),
        (call(provider="nobody"), KEPT, PROMPT, "it did not pass through the proxy"),
        (call(endpoint="embeddings"), KEPT, PROMPT, "requests to embeddings cannot be made again"),
    ],
)
def test_what_cannot_be_made_again_is_refused(
    span: Span, contents: SpanContents | None, prompt: Prompt | None, why: str
) -> None:
    with pytest.raises(InputError, match="cannot be sent again") as refused:
        Planner(TABLE, CATALOG).request(span, contents, prompt)
    assert why in refused.value.message
    assert refused.value.remedy


@pytest.mark.parametrize(
    ("provider", "endpoint", "target", "model", "expected"),
    [
        ("openai", "chat/completions", "/v1/chat/completions", None, ("/openai/v1/chat/completions", "gpt-4o")),
        ("openai", "chat/completions", "/v1/chat/completions", "o3", ("/openai/v1/chat/completions", "o3")),
        ("openai", "chat/completions", "/v1/chat/completions", "openai/o3", ("/openai/v1/chat/completions", "o3")),
        ("openai", "chat/completions", "/v1/chat/completions", "groq/x", ("/groq/v1/chat/completions", "x")),
        ("openai", "responses", "/v1/responses", "xai/grok", ("/xai/v1/responses", "grok")),
        ("openai", "chat/completions", "/v1/chat/completions", "anthropic/c", ("/v1/chat/completions", "anthropic/c")),
        (
            "openrouter",
            "chat/completions",
            "/v1/chat/completions",
            "meta/l",
            ("/openrouter/v1/chat/completions", "meta/l"),
        ),
        ("perplexity", "chat/completions", "/chat/completions", None, ("/perplexity/chat/completions", "gpt-4o")),
    ],
)
def test_where_a_request_goes(
    provider: str, endpoint: str, target: str, model: str | None, expected: tuple[str, str]
) -> None:
    span = call(provider=provider, endpoint=endpoint, attributes={"target": target})
    request = Planner(TABLE, CATALOG, model).request(span, KEPT, PROMPT)
    assert (request.target, request.body["model"]) == expected


def test_the_same_model_costs_what_it_cost_and_another_one_is_priced() -> None:
    span = call(usage=Usage(input=1_000_000, output=0), cost=cost("7"))
    assert Planner(TABLE, CATALOG).request(span, KEPT, PROMPT).cost.billed == 7
    other = Planner(TABLE, CATALOG, "gpt-4o-mini").request(span, KEPT, PROMPT)
    unknown = Planner(TABLE, CATALOG, "my-own").request(span, KEPT, PROMPT)
    assert other.cost.billed == Decimal("0.15")
    assert unknown.cost.unknown_calls == 1
    assert str(estimate([other, unknown])) == "$0.15 + 1 unknown"


def test_of_each_call_the_last_attempt_is_sent() -> None:
    spans = [
        llm(3, T + 9 * SECOND),
        llm(1, T, status=Status.FAILED, cost=Cost()),
        llm(2, T + SECOND, attempt=2, first_attempt_id=llm(1).id),
        tool(4, T),
    ]
    assert [int(span.id, 16) for span in calls_of(spans)] == [2, 3]


def test_keys_come_from_the_environment() -> None:
    environ = {"OPENAI_API_KEY": " sk-1 ", "ANTHROPIC_API_KEY": "sk-2"}
    assert key_headers(TABLE["openai"], environ, held_by_proxy=False) == {"authorization": "Bearer sk-1"}
    assert key_headers(TABLE["anthropic"], environ, held_by_proxy=False) == {"x-api-key": "sk-2"}
    assert key_headers(TABLE["ollama"], {}, held_by_proxy=False) == {}
    assert key_headers(TABLE["groq"], {}, held_by_proxy=True) == {}
    with pytest.raises(InputError, match="no key for groq") as refused:
        key_headers(TABLE["groq"], {}, held_by_proxy=False)
    assert "GROQ_API_KEY" in refused.value.remedy
