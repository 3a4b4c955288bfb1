"""A LiteLLM proxy as the provider: what it says that a call cost, and its ids."""

from typing import Any

from openai import OpenAI

from tests.clients import openai_dialogue as say
from tests.clients.comparison import Both
from tests.clients.upstream import Pairs

ASK: dict[str, Any] = {"model": "team-model", "messages": [{"role": "user", "content": "Good morning?"}]}
HEADERS: Pairs = (
    ("x-litellm-call-id", "0f7d0c64-7c1e-4d0e-8c8e-3f6f5a1c9b11"),
    ("x-litellm-model-id", "deployment-7"),
    ("x-litellm-key-spend", "812.5"),
)


def asking(root: str) -> Any:
    with OpenAI(base_url=f"{root}/v1", api_key="sk-litellm") as ai:
        return ai.chat.completions.create(**ASK)


def assert_ids(call: dict[str, Any]) -> None:
    kept = call["attributes"]["headers"]
    assert (kept["x-litellm-call-id"], kept["x-litellm-model-id"]) == (HEADERS[0][1], HEADERS[1][1])
    assert "x-litellm-key-spend" not in kept


def test_its_cost_is_what_was_billed(both: Both) -> None:
    answer = say.chat({"content": "Good morning"}, headers=(("x-litellm-response-cost", "0.000425"), *HEADERS))
    call = both([answer], asking, below="/litellm").call
    assert (call["provider"], call["input_tokens"], call["output_tokens"]) == ("litellm", 1200, 340)
    assert (call["cost_usd"], call["cost_source"]) == ("0.000425", "provider")
    assert_ids(call)


def test_nothing_is_no_bill(both: Both) -> None:
    for said in ("0.0", "None", ""):
        answer = say.chat({"content": "Good morning"}, headers=(("x-litellm-response-cost", said), *HEADERS))
        call = both([answer], asking, below="/litellm").call
        assert call["cost_source"] != "provider"
        assert_ids(call)
