"""What the relay tells the worker."""

from typing import Any

import pytest

from kagura.errors import ProxyError
from kagura.providers import load
from kagura.proxy.translation.order import HEADER, Order, order_for, read_order
from kagura.proxy.translation.parameters import OPERATIONS, divided


def order(provider: str, **changes: object) -> Order:
    return order_for(load({provider: changes})[provider], signed=False)


def test_an_order_arrives_as_it_was_given() -> None:
    given = order("anthropic", base_url="http://127.0.0.1:9/")
    assert given == Order(
        provider="anthropic", base_url="http://127.0.0.1:9", headers={"anthropic-version": "2023-06-01"}
    )
    assert read_order(dict([given.line()])) == given


def test_addresses_and_names_as_litellm_wants_them() -> None:
    assert order("gemini").base_url == "https://generativelanguage.googleapis.com/v1beta"
    assert (order("vertex").provider, order("vertex").base_url) == ("vertex_ai", None)
    assert order("bedrock").provider == "bedrock"


@pytest.mark.parametrize("headers", [{}, {HEADER: b"nonsense"}, {HEADER: b"{}"}])
def test_calls_of_others_are_refused(headers: dict[bytes, bytes]) -> None:
    with pytest.raises(ProxyError):
        read_order(headers)


DANGEROUS = ["api_base", "base_url", "api_key", "custom_llm_provider", "extra_headers", "callbacks", "fallbacks"]
DANGEROUS += ["mock_response", "model_list", "aws_role_name", "aws_bedrock_runtime_endpoint", "vertex_credentials"]
DANGEROUS += ["metadata", "litellm_params", "input_cost_per_token", "timeout", "max_retries", "extra_body", "proxy_url"]


@pytest.mark.parametrize("path", OPERATIONS)
def test_what_decides_over_addresses_and_keys_never_passes(path: str) -> None:
    request: dict[str, Any] = {"model": "m", "user": None, **dict.fromkeys(DANGEROUS, "x")}
    passing, ignored = divided(request, OPERATIONS[path])
    assert passing == {"model": "m"}
    assert ignored == sorted(DANGEROUS)
