from decimal import Decimal

import pytest

from kagura.model import JsonObject, ToolCall
from tests.providers.dialogue import call, sse

PATH = "/v1/responses"
ASK = {"model": "gpt-5", "input": "Hi", "instructions": "Be kind.", "previous_response_id": "resp_0"}
SAID = {"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": "Hello"}]}
WEATHER = {
    "type": "function_call",
    "id": "fc_1",
    "call_id": "call_1",
    "name": "weather",
    "arguments": '{"city":"Kyoto"}',
}
USAGE = {
    "input_tokens": 30,
    "input_tokens_details": {"cached_tokens": 20},
    "output_tokens": 12,
    "output_tokens_details": {"reasoning_tokens": 8},
    "total_tokens": 42,
}


def response(status: str = "completed", **fields: object) -> JsonObject:
    found = {"id": "resp_1", "object": "response", "model": "gpt-5-2025-08-07", "status": status, "error": None}
    return found | {"output": [SAID], "usage": USAGE, "service_tier": "default"} | fields


def event(name: str, **fields: object) -> tuple[str, JsonObject]:
    return name, {"type": name} | fields


def test_a_plain_answer() -> None:
    read = call(PATH, response(previous_response_id="resp_0"), ASK)
    assert (read.request_model, read.response_model, read.response_id) == ("gpt-5", "gpt-5-2025-08-07", "resp_1")
    assert (read.finish_reason, read.previous_response_id, read.complete) == ("completed", "resp_0", True)
    assert [(sent.role, sent.text) for sent in read.input_messages] == [("system", "Be kind."), ("user", "Hi")]
    assert read.output_messages[0].content == SAID
    assert read.output_messages[0].text == "Hello"
    assert read.error is None
    found = read.usage
    assert found and (found.input, found.cache_read, found.output, found.reasoning) == (30, 20, 12, 8)
    assert found.service_tier == "default"


@pytest.mark.parametrize(
    ("end", "status", "details", "reason"),
    [
        ("response.completed", "completed", None, "completed"),
        ("response.incomplete", "incomplete", {"reason": "max_output_tokens"}, "max_output_tokens"),
        ("response.failed", "failed", None, "failed"),
    ],
)
def test_usage_stands_at_the_response_of_the_last_event(end: str, status: str, details: object, reason: str) -> None:
    stream = sse(
        event("response.created", response=response("in_progress", usage=None, output=[])),
        event("response.output_text.delta", delta="Hello"),
        event("response.output_item.done", output_index=0, item=SAID),
        event(end, response=response(status, incomplete_details=details)),
    )
    read = call(PATH, stream, ASK)
    assert (read.stream, read.complete, read.finish_reason) == (True, True, reason)
    assert read.usage and read.usage.input == 30


def test_codex_leaves_after_the_function_call() -> None:
    stream = sse(
        event("response.created", response=response("in_progress", usage=None, output=[])),
        event("response.output_item.done", output_index=0, item=WEATHER),
    )
    read = call(PATH, stream, ASK)
    assert read.tool_calls == [ToolCall(name="weather", id="call_1", arguments={"city": "Kyoto"})]
    assert (read.complete, read.usage, read.finish_reason) == (False, None, "in_progress")


def test_a_failed_response_and_an_error_event() -> None:
    failed = response("failed", error={"code": "server_error", "message": "died"}, usage=None)
    read = call(PATH, sse(event("response.failed", response=failed)), ASK)
    assert read.error and (read.error.message, read.error.type) == ("died", "server_error")
    read = call(PATH, sse(event("error", code="rate_limit_exceeded", message="slow down")), ASK)
    assert read.error and (read.error.message, read.error.type) == ("slow down", "rate_limit_exceeded")
    assert not read.complete


def test_items_of_the_input_keep_their_roles() -> None:
    items = [
        {"role": "user", "content": "Weather?"},
        WEATHER,
        {"type": "function_call_output", "call_id": "call_1", "output": "Rain"},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm"}]},
    ]
    read = call(PATH, response(), {"model": "gpt-5", "input": items})
    assert [(sent.role, sent.text) for sent in read.input_messages] == [
        ("user", "Weather?"),
        ("assistant", ""),
        ("tool", "Rain"),
        ("assistant", "Hm"),
    ]
    assert [sent.content for sent in read.input_messages] == items


def test_tools_of_the_client_and_of_the_provider() -> None:
    output = [
        {"type": "custom_tool_call", "call_id": "c1", "name": "patch", "input": "*** Begin"},
        {"type": "local_shell_call", "call_id": "c2", "action": {"command": ["ls"]}},
        {"type": "web_search_call", "id": "ws_1"},
        {"type": "web_search_call", "id": "ws_2"},
    ]
    read = call(PATH, response(output=output), ASK)
    assert [(found.name, found.id) for found in read.tool_calls] == [("patch", "c1"), ("local_shell", "c2")]
    assert read.usage and read.usage.units == {"web_search": Decimal(2)}


def test_only_searches_of_the_web_are_billed_not_pages_that_are_opened() -> None:
    usage = {"input_tokens": 20, "output_tokens": 5, "total_tokens": 25}
    actions = ("search", "open_page", "find_in_page", "search")
    output = [
        {"type": "web_search_call", "id": f"ws_{at}", "action": {"type": kind}} for at, kind in enumerate(actions)
    ]
    read = call(PATH, response(usage=usage, output=output), ASK)
    assert read.usage and read.usage.units == {"web_search": Decimal(2)}
    told = response(usage=usage, output=output, tool_usage={"web_search": {"num_requests": 1}})
    assert (found := call(PATH, told, ASK).usage) and found.units == {"web_search": Decimal(1)}
    read = call(PATH, response(usage=usage, output=output[1:3]), ASK)
    assert read.usage and read.usage.units == {}


def test_xai_counts_searches_itself_and_reports_ticks() -> None:
    usage = USAGE | {
        "cost_in_usd_ticks": 161_508_500,
        "server_side_tool_usage_details": {"web_search_calls": 3, "x_search_calls": 0},
    }
    read = call(PATH, response(usage=usage, output=[{"type": "web_search_call", "id": "ws"}]), ASK, provider="xai")
    assert read.usage and read.usage.units == {"web_search": Decimal(3)}
    assert read.usage.provider_cost == Decimal("0.01615085")
    assert read.usage.output == 12


def test_fetching_a_stored_response_does_not_bill_it_again() -> None:
    read = call("/v1/responses/resp_1", response(), method="GET")
    assert (read.endpoint, read.billable, read.usage) == ("responses-item", False, None)


def test_a_stored_failure_is_no_failure_of_the_call_that_fetches_it() -> None:
    stored = response("failed", error={"code": "server_error", "message": "died"})
    assert call("/v1/responses/resp_1", stored, method="GET").error is None
