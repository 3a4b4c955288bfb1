"""LiteLLM's account of a call → the event that kagura stores."""

from typing import Any

import pytest

from kagura.config import CaptureSettings, Settings
from kagura.model import Event
from kagura.observability.litellm_call import event_from

CALLED = {"id": "call_1", "function": {"name": "get_weather", "arguments": '{"city": "Kyōto"}'}}
ANSWER = {
    "id": "chatcmpl-1",
    "model": "gpt-4o-mini-2024-07-18",
    "choices": [{"finish_reason": "tool_calls", "message": {"role": "assistant", "tool_calls": [CALLED]}}],
}
PAYLOAD: dict[str, Any] = {
    "call_type": "acompletion",
    "custom_llm_provider": "openai",
    "model": "gpt-4o-mini",
    "status": "success",
    "startTime": 1700000000.25,
    "completionStartTime": 1700000000.5,
    "endTime": 1700000001.0,
    "messages": [{"role": "user", "content": "Weather?"}],
    "response": ANSWER,
    "api_base": "https://example.test/v1?key=secret",
    "response_cost": 0.125,
    "metadata": {"usage_object": {"prompt_tokens": 30, "completion_tokens": 12, "cost": 0.125}},
}


def event(*, content: str = "full", environ: dict[str, str] | None = None, **changes: Any) -> Event:
    settings = Settings(capture=CaptureSettings(content=content))  # type: ignore[arg-type]
    metadata = changes.pop("run", {})
    kwargs = {"standard_logging_object": PAYLOAD | changes, "litellm_params": {"metadata": metadata}}
    found = event_from(kwargs, None, settings, environ=environ or {})
    assert found is not None
    return found


def test_times_names_tools_and_tokens() -> None:
    data = event().data
    assert (data["started_at"], data["ended_at"]) == (1_700_000_000_250_000, 1_700_000_001_000_000)
    assert (data["kind"], data["endpoint"], data["request_model"]) == ("llm", "chat/completions", "gpt-4o-mini")
    assert data["tool_calls"] == [{"name": "get_weather", "id": "call_1", "arguments": {"city": "Kyōto"}}]
    assert (data["usage"]["input"], data["usage"]["output"]) == (30, 12)


def test_what_litellm_reckons_is_no_bill_and_a_key_in_an_address_is_not_kept() -> None:
    data = event().data
    assert "provider_cost" not in data["usage"]
    assert data["attributes"] == {"litellm_response_cost": "0.125", "api_base": "https://example.test/v1"}


def test_an_answer_from_litellms_cache_used_nothing() -> None:
    assert "usage" not in event(cache_hit=True).data


def test_without_content_only_names_are_kept() -> None:
    data = event(content="none").data
    assert not {"input", "output", "parameters"} & data.keys()
    assert [call["name"] for call in data["tool_calls"]] == ["get_weather"]
    assert "Weather?" not in str(data)
    assert "Kyōto" not in str(data)


@pytest.mark.parametrize(
    ("run", "environ", "execution_id", "source"),
    [
        ({}, {}, "", "litellm"),
        ({"trace_id": "t-1"}, {}, "t-1", "litellm"),
        ({"trace_id": "t-1", "session_id": "s-1"}, {}, "s-1", "litellm"),
        ({"session_id": "s-1"}, {"KAGURA_EXECUTION_ID": "run-1"}, "run-1", "sdk"),
        ({"kagura_execution_id": "mine"}, {"KAGURA_EXECUTION_ID": "run-1"}, "mine", "sdk"),
    ],
)
def test_whose_call_it_is(run: dict[str, str], environ: dict[str, str], execution_id: str, source: str) -> None:
    found = event(run=run, environ=environ)
    assert (found.execution_id, found.data["source"]) == (execution_id, source)


@pytest.mark.parametrize("name", ["x-kagura-call-id", "llm_provider-X-Kagura-Call-Id"])
def test_a_call_that_the_proxy_saw_is_left_to_it(name: str) -> None:
    payload = PAYLOAD | {"hidden_params": {"additional_headers": {name: "0123456789abcdef"}}}
    assert event_from({"standard_logging_object": payload}, None, Settings()) is None


@pytest.mark.parametrize(
    "kwargs", [{}, {"standard_logging_object": None}, {"standard_logging_object": {"messages": 7}}]
)
def test_odd_accounts_are_recorded_as_far_as_they_go(kwargs: dict[str, Any]) -> None:
    found = event_from(kwargs, object(), Settings(), environ={})
    assert found is not None
    assert found.data["status"] == "completed"
